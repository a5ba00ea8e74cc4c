import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createVerifier, memoryReplayStore, type Verifier } from '@countersign/core';
import { webhook as expressWebhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { webhookHandler } from '@countersign/fetch';
import { webhook as koaWebhook } from '@countersign/koa';
import { github, gitlabToken, stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { serve } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { countOwnTimeOnly } from '../../../test/support/own-time.ts';
import { type Inspector, inspector } from '../src/index.ts';
import type { DeliveryDetail, DeliveryList } from '../src/wire.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
countOwnTimeOnly();

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Handles each delivery by its body: `{"do":"throw"}`, `{"do":500}`. */
async function handle(body: { do?: string | number }): Promise<number> {
  if (body.do === 'throw') throw new Error('the database is down');
  return typeof body.do === 'number' ? body.do : 204;
}

type Mount = (inspect: Inspector<'stripe'>, verifier: Verifier) => Promise<string>;

function serveOn(server: Server): Promise<string> {
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}

const MOUNTS: Record<string, Mount> = {
  async Express(inspect, verifier) {
    const app = express();
    app.use(inspect.listener);
    app.post('/hooks', expressWebhook(verifier), async (req, res) => {
      res.sendStatus(await handle(req.webhook.json()));
    });
    app.use(((_error, _req, res, _next) => void res.sendStatus(500)) as express.ErrorRequestHandler);
    return serveOn(createServer(app));
  },
  async 'Express, below a path'(inspect, verifier) {
    const app = express();
    app.use(express.json({ type: 'text/never' }));
    app.use('/', inspect.listener);
    app.use('/hooks', expressWebhook(verifier), async (req, res) => {
      res.sendStatus(await handle(req.webhook.json()));
    });
    app.use(((_error, _req, res, _next) => void res.sendStatus(500)) as express.ErrorRequestHandler);
    return serveOn(createServer(app));
  },
  async Fastify(inspect, verifier) {
    const app = Fastify();
    app.all(`${inspect.path}*`, (request, reply) => {
      reply.hijack();
      inspect.listener(request.raw, reply.raw);
    });
    await app.register(async (scope) => {
      await scope.register(webhookPlugin, { verifier });
      scope.post('/hooks', async (request, reply) => reply.code(await handle(request.webhook.json())).send());
    });
    cleanups.push(() => app.close());
    return app.listen({ port: 0, host: '127.0.0.1', forceCloseConnections: true } as never);
  },
  async Koa(inspect, verifier) {
    const app = new Koa();
    app.silent = true;
    app.use(async (ctx, next) => {
      if (!ctx.path.startsWith(inspect.path)) return next();
      ctx.respond = false;
      inspect.listener(ctx.req, ctx.res);
    });
    const receive = koaWebhook(verifier);
    app.use(async (ctx, next) => {
      await receive(ctx as never, next);
    });
    app.use(async (ctx) => {
      ctx.status = await handle((ctx.state as { webhook: { json(): object } }).webhook.json());
    });
    return serveOn(createServer(app.callback()));
  },
  async 'Hono (fetch)'(inspect, verifier) {
    const app = new Hono();
    app.all(`${inspect.path}*`, (c) => inspect.fetch(c.req.raw));
    const receive = webhookHandler(verifier, async (webhook) => handle(webhook.json()));
    app.post('/hooks', (c) => receive(c.req.raw));
    return new Promise((resolve) => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
        resolve(`http://127.0.0.1:${port}`),
      ) as Server;
      cleanups.push(() => {
        server.closeAllConnections();
        return new Promise((done) => server.close(done));
      });
    });
  },
};

async function mounted(mount: Mount) {
  const inspect = inspector({ verifiers: { stripe: { scheme: stripe(), secrets: SECRET } } });
  cleanups.push(() => inspect.close());
  const origin = await mount(inspect, inspect.verifiers.stripe);
  const api = async <T>(path: string, method = 'GET'): Promise<T> =>
    (await fetch(`${origin}${inspect.path}api/${path}`, { method })).json() as Promise<T>;
  return {
    inspect,
    origin,
    api,
    list: () => api<DeliveryList>('deliveries'),
    detail: (id: number) => api<DeliveryDetail>(`deliveries/${id}`),
    async send(body: object, sent?: string) {
      const { headers, body: bytes } = sign(stripe(), { secret: SECRET, body: JSON.stringify(body) });
      return fetch(`${origin}/hooks`, { method: 'POST', headers, body: sent ?? new Uint8Array(bytes) });
    },
    /** The steps of a delivery as soon as it has the last one. */
    async steps(id: number, last: string) {
      return vi.waitFor(async () => {
        const { steps } = await api<DeliveryDetail>(`deliveries/${id}`);
        const names = steps.map(({ step }) => step);
        expect(names).toContain(last);
        return names;
      });
    },
  };
}

describe.each(Object.entries(MOUNTS))('mounted in %s', (_, mount) => {
  test('each delivery has its own timeline, whatever happens to it and to others at the same time', async () => {
    const { send, steps, list, detail, inspect, origin } = await mounted(mount);
    await send({ id: 'evt_1' });
    expect(await steps(1, 'committed')).toEqual([
      ...['received', 'body read', 'verified', 'claimed', 'handled', 'committed'],
    ]);
    expect(await detail(1)).toMatchObject({
      ...{ outcome: 'accepted', status: 204, keyRole: 'current', endpoint: 'stripe', method: 'POST' },
      ...{ url: '/hooks', bodyBytes: 14, verdict: { deliveryId: 'evt_1' } },
    });
    expect((await send({ id: 'evt_1' })).status).toBe(200);
    expect(await steps(2, 'duplicate')).not.toContain('claimed');
    expect((await send({ id: 'evt_2', do: 'throw' })).status).toBe(500);
    expect((await steps(3, 'released')).filter((step) => step !== 'handled')).toEqual(
      expect.arrayContaining(['received', 'body read', 'verified', 'claimed', 'released']),
    );
    expect((await send({ id: 'evt_2', do: 503 })).status).toBe(503);
    expect(await steps(4, 'released')).toEqual([
      ...['received', 'body read', 'verified', 'claimed', 'handled', 'released'],
    ]);
    await send({ id: 'evt_3' }, '{"id": "evt_3"}');
    await steps(5, 'explained');
    expect((await detail(5)).verdict.causes?.[0]).toMatchObject({
      code: 'body-reserialized',
      certainty: 'proven',
    });
    const outcomes = (await list()).deliveries.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['accepted', 'duplicate', 'failed', 'failed', 'refused']);

    const many = Array.from({ length: 20 }, (_, at) => send({ id: `evt_many_${at}` }));
    await Promise.all(many);
    for (let id = 6; id <= 25; id += 1)
      expect(await steps(id, 'committed')).toEqual([
        ...['received', 'body read', 'verified', 'claimed', 'handled', 'committed'],
      ]);
    const page = await fetch(origin + inspect.path);
    expect(await page.text()).toContain('<title>Countersign inspector</title>');
    expect(page.headers.get('content-security-policy')).toMatch(/script-src 'sha256-/);
  });

  test('a replay runs the handler again, and its delivery is linked', async () => {
    const { send, steps, api, detail } = await mounted(mount);
    await send({ id: 'evt_1' });
    await steps(1, 'committed');
    expect(await api('deliveries/1/replay', 'POST')).toEqual({ id: 2 });
    expect(await steps(2, 'committed')).toContain('handled');
    expect(await detail(2)).toMatchObject({ replayOf: 1, outcome: 'accepted' });
  });
});

describe('inspector()', () => {
  const verifiers = { stripe: { scheme: stripe(), secrets: SECRET } };

  test('refuses to be built in production', () => {
    vi.stubEnv('NODE_ENV', 'production');
    expect(() => inspector({ verifiers })).toThrow(
      'inspector() is for development, but NODE_ENV is "production". Use createVerifier() there.',
    );
  });

  test.each([
    ['"verifiers" must name', { verifiers: {} }],
    ['"path" must be a path', { path: 'x' }],
    ['"token" must be at least 16', { token: 'short' }],
    ['"hosts" must be a list', { hosts: ['http://a'] }],
    ['"replayTo" must be a URL', { replayTo: 'there' }],
    ['"maxBytes" must be a number', { maxBytes: 0 }],
    ['Did you mean "maxDeliveries"', { maxDeliverys: 1 }],
  ])('refuses wrong options: %s', (message, options) => {
    expect(() => inspector({ verifiers, ...options } as never)).toThrow(message);
  });

  test('memory is bounded by count and by bytes', async () => {
    const inspect = inspector({
      verifiers,
      maxDeliveries: 10,
      maxBytes: 300_000,
      token: 'a-token-for-a-test',
    });
    cleanups.push(() => inspect.close());
    const list = async () => {
      const response = await inspect.fetch(new Request(`http://localhost${inspect.path}api/deliveries`));
      return ((await response.json()) as DeliveryList).deliveries.map(({ id }) => id);
    };
    const deliver = (body: string | Buffer) =>
      inspect.verifiers.stripe.handle(sign(stripe(), { secret: SECRET, body }), () => 204);
    for (let at = 0; at < 15; at += 1) await deliver(`{"id":"evt_${at}"}`);
    expect(await list()).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    for (let at = 0; at < 5; at += 1) await deliver(Buffer.alloc(100_000, String(at)));
    expect((await list()).length).toBeLessThanOrEqual(3);
    expect((await list()).at(-1)).toBe(20);
  });

  test('the verifiers behave as those of createVerifier()', async () => {
    const replay = memoryReplayStore();
    const events: string[] = [];
    const options = {
      ...{ scheme: github(), secrets: SECRET, endpoint: 'shop/github', replay },
      observe: ({ type }: { type: string }) => void events.push(type),
    };
    const inspect = inspector({ verifiers: { a: options } });
    cleanups.push(() => inspect.close());
    const plain = createVerifier({ ...options, endpoint: 'other' });
    const request = () => sign(github(), { secret: SECRET, body: '{"a":1}' });
    for (const verifier of [inspect.verifiers.a, plain]) {
      events.length = 0;
      const handled = await verifier.handle(request(), () => ({
        status: 201,
        headers: { a: 'b' },
        body: 'made',
      }));
      expect(handled).toEqual({ status: 201, headers: { a: 'b' }, body: 'made' });
      const webhook = await verifier.verify(request());
      expect(await verifier.claim(webhook)).toEqual({ state: 'duplicate' });
      expect(await verifier.forget(webhook)).toBe(true);
      const claim = await verifier.claim(webhook);
      if (claim.state === 'duplicate') throw new Error('It was forgotten.');
      expect([claim.isOverdue(), claim.signal.aborted]).toEqual([false, false]);
      await claim.commit();
      await expect(verifier.verify({ ...request(), body: Buffer.from('{}') })).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      });
      expect(verifier.health().state).toBe('ready');
      expect(events.filter((type) => type !== 'secrets-loaded')).toEqual([
        ...['verified', 'claimed', 'committed', 'verified', 'duplicate', 'claimed', 'committed', 'refused'],
      ]);
    }
    await plain.close();
  });

  test('secrets appear nowhere: not one that the sender sends, nor one that the app echoes', async () => {
    const token = 'canary-4f9d2c7b1e-gitlab';
    const secrets = async () => ({ current: token, previous: 'canary-previous-77aa41' });
    const inspect = inspector({
      verifiers: { gitlab: { scheme: gitlabToken(), secrets }, stripe: verifiers.stripe },
    });
    cleanups.push(() => inspect.close());
    const { gitlab } = inspect.verifiers;
    await gitlab.ready();
    await inspect.verifiers.stripe.ready();
    const signed = sign(gitlabToken(), {
      secret: token,
      body: `{"token":"${token}","b64":"${btoa(token)}"}`,
    });
    await gitlab.handle({ url: `/hooks?t=${token}`, ...signed }, () => ({
      status: 200,
      headers: {},
      body: token,
    }));
    // A wrong token may be the right one of another system.
    await gitlab.handle({ ...signed, headers: { 'x-gitlab-token': 'canary-wrong-token-9911' } }, () => 200);
    const stolen = { body: `{"leak":"${SECRET}"}`, timestamp: new Date(0) };
    await inspect.verifiers.stripe.handle(sign(stripe(), { secret: SECRET, ...stolen }), () => 200);
    await inspect.verifiers.stripe.handle(sign(stripe(), { secret: SECRET, body: stolen.body }), () => 200);
    const get = async (path: string) =>
      (await inspect.fetch(new Request(`http://localhost${inspect.path}${path}`))).text();
    await vi.waitFor(async () => expect(await get('api/deliveries/3')).toContain('"causes"'));
    const paths = [
      '',
      'api/deliveries',
      ...[1, 2, 3, 4].flatMap((id) => [`api/deliveries/${id}`, `api/deliveries/${id}/body`]),
    ];
    const shown = (await Promise.all(paths.map(get))).join('\n');
    const plain =
      shown + shown.replace(/"([A-Za-z0-9+/=]{8,})"/g, (_, text) => Buffer.from(text, 'base64').toString());
    for (const canary of [token, btoa(token), 'canary-previous', 'canary-wrong', SECRET, SECRET.slice(6)])
      expect(plain.includes(canary), canary).toBe(false);
    expect(shown).toContain('[secret removed]');
  });
});

describe('who may see the page', () => {
  const setUp = (options: object = {}) => {
    const inspect = inspector({ verifiers: { stripe: { scheme: stripe(), secrets: SECRET } }, ...options });
    cleanups.push(() => inspect.close());
    return {
      inspect,
      get: (url: string, headers: Record<string, string> = {}, method = 'GET') =>
        inspect.fetch(new Request(url, { headers, method })),
    };
  };

  test('only who knows the token, for every call', async () => {
    const { inspect, get } = setUp();
    const base = `http://localhost:3000${inspect.path}`;
    for (const path of ['', 'api/deliveries', 'api/events', 'api/deliveries/1', 'api/deliveries/1/body'])
      for (const wrong of [
        `${base.slice(0, -2)}/`,
        `${base.slice(0, -3)}AA/`,
        'http://localhost:3000/countersign/',
        'http://localhost:3000/countersign//',
      ])
        expect((await get(wrong + path)).status, wrong + path).toBe(404);
    for (const path of ['api/clear', 'api/deliveries/1/replay'])
      expect((await get(`http://localhost:3000/countersign/x/${path}`, {}, 'POST')).status).toBe(404);
    expect((await get(base)).status).toBe(200);
    expect((await get(base.slice(0, -1))).status).toBe(307);
  });

  test('only under a name of this machine (DNS rebinding), and names that were allowed', async () => {
    const { inspect, get } = setUp();
    for (const host of [
      'evil.example',
      'evil.example:3000',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '192.168.1.5:3000',
      '',
    ])
      expect((await get(`http://localhost:3000${inspect.path}`, { host })).status, host).toBe(421);
    for (const host of ['localhost:3000', '127.0.0.1', '[::1]:3000', 'LOCALHOST'])
      expect((await get(`http://localhost:3000${inspect.path}`, { host })).status, host).toBe(200);
    const other = setUp({ hosts: ['app.test'] });
    const url = `http://app.test:3000${other.inspect.path}`;
    expect((await other.get(url, { host: 'app.test:3000' })).status).toBe(200);
  });

  test('no other page: neither by its Origin nor by Sec-Fetch-Site', async () => {
    const { inspect, get } = setUp();
    const url = `http://localhost:3000${inspect.path}api/deliveries`;
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://evil.example', host: 'localhost:3000' },
      { origin: 'http://localhost:5173', host: 'localhost:3000' },
      { origin: 'null', host: 'localhost:3000' },
    ] as Record<string, string>[])
      expect((await get(url, headers)).status, JSON.stringify(headers)).toBe(403);
    const own = await get(url, {
      origin: 'http://localhost:3000',
      host: 'localhost:3000',
      'sec-fetch-site': 'same-origin',
    });
    expect(own.status).toBe(200);
    expect([...own.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(own.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });
});
