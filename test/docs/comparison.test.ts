import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { createNodeMiddleware, Webhooks } from '@octokit/webhooks';
import express from 'express';
import Stripe from 'stripe';
import { Webhook } from 'svix';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../consumers/packages.ts';
import { listen } from '../support/listen.ts';

// What the README says about the libraries of senders, shown by running them. (What Countersign does: strictness.test.ts, the
// conformance cases, and the storm.)

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const YEAR_SECONDS = 31_536_000;
const PAYLOAD = '{"id":"evt_1"}';
const now = () => Math.floor(Date.now() / 1000);

/** A row of the table, by the text that its first cell contains. */
function row(name: string): string[] {
  const line = README.split('\n').find(
    (each) => each.startsWith('| ') && each.split(' | ')[0]?.includes(name),
  );
  return line?.slice(2, -2).split(' | ') ?? [];
}

test('the table names the versions that are tested here', () => {
  for (const name of ['stripe', 'svix', '@octokit/webhooks']) {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8'));
    const [, minor] = /^(\d+\.\d+)\./.exec(manifest.version) ?? [];
    expect(README).toContain(`| \`${name}\` ${minor} |`);
  }
});

test('the times are those of the report', () => {
  const report = readFileSync(join(ROOT, 'bench/results/verify.md'), 'utf8');
  const ratio = (heading: string, contender: string) => {
    const section = report.split(`## ${heading}: valid signature, one key`)[1]?.split('\n## ')[0] ?? '';
    const line = section.split('\n').find((each) => each.startsWith(`| ${contender} |`)) ?? '';
    return / · (\d+\.\d+) /.exec(line.split(' | ')[2] ?? '')?.[1];
  };
  expect(row('time of a valid')[1]).toBe(
    `${ratio('Stripe', 'countersign')} for Stripe, ${ratio('Standard Webhooks', 'countersign')} for Standard Webhooks, ${ratio('GitHub', 'countersign')} for GitHub`,
  );
  expect(row('time of a valid').slice(2, 5)).toEqual([
    `${ratio('Stripe', 'stripe constructEvent')}, JSON parsed`,
    `${ratio('Standard Webhooks', 'svix')}, JSON parsed`,
    `${ratio('GitHub', '@octokit/webhooks-methods')} (\`webhooks-methods\`)`,
  ]);
});

describe('stripe', () => {
  const { webhooks } = new Stripe('sk_test_1');
  const secret = 'whsec_test_0123456789abcdef';
  const header = (timestamp = now()) =>
    webhooks.generateTestHeaderString({ payload: PAYLOAD, secret, timestamp });

  test('takes one secret', () => {
    expect(row('old and new secret')[2]).toBe('one');
    expect(() => webhooks.constructEvent(PAYLOAD, header(), ['whsec_old', secret] as never)).toThrow(
      TypeError,
    );
  });

  test('accepts a delivery again', () => {
    expect(row('handled once')[2]).toBe('no');
    const sent = header();
    for (const _ of [1, 2])
      expect(webhooks.constructEvent(PAYLOAD, sent, secret)).toMatchObject({ id: 'evt_1' });
  });

  test('accepts a time a year ahead', () => {
    expect(row('a year ahead')[2]).toBe('accepted');
    expect(webhooks.constructEvent(PAYLOAD, header(now() + YEAR_SECONDS), secret)).toMatchObject({
      id: 'evt_1',
    });
  });

  test('says that a body was parsed', () => {
    expect(row('body parser')[2]).toBe('an error that says so');
    expect(() => webhooks.constructEvent({ id: 'evt_1' } as never, header(), secret)).toThrow(
      /must be provided as a string or a Buffer/,
    );
  });
});

describe('svix', () => {
  const webhook = new Webhook(`whsec_${btoa('a secret of 24 bytes or so')}`);
  const headers = (at = new Date()) => ({
    'svix-id': 'msg_1',
    'svix-timestamp': `${Math.floor(at.getTime() / 1000)}`,
    'svix-signature': webhook.sign('msg_1', at, PAYLOAD),
  });

  test('takes one secret', () => {
    expect(row('old and new secret')[3]).toBe('one');
    expect(() => new Webhook(['whsec_old', 'whsec_new'] as never)).toThrow();
  });

  test('accepts a delivery again', () => {
    expect(row('handled once')[3]).toBe('no');
    const sent = headers();
    for (const _ of [1, 2]) expect(webhook.verify(PAYLOAD, sent)).toEqual({ id: 'evt_1' });
  });

  test('refuses a time a year ahead', () => {
    expect(row('a year ahead')[3]).toBe('refused');
    const ahead = headers(new Date(Date.now() + YEAR_SECONDS * 1000));
    expect(() => webhook.verify(PAYLOAD, ahead)).toThrow(/timestamp/i);
  });

  test('says that a body was parsed', () => {
    expect(row('body parser')[3]).toBe('an error that says so');
    expect(() => webhook.verify({ id: 'evt_1' } as never, headers())).toThrow(/string or Buffer/);
  });
});

describe('@octokit/webhooks', () => {
  const OLD = 'the old secret, of 24 bytes or so';
  const NEW = 'the new secret, of 24 bytes or so';

  /** The statuses of some deliveries to its middleware, and how often its handler ran. */
  async function deliver(
    secrets: string[],
    parser?: RequestListener,
  ): Promise<{ statuses: number[]; runs: number }> {
    let runs = 0;
    const webhooks = new Webhooks({ secret: NEW, additionalSecrets: [OLD] });
    webhooks.on('push', () => {
      runs += 1;
    });
    const app = express();
    if (parser !== undefined) app.use(parser as never);
    // Its own time-out is 9 seconds.
    app.use(createNodeMiddleware(webhooks, { path: '/hooks', timeout: parser === undefined ? 9000 : 200 }));
    const { port, close } = await listen(app);
    const statuses: number[] = [];
    for (const secret of secrets) {
      const digest = createHmac('sha256', secret).update(PAYLOAD).digest('hex');
      const response = await fetch(`http://127.0.0.1:${port}/hooks`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-github-event': 'push',
          'x-github-delivery': 'a1',
          'x-hub-signature-256': `sha256=${digest}`,
        },
        body: PAYLOAD,
      });
      statuses.push(response.status);
    }
    await close();
    return { statuses, runs };
  }

  test('takes additional secrets, and runs a delivery again', async () => {
    expect(row('old and new secret')[4]).toBe('`additionalSecrets`');
    expect(row('handled once')[4]).toBe('no');
    expect(await deliver([NEW, OLD, OLD])).toEqual({ statuses: [200, 200, 200], runs: 3 });
  });

  test('responds with 202 behind a body parser, and never runs the handler', async () => {
    expect(row('body parser')[4]).toBe('202 after 9 s; the handler never runs');
    expect(await deliver([NEW], express.json() as never)).toEqual({ statuses: [202], runs: 0 });
  });
});
