import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { portOf } from '../../../support/listen.ts';
import { shown } from '../suite.ts';
import { runInWorkerd } from './run-cases.ts';
import { startWorker, type Worker } from './workerd.ts';

const STATIC = `whsec_${btoa('a static secret of 24 by')}`;
const OLD = `whsec_${btoa('an old secret of 24 byte')}`;
const NEW = `whsec_${btoa('a new secret of 24 bytes')}`;

test('the adapter cases in workerd', async () => {
  const result = await runInWorkerd('fetch');
  console.info(shown('workerd', result));
  expect(result.failures).toEqual([]);
  expect(result.run).toBeGreaterThan(150);
});

/** The server beside the Worker. */
let outside: Server;
let secret = OLD;
/** Responses wait in `held` if this is set. */
let holds = false;
const held: ServerResponse[] = [];
let worker: Worker;

beforeAll(async () => {
  outside = createServer((_, response) => {
    if (holds) held.push(response);
    else response.end(secret);
  }).listen(0, '127.0.0.1');
  await once(outside, 'listening');
});
afterAll(() => {
  outside.closeAllConnections();
  outside.close();
});

beforeEach(async () => {
  holds = false;
  held.length = 0;
  secret = OLD;
  worker = await startWorker({
    script: new URL('endpoints-worker.ts', import.meta.url),
    bindings: { OUTSIDE: `http://127.0.0.1:${portOf(outside)}`, SECRET: STATIC },
  });
  return () => worker.stop();
});

function release(): void {
  holds = false;
  for (const response of held.splice(0)) response.end(secret);
}

async function deliver(path: string, signedWith: string, body = '{}'): Promise<number> {
  const { headers } = sign(standardWebhooks(), { secret: signedWith, body });
  return (await fetch(`${worker.url}${path}`, { method: 'POST', headers, body })).status;
}

interface Health {
  readonly state: string;
  readonly events: readonly string[];
  readonly pendingBytes: { readonly bytes: number };
}

async function health(name: string): Promise<Health> {
  return (await fetch(`${worker.url}/?health=${name}`)).json() as Promise<Health>;
}

/** Sends a request, or a part of it, and resets the connection when `arrived` says so. */
async function leave(
  path: string,
  signedWith: string,
  arrived: () => Promise<void>,
  { body = '{}', sentBytes = body.length }: { body?: string; sentBytes?: number } = {},
): Promise<void> {
  const { headers } = sign(standardWebhooks(), { secret: signedWith, body });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const socket = connect({ port: worker.ports[0] ?? 0, host: '127.0.0.1', noDelay: true });
  const head = [`POST ${path} HTTP/1.1`, 'Host: x', `Content-Length: ${body.length}`, ...lines, '', ''];
  socket.write(head.join('\r\n') + body.slice(0, sentBytes));
  await arrived();
  const closed = once(socket, 'close');
  socket.resetAndDestroy();
  await closed;
}

describe('a Worker with its verifiers at module level', () => {
  test('verifies with every kind of secrets, each delivery once', async () => {
    const statuses: Record<string, number> = {};
    for (const [name, given] of Object.entries({
      ...{ static: STATIC, remembered: STATIC, env: STATIC, unset: STATIC, disabled: STATIC },
      ...{ loaded: OLD, 'no-context': OLD, shared: OLD },
    }))
      statuses[name] = await deliver(`/${name}`, given);
    expect(statuses).toEqual({
      ...{ static: 204, remembered: 204, env: 204, unset: 503, disabled: 404 },
      ...{ loaded: 204, 'no-context': 204, shared: 204 },
    });
    expect(await deliver('/static', NEW)).toBe(401);
    expect(worker.log()).toBe('');
  });

  test('refuses what comes twice', async () => {
    const { headers } = sign(standardWebhooks(), { secret: STATIC, body: '{}' });
    const send = () => fetch(`${worker.url}/remembered`, { method: 'POST', headers, body: '{}' });
    await send();
    await send();
    const { events } = await health('remembered');
    expect(events.filter((type) => type === 'claimed')).toHaveLength(1);
    expect(events).toContain('duplicate');
  });

  test('loads its secrets again when their interval has passed, although no timer outlives a request', async () => {
    expect(await deliver('/shared', OLD)).toBe(204);
    secret = NEW;
    await expect.poll(() => deliver('/shared', OLD), { timeout: 60_000, interval: 200 }).toBe(401);
    expect(await deliver('/shared', NEW)).toBe(204);
  });
});

describe('a client that resets its connection', () => {
  const isHeld = () => expect.poll(() => held.length, { timeout: 60_000 }).toBe(1);

  test.each(['loaded', 'no-context'])(
    'while it waits for the secrets of /%s stops no other',
    async (name) => {
      holds = true;
      await leave(`/${name}`, OLD, isHeld);
      const other = deliver(`/${name}`, OLD);
      release();
      expect(await other).toBe(204);
      expect(await deliver(`/${name}`, OLD)).toBe(204);
      expect((await health(name)).state).toBe('ready');
    },
  );

  test('after it has caused a load of secrets that never ends: the next one starts another', async () => {
    holds = true;
    await leave('/shared', OLD, isHeld);
    // The load is over with its first response, which nobody reads.
    holds = false;
    await expect.poll(() => deliver('/shared', OLD), { timeout: 60_000 }).toBe(204);
  });

  test.each(['loaded', 'no-context'])('while the handler of /%s runs does not stop it', async (name) => {
    expect(await deliver(`/${name}`, OLD)).toBe(204);
    await health(name);
    holds = true;
    await leave(`/${name}`, OLD, isHeld, { body: '{"slow":true}' });
    release();
    const seen: string[] = [];
    await expect
      .poll(async () => seen.push(...(await health(name)).events) && seen, { timeout: 60_000 })
      .toContain('committed');
    expect(seen).not.toContain('released');
  });

  test.each(['static', 'no-context'])('during its body leaves nothing of it in /%s', async (name) => {
    const given = name === 'static' ? STATIC : OLD;
    expect(await deliver(`/${name}`, given)).toBe(204);
    const body = 'x'.repeat(100_000);
    const bytes = async () => (await health(name)).pendingBytes.bytes;
    await leave(`/${name}`, given, () => expect.poll(bytes, { timeout: 60_000 }).toBeGreaterThan(0), {
      body,
      sentBytes: 50_000,
    });
    await expect.poll(bytes, { timeout: 60_000 }).toBe(0);
  });
});
