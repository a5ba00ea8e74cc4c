import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterEach, expect, test, vi } from 'vitest';
import { countOwnTimeOnly } from '../../../test/support/own-time.ts';
import { run } from '../src/index.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
countOwnTimeOnly();

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs the command with its own console. */
function start(args: readonly string[]) {
  const stop = new AbortController();
  const printed: string[] = [];
  const stream = () => new PassThrough().on('data', (chunk) => void printed.push(String(chunk)));
  const ended = run(['listen', ...args], {
    ...{ stdin: new PassThrough(), stdout: stream(), stderr: stream() },
    ...{ env: { STRIPE_SECRET: SECRET, NO_COLOR: '1' }, stop: stop.signal },
  });
  return { stop: () => stop.abort(), ended, text: () => printed.join('') };
}

test('listen prints where it listens, one line a delivery, and the cause of a refusal', async () => {
  const target = createServer(
    (request, response) => void request.resume().on('end', () => response.writeHead(204).end()),
  );
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    target.closeAllConnections();
    target.close();
  });
  const to = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
  const command = start(['stripe', '--to', to, '--port', '0', '--secret-env', 'STRIPE_SECRET']);
  cleanups.push(command.stop);
  await vi.waitUntil(() => command.text().includes('Ctrl+C'));
  const [, url = ''] = /Send deliveries to (http:\/\/127\.0\.0\.1:\d+)/.exec(command.text()) ?? [];
  expect(command.text()).toMatch(/Inspector: http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/\n/);

  const post = (sent?: string) => {
    const { headers, body } = sign(stripe(), { secret: SECRET, body: '{"id":"evt_1","type":"order.paid"}' });
    return fetch(`${url}/hooks`, { method: 'POST', headers, body: sent ?? new Uint8Array(body) });
  };
  expect((await post()).status).toBe(204);
  await post('{"id": "evt_1", "type": "order.paid"}');
  await vi.waitUntil(() => command.text().includes('Pass the bytes as received'));
  const lines = command.text().split('\n').slice(-7);
  expect(command.text()).toMatch(
    /\d\d:\d\d:\d\d {2}accepted {3}#1 {2}order\.paid \/hooks {2}204 {2}current key {2}\d+ ms\n/,
  );
  expect(lines.join('\n')).toMatch(/refused {4}#2 {2}POST \/hooks {2}204 {2}ERR_WEBHOOK_SIGNATURE_MISMATCH/);
  expect(command.text()).not.toContain(SECRET.slice(6));
  command.stop();
  expect(await command.ended).toBe(0);
});

test('a target that is down; and a delivery that tries to change the terminal', async () => {
  const command = start([
    'stripe',
    '--to',
    'http://127.0.0.1:1',
    '--port',
    '0',
    '--secret-env',
    'STRIPE_SECRET',
  ]);
  cleanups.push(command.stop);
  await vi.waitUntil(() => command.text().includes('Ctrl+C'));
  const [, url = ''] = /Send deliveries to (http:\/\/127\.0\.0\.1:\d+)/.exec(command.text()) ?? [];
  const response = await fetch(`${url}/hooks`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'a/b' },
  });
  expect([response.status, await response.text()]).toEqual([
    502,
    'countersign: The target http://127.0.0.1:1 is down (connection refused). Start it, or correct --to.\n',
  ]);
  await vi.waitUntil(() => command.text().includes(' 502 '));
  expect(command.text()).toContain(
    'The target http://127.0.0.1:1 is down (connection refused). Start it, or correct --to.\n',
  );
  const signed = sign(stripe(), { secret: SECRET, body: '{"id":"evt_1","type":"\\u001b[2J\\u202e"}' });
  await fetch(`${url}/hooks`, { method: 'POST', headers: signed.headers, body: new Uint8Array(signed.body) });
  await vi.waitUntil(() => command.text().includes('#2'));
  expect(command.text()).toContain('\\x1b[2J\\x202e /hooks');
  expect(command.text()).not.toContain('\u001b');
  command.stop();
  expect(await command.ended).toBe(0);
});

test.each([
  [['stripe', '--to', 'nonsense', '--secret-env', 'STRIPE_SECRET'], 'The target "nonsense" is not a URL.'],
  [['stripe', '--secret-env', 'STRIPE_SECRET'], "required option '--to <URL>' not specified"],
  [
    ['stripe', '--to', 'http://a', '--port', 'x', '--secret-env', 'STRIPE_SECRET'],
    '--port must be a port from 0 to 65535',
  ],
  [
    ['stripe', '--to', 'http://a', '--port', '70000', '--secret-env', 'STRIPE_SECRET'],
    '--port must be a port',
  ],
  [['stripe', '--to', 'http://a', '--secret-env', 'NOT_SET'], 'NOT_SET is not set'],
  [['nobody', '--to', 'http://a', '--secret-env', 'STRIPE_SECRET'], 'There is no sender "nobody".'],
  [['twilio', '--to', 'http://a', '--secret-env', 'STRIPE_SECRET'], '--public-url is missing'],
  [
    [
      'stripe',
      '--to',
      'http://a',
      '--port',
      '0',
      '--record',
      '/no/such/folder/x',
      '--secret-env',
      'STRIPE_SECRET',
    ],
    'The record file "/no/such/folder/x" can\'t be written (ENOENT).',
  ],
])('bad input, one sentence and exit code 2: %j', async (args, sentence) => {
  const command = start(args);
  expect(await command.ended).toBe(2);
  expect(command.text()).toContain(`countersign: `);
  expect(command.text()).toContain(sentence);
  expect(command.text()).not.toMatch(/\n {4}at /);
});
