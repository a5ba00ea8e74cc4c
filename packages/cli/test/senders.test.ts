import { isWebhookError } from '@countersign/core';
import * as main from '@countersign/schemes';
import * as jwt from '@countersign/schemes/jwt';
import * as x509 from '@countersign/schemes/x509';
import { describe, expect, test } from 'vitest';
import type { SenderFacts } from '../src/catalogue/sender-facts.ts';
import { SENDERS } from '../src/sender.ts';
import { SENDER_OPTIONS } from '../src/sender-options.ts';
import { countersign, inProcess } from './support/command.ts';

async function facts(...words: string[]): Promise<SenderFacts[]> {
  const { code, stdout } = await inProcess(['senders', '--json', ...words]);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe('countersign senders', () => {
  test('lists every sender within 80 columns', async () => {
    const { code, stdout } = await countersign(['senders']);
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.filter((line) => !line.startsWith(' '))).toHaveLength(Object.keys(SENDERS).length);
  });

  test.each([
    ['stripe', 'Stripe'],
    ['google-pubsub', 'Google Cloud Pub/Sub'],
    ['GoogleChat', 'Google Chat'],
    ['aws sns', 'Amazon SNS'],
  ])('%s shows one sender', async (words, title) => {
    const { code, stdout } = await inProcess(['senders', ...words.split(' ')]);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toContain(title);
  });

  test('stripe: what is signed, the headers, where the secret is, how to rotate it, retries, traps', async () => {
    const { stdout } = await inProcess(['senders', 'stripe']);
    expect(stdout).toContain('stripe-signature: t=<s>,v1=<hex>');
    expect(stdout).toContain('over {timestamp}.{body}');
    expect(stdout).toMatch(/^The secret\n {2}In the dashboard under Developers, Webhooks/m);
    expect(stdout).toMatch(/^Rotating it\n {2}The old secret expires at once or after a delay/m);
    expect(stdout).toMatch(/^Retries\n {2}Retries: after any failure, for 3 days/m);
    expect(stdout).toMatch(/^Traps\n {2}Stripe's own library accepts timestamps in the future/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('finds senders by a header and by an algorithm', async () => {
    expect((await facts('x-hub-signature-256')).map(({ name }) => name)).toEqual(['github', 'meta']);
    const found = await facts('ed25519');
    expect(found.map(({ name }) => name)).toContain('discord');
    expect(found.every(({ algorithms }) => algorithms.includes('Ed25519'))).toBe(true);
  });

  test('says no and suggests a name if there is no such sender', async () => {
    expect(await inProcess(['senders', 'stirpe'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('Did you mean "stripe"?'),
    });
    expect(await inProcess(['senders', 'stirpe', '--json'])).toMatchObject({ code: 1, stdout: '[]\n' });
  });

  test('knows where the secret of a sender is, or says that it does not, and has a title for each', async () => {
    const all = await facts();
    expect(all.filter(({ sender }) => sender === '')).toEqual([]);
    const withSources = all.filter(({ sources }) => sources.length > 0);
    expect(withSources.length).toBeGreaterThanOrEqual(all.length - 4);
    const signed = all.filter(({ canSign }) => canSign).map(({ factory }) => factory);
    expect(signed).toEqual(expect.arrayContaining(Object.keys(main)));
  });
});

describe('the tables of the command line', () => {
  const HELPERS =
    /Keys$|^(?:defineJwtScheme|jwksSecrets|tokenClaims|certificateSecrets|snsMessage|appStoreNotification)$/;

  test('have every sender that @countersign/schemes exports', () => {
    const exported = [main, jwt, x509].flatMap((module) =>
      Object.keys(module).filter((name) => !HELPERS.test(name)),
    );
    expect(Object.keys(SENDERS).toSorted()).toEqual(exported.toSorted());
  });

  test('have the options that the factories know', () => {
    for (const [factory, options] of Object.entries(SENDER_OPTIONS)) {
      let listed: string[] | undefined;
      try {
        SENDERS[factory]?.({ ['?'.repeat(60)]: true });
      } catch (error) {
        if (!isWebhookError(error)) throw error;
        listed = /Known options: ([\w, ]+)\./.exec(error.message)?.[1]?.split(', ');
      }
      // Some factories only ignore or refuse what they don't know.
      if (listed !== undefined) expect(Object.keys(options), factory).toEqual(listed);
    }
  });

  test('name a needed option of every factory that needs one', async () => {
    for (const [factory, make] of Object.entries(SENDERS)) {
      let needs = false;
      try {
        make();
      } catch {
        needs = true;
      }
      const required = Object.values(SENDER_OPTIONS[factory] ?? {}).some((option) => option.required);
      expect(required, factory).toBe(needs);
    }
  });
});
