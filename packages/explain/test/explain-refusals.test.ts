import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isWebhookError, type VerifierOptions, type WebhookEvent } from '@countersign/core';
import { explainRefusals } from '@countersign/explain';
import { webhook } from '@countersign/express';
import { stripe } from '@countersign/schemes';
import { sign, tamper } from '@countersign/testing';
import express from 'express';
import { afterEach, expect, test, vi } from 'vitest';

const SECRET = 'whsec_f3d1a0b5c79e42768fd50c1e2b3a4968';
const OTHER = 'whsec_0d1a0b5c79e42768fd50c1e2b3a49687';
const BODY = '{"id":"evt_1"}';
const OPTIONS: VerifierOptions = { scheme: stripe(), secrets: SECRET };

afterEach(() => {
  vi.unstubAllEnvs();
});

/** An app whose refusals are explained. */
async function app(options: Partial<VerifierOptions> = {}) {
  const texts: string[] = [];
  let logged: (text: string) => void = () => undefined;
  const verifier = explainRefusals({ ...OPTIONS, ...options }, (text) => {
    texts.push(text);
    logged(text);
  });
  const routes = express();
  routes.post('/hooks', webhook(verifier), (req, res) => {
    res.json({ id: req.webhook.id });
  });
  const server = createServer(routes).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
  return {
    texts,
    verifier,
    post: (headers: Record<string, string>, body: string | Buffer) =>
      fetch(url, { method: 'POST', headers, body }),
    /** The next text that is logged. */
    next: () =>
      new Promise<string>((resolve) => {
        logged = resolve;
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await verifier.close();
    },
  };
}

test('a refused request is explained after its response, and a genuine one is not', async () => {
  await using running = await app();
  const genuine = sign(stripe(), { secret: SECRET, body: BODY });
  expect((await running.post(genuine.headers, genuine.body)).status).toBe(200);
  const text = running.next();
  const refused = await running.post(genuine.headers, `${BODY}\n`);
  expect({ status: refused.status, body: await refused.json() }).toEqual({
    status: 401,
    body: { error: 'webhook refused' },
  });
  expect(await text).toContain('[body-extra-newline]');
  expect(running.texts).toHaveLength(1);
});

test('a request that is refused before its body is read is explained by its head', async () => {
  await using running = await app();
  const text = running.next();
  expect((await running.post({ 'user-agent': 'curl/8.5.0' }, BODY)).status).toBe(401);
  expect(await text).toContain('[test-unsigned]');
  const old = sign(stripe(), { secret: SECRET, body: BODY, timestamp: Date.now() / 1000 - 86_400 * 3 });
  const late = running.next();
  expect((await running.post(old.headers, old.body)).status).toBe(401);
  expect(await late).toContain('[verified-too-late]');
});

test('requests that are verified at the same time are explained each by its own', async () => {
  await using running = await app();
  const genuine = sign(stripe(), { secret: SECRET, body: BODY });
  const other = sign(stripe(), { secret: OTHER, body: BODY });
  await Promise.all([
    running.post(genuine.headers, `${BODY}\n`),
    running.post(genuine.headers, Buffer.from(BODY).toString('base64')),
    running.post(other.headers, other.body),
    running.post(genuine.headers, genuine.body),
  ]);
  await vi.waitFor(() => expect(running.texts).toHaveLength(3), { timeout: 60_000 });
  const codes = running.texts.map((text) => /\[([a-z0-9-]+)\]/.exec(text)?.[1]);
  expect(codes.sort()).toEqual(['body-base64', 'body-extra-newline', 'secret-or-body']);
});

test('the observer still gets every event, and the verifier is like any other', async () => {
  const types: string[] = [];
  await using running = await app({
    observe: (event: WebhookEvent) => void types.push(event.type),
    endpoint: 'shop',
  });
  const { verifier } = running;
  await verifier.ready();
  const genuine = sign(stripe(), { secret: SECRET, body: BODY });
  const received = await verifier.receive({ headers: genuine.headers, body: genuine.body });
  expect(received.state).toBe('claimed');
  if (received.state === 'claimed') await received.claim.commit();
  expect((await verifier.handle({ headers: genuine.headers, body: genuine.body }, () => 204)).status).toBe(
    200,
  );
  const delivery = await verifier.verify({ headers: genuine.headers, body: genuine.body });
  expect(await verifier.claim(delivery)).toEqual({ state: 'duplicate' });
  const text = running.next();
  const forged = tamper(genuine);
  const error = await verifier
    .verify({ headers: forged.headers, body: () => forged.body })
    .catch((thrown: unknown) => thrown);
  expect(isWebhookError(error) && error.code).toBe('ERR_WEBHOOK_SIGNATURE_MISMATCH');
  expect(await text).toContain('[secret-or-body]');
  expect(types).toEqual(expect.arrayContaining(['verified', 'claimed', 'committed', 'duplicate', 'refused']));
  const [key] = verifier.health().secrets.keys;
  await verifier.revoke(key?.id ?? '');
  expect(verifier).toMatchObject({ endpoint: 'shop', scheme: { name: 'stripe' } });
  expect((await verifier.reload()).state).toBe('not-ready');
});

test('a verification inside a handler is not taken for the request of the handler', async () => {
  await using running = await app();
  const inner = sign(stripe(), { secret: OTHER, body: BODY });
  const outer = sign(stripe(), { secret: SECRET, body: BODY });
  const text = running.next();
  const { verifier } = running;
  await verifier.handle({ headers: outer.headers, body: outer.body }, async () => {
    await verifier.verify({ headers: inner.headers, body: Buffer.from(`${BODY} `) }).catch(() => undefined);
  });
  expect(await text).toContain('secret-or-body');
});

test('without an observer, a failing handler is still logged', async () => {
  await using running = await app();
  const { headers, body } = sign(stripe(), { secret: SECRET, body: BODY });
  const text = running.next();
  const response = await running.verifier.handle({ headers, body }, () => {
    throw new Error('no database');
  });
  expect(response.status).toBe(500);
  expect(await text).toContain('no database');
});

test('a log that throws changes nothing', async () => {
  let calls = 0;
  const verifier = explainRefusals(OPTIONS, () => {
    calls += 1;
    throw new Error('the disk is full');
  });
  const { headers, body } = tamper(sign(stripe(), { secret: SECRET, body: BODY }));
  for (const _ of [1, 2]) await verifier.verify({ headers, body }).catch(() => undefined);
  await vi.waitFor(() => expect(calls).toBe(2), { timeout: 60_000 });
});

test('it is refused in production', () => {
  vi.stubEnv('NODE_ENV', 'production');
  expect(() => explainRefusals(OPTIONS, console.warn)).toThrow(/NODE_ENV/);
});

test('a missing log is named', () => {
  expect(() => explainRefusals(OPTIONS, undefined as never)).toThrow(/"log"/);
  expect(() => explainRefusals(OPTIONS, 'console' as never)).toThrow(/"log"/);
});
