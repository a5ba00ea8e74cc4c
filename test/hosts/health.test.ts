import { once } from 'node:events';
import { type Server, request as send } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import { hostname } from 'node:os';
import {
  createVerifier,
  type HealthOptions,
  type HealthReport,
  type Verifier,
  type WebhookRequest,
} from '@countersign/core';
import { createHealthResponder, createNodeHealthHandler } from '@countersign/core/extend';
import { healthHandler as fetchHealth } from '@countersign/fetch';
import { healthHandler as lambdaHealth } from '@countersign/lambda';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { portOf } from '../support/listen.ts';
import {
  type HealthMount,
  healthMounts,
  lambdaHealthMount,
  nestHealthMount,
} from '../support/mounts/health.ts';
import { loadNest } from '../support/mounts/nest-majors.ts';

// What `countersign health`, probes and fleet views rely on: one shape and one rule of access, in every adapter, over real sockets.

const SECRET = 'a-signing-secret-of-32-characters';
const TOKEN = 'a-token-that-only-the-operators-have';
const nests = await Promise.all(([11, 12] as const).map(loadNest));
afterAll(() => Promise.all(nests.map((nest) => nest.unload())));

const MOUNTS: readonly [string, HealthMount][] = [
  ...Object.entries(healthMounts),
  ...nests.flatMap((nest): [string, HealthMount][] => [
    [`Nest ${nest.major} on Express`, nestHealthMount(() => nest, 'express')],
    [`Nest ${nest.major} on Fastify`, nestHealthMount(() => nest, 'fastify')],
  ]),
];

let cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanup.reverse()) await step();
  cleanup = [];
});

/** @param remoteAddress The address that the server's sockets have. Default: their own, which is a loopback address. */
async function listening(server: Server, remoteAddress?: string): Promise<number> {
  if (remoteAddress !== undefined) {
    server.on('connection', (socket) =>
      Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress }),
    );
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return portOf(server);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

async function ask(
  mount: HealthMount,
  verifiers: Readonly<Record<string, Verifier>>,
  given: {
    options?: HealthOptions;
    remoteAddress?: string;
    method?: string;
    headers?: Record<string, string>;
  } = {},
): Promise<Answer> {
  const { server, close } = await mount(verifiers, given.options);
  if (close !== undefined) cleanup.push(close);
  const port = await listening(server, given.remoteAddress);
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {} } = given;
    const call = send({ port, path: '/health', method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { statusCode: status = 0 } = response;
        resolve({ status, headers: response.headers, body: Buffer.concat(chunks).toString() });
      });
    });
    call.on('error', reject).end();
  });
}

function working(): Verifier {
  const verifier = createVerifier({ scheme: github(), secrets: SECRET, endpoint: 'repositories' });
  cleanup.push(() => verifier.close());
  return verifier;
}

/** Its secret is missing. */
async function broken(): Promise<Verifier> {
  const verifier = createVerifier({
    scheme: github(),
    secrets: () => {
      throw new Error('The secret is missing.');
    },
    observe: () => undefined,
  });
  cleanup.push(() => verifier.close());
  await verifier.ready().catch(() => undefined);
  return verifier;
}

const delivery = (): WebhookRequest => sign(github(), { secret: SECRET, body: '{}' });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe.each(MOUNTS)('%s', (_, mount) => {
  it('responds to this machine with every verifier, and no secret', async () => {
    const verifier = working();
    await verifier.verify(delivery());
    const before = Date.now();
    const { status, headers, body } = await ask(mount, { hub: verifier, other: working() });
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'application/json; charset=utf-8',
      'no-store',
    ]);
    const report: HealthReport = JSON.parse(body);
    expect(Object.keys(report)).toEqual(['state', 'instance', 'time', 'verifiers']);
    expect(report).toMatchObject({ state: 'ready', instance: `${hostname()}:${process.pid}` });
    expect(Date.parse(report.time)).toBeGreaterThanOrEqual(before);
    expect(new Date(report.time).toISOString()).toBe(report.time);
    expect(report.verifiers).toEqual({
      hub: JSON.parse(JSON.stringify(verifier.health())),
      other: expect.anything(),
    });
    expect(report.verifiers.hub?.secrets.keys[0]).toMatchObject({ role: 'current', matches: 1 });
    expect(body).not.toContain(SECRET);
  });

  it('is ready as long as one endpoint can work', async () => {
    const { status, body } = await ask(mount, { hub: working(), slack: await broken() });
    expect([status, JSON.parse(body).state]).toEqual([200, 'ready']);
    expect(JSON.parse(body).verifiers.slack.state).toBe('not-ready');
  });

  it('is not ready if none can work; what is switched off does not count', async () => {
    const off = createVerifier({ scheme: github(), disabled: true });
    const { status, body } = await ask(mount, { off, slack: await broken() });
    expect([status, JSON.parse(body).state]).toEqual([503, 'not-ready']);
    expect((await ask(mount, { off })).status).toBe(200);
  });

  it('tells nothing to another machine', async () => {
    const answer = await ask(mount, { hub: working() }, { remoteAddress: '10.1.2.3' });
    expect([answer.status, answer.body]).toEqual([404, '']);
    const claimed = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', host: 'localhost' };
    const forged = await ask(mount, { hub: working() }, { remoteAddress: '10.1.2.3', headers: claimed });
    expect([forged.status, forged.body]).toEqual([404, '']);
  });

  it.each([
    { 'x-forwarded-for': '127.0.0.1' },
    { forwarded: 'for=127.0.0.1' },
    { 'x-real-ip': '127.0.0.1' },
    { via: '1.1 proxy' },
    { 'cf-connecting-ip': '10.1.2.3' },
    { host: 'hooks.example.com' },
  ])('tells nothing to a proxy on this machine: %o', async (headers) => {
    const answer = await ask(mount, { hub: working() }, { headers: headers as Record<string, string> });
    expect([answer.status, answer.body]).toEqual([404, '']);
  });

  it('with the token, responds to any machine, also through a proxy', async () => {
    const given = {
      options: { token: TOKEN, instance: 'blue-7' },
      remoteAddress: '10.1.2.3',
      headers: { ...bearer(TOKEN), 'x-forwarded-for': '10.9.9.9', host: 'hooks.example.com' },
    };
    const { status, body } = await ask(mount, { hub: working() }, given);
    expect([status, JSON.parse(body).instance]).toEqual([200, 'blue-7']);
    expect(body).not.toContain(TOKEN);
  });

  it.each([
    ['no token', {}],
    ['a wrong token', bearer(TOKEN.replace('a', 'b'))],
    ['the beginning of the token', bearer(TOKEN.slice(0, -1))],
    ['more than the token', bearer(`${TOKEN}x`)],
    ['another scheme', { authorization: `Basic ${TOKEN}` }],
    ['the token alone', { authorization: TOKEN }],
  ])('%s gets 401, and nothing else', async (_, headers) => {
    const options = { token: TOKEN };
    const answer = await ask(mount, { hub: working() }, { options, remoteAddress: '10.1.2.3', headers });
    expect([answer.status, answer.headers['www-authenticate'], answer.body]).toEqual([401, 'Bearer', '']);
  });

  it('responds to HEAD without a body, and to POST with 405', async () => {
    const head = await ask(mount, { hub: working() }, { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, '']);
    const post = await ask(mount, { hub: working() }, { method: 'POST' });
    expect([post.status, post.headers.allow, post.body]).toEqual([405, 'GET, HEAD', '']);
    const stranger = await ask(mount, { hub: working() }, { method: 'POST', remoteAddress: '10.1.2.3' });
    expect(stranger.status).toBe(404);
  });

  it.each([
    ['a short token', { token: 'short' }],
    ['a token of 31 characters', { token: TOKEN.slice(0, 31) }],
    ['a token that no header can carry', { token: `${TOKEN} ü` }],
    ['an unknown option', { tokens: TOKEN }],
    ['an empty name', { instance: '' }],
  ])('%s is refused at construction', async (_, options) => {
    await expect(ask(mount, { hub: working() }, { options: options as HealthOptions })).rejects.toMatchObject(
      {
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
      },
    );
  });
});

describe('Lambda', () => {
  it('responds to requests with the token only', async () => {
    const options = { token: TOKEN };
    const found = await ask(lambdaHealthMount, { hub: working() }, { options, headers: bearer(TOKEN) });
    expect([found.status, JSON.parse(found.body).state]).toEqual([200, 'ready']);
    const refused = await ask(lambdaHealthMount, { hub: working() }, { options });
    expect([refused.status, refused.body]).toEqual([401, '']);
    const none = await ask(lambdaHealthMount, { hub: await broken() }, { options, headers: bearer(TOKEN) });
    expect(none.status).toBe(503);
  });
});

it('over HTTP/2, a name that is not of this machine is refused like a proxy', async () => {
  const server = createHttp2Server(createNodeHealthHandler('healthHandler()', { hub: working() }) as never);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const client = connect(`http://127.0.0.1:${port}`);
  cleanup.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => new Promise<void>((resolve) => client.close(resolve)),
  );
  for (const [authority, status] of [
    [`127.0.0.1:${port}`, 200],
    ['hooks.example.com', 404],
  ] as const) {
    const stream = client.request({ ':path': '/health', ':authority': authority });
    const [headers] = (await once(stream, 'response')) as [{ ':status': number }];
    stream.resume();
    expect(headers[':status']).toBe(status);
  }
});

it('hosts that do not tell where a request comes from need a token', () => {
  const code = 'ERR_WEBHOOK_CONFIG_INVALID';
  expect(() => fetchHealth({ hub: working() }, {})).toThrow(expect.objectContaining({ code }));
  expect(() => lambdaHealth({ hub: working() }, {} as never)).toThrow(expect.objectContaining({ code }));
});

it.each([{}, [], undefined, null, { hub: undefined }, { hub: {} }])('%o are no verifiers', (verifiers) => {
  expect(() => createHealthResponder('healthHandler()', verifiers as never)).toThrow(
    expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
  );
});

it.each([
  ['127.0.0.1', 200],
  ['127.8.9.10', 200],
  ['::1', 200],
  ['::ffff:127.0.0.1', 200],
  ['::ffff:10.0.0.1', 404],
  ['10.127.0.1', 404],
  ['1127.0.0.1', 404],
  ['127.0.0.1.example.com', 404],
  ['::12', 404],
  ['', 404],
  [undefined, 404],
])('the address %s gets %i', (remoteAddress, status) => {
  const respond = createHealthResponder('healthHandler()', { hub: working() });
  const headers = { host: '[::1]:3000' };
  expect(respond({ method: 'GET', headers, remoteAddress }).status).toBe(status);
});
