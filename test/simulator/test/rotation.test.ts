import {
  type CommonSenderOptions,
  rotateThroughApi,
  type SimulatedSender,
  sequenceOf,
  simulateSender,
  type VendorName,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedReceiver, StoppedClock } from '../../support/scripted-receiver.ts';

const VENDORS: VendorName[] = ['langsmith', 'agentMessage', 'polyai', 'ada', 'anchorBrowser'];
const DAY = 86_400_000;
const signWith = (secret: string, id: string, at: Date, body: string): string =>
  new Webhook(secret).sign(id, at, body);

let receiver: ScriptedReceiver;
let senders: SimulatedSender[];

beforeEach(async () => {
  senders = [];
  receiver = await ScriptedReceiver.start(200);
});

afterEach(async () => {
  await Promise.all(senders.map((sender) => sender.close()));
  await receiver.close();
});

async function keep(started: Promise<SimulatedSender>): Promise<SimulatedSender> {
  const sender = await started;
  senders.push(sender);
  return sender;
}

type Settings = Partial<CommonSenderOptions>;

function start(vendor: VendorName, settings: Settings = {}): Promise<SimulatedSender> {
  const common = { receiverUrl: receiver.url, ...settings };
  return keep(simulateSender(vendor === 'ada' ? { vendor, signWith, ...common } : { vendor, ...common }));
}

/** Which of the secrets signed the newest request: their places in the list. */
async function signers(sender: SimulatedSender, secrets: readonly (string | undefined)[]): Promise<number[]> {
  sender.emit();
  await sender.idle();
  return signersOfLast(sender, secrets);
}

function signersOfLast(sender: SimulatedSender, secrets: readonly (string | undefined)[]): number[] {
  const { account } = sender;
  const { headers, body } = receiver.last;
  const signature = String(headers[account.signatureHeader.toLowerCase()]);
  const id = String(headers['svix-id'] ?? '');
  const time = headers['svix-timestamp'] ?? headers['x-polyai-timestamp'] ?? /t=(\d+)/.exec(signature)?.[1];
  return secrets.flatMap((secret, place) =>
    secret !== undefined && signature.includes(account.digest(secret, { id, body }, Number(time)))
      ? [place]
      : [],
  );
}

interface Call {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

async function call(
  sender: SimulatedSender,
  path: string,
  options: Call = {},
): Promise<{ status: number; type: string | null; body: unknown }> {
  const response = await fetch(`${sender.apiUrl}${path}`, { method: 'POST', ...options });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: await response.json(),
  };
}

describe('what a rotation does', () => {
  const FORM: Record<VendorName, RegExp> = {
    langsmith: /^\S{32,}$/,
    agentMessage: /^[A-Za-z0-9+/]{43}=$/,
    polyai: /^\S{32,}$/,
    ada: /^whsec_[A-Za-z0-9+/]{32}$/,
    anchorBrowser: /^[0-9a-f]{64}$/,
  };

  it.each(VENDORS)('%s returns a new secret of the documented form', async (vendor) => {
    const sender = await start(vendor);
    const before = sender.secrets().endpoint;
    const { status, secret } = await rotateThroughApi(sender);
    expect(status).toBe(200);
    expect(before).toMatch(FORM[vendor]);
    expect(secret).toMatch(FORM[vendor]);
    expect(secret).not.toBe(before);
    expect(secret).toBe(sender.secrets().endpoint);
  });

  it.each(['langsmith', 'agentMessage', 'polyai'] as const)(
    '%s signs with the new secret alone from then on',
    async (vendor) => {
      const sender = await start(vendor);
      const old = sender.secrets().endpoint;
      expect(await signers(sender, [old])).toEqual([0]);
      const { secret } = await rotateThroughApi(sender);
      expect(await signers(sender, [old, secret])).toEqual([1]);
    },
  );

  it('LangSmith repeats the old signature in a retry after the roll', async () => {
    receiver.script(503, 200);
    const clock = new StoppedClock();
    const sender = await start('langsmith', { clock });
    const old = sender.secrets().endpoint;
    sender.emit();
    await expect.poll(() => sender.stats().attempts).toBe(1);
    const { secret } = await rotateThroughApi(sender);
    clock.advance(30_000);
    await sender.idle();
    expect(receiver.received).toHaveLength(2);
    expect(receiver.received[1]).toEqual(receiver.received[0]);
    expect(signersOfLast(sender, [old, secret])).toEqual([0]);
  });

  it('LangSmith signs that retry with the new secret if told to', async () => {
    receiver.script(503, 200);
    const clock = new StoppedClock();
    const sender = await start('langsmith', { clock, retrySignature: 'renewed' });
    const old = sender.secrets().endpoint;
    sender.emit();
    await expect.poll(() => sender.stats().attempts).toBe(1);
    const { secret } = await rotateThroughApi(sender);
    clock.advance(30_000);
    await sender.idle();
    expect(receiver.received[1]?.body).toEqual(receiver.received[0]?.body);
    expect(signersOfLast(sender, [old, secret])).toEqual([1]);
  });

  it('PolyAI signs a retry after the rotation with the new secret', async () => {
    receiver.script(503, 200);
    const clock = new StoppedClock();
    const sender = await start('polyai', { clock });
    const old = sender.secrets().endpoint;
    sender.emit();
    await expect.poll(() => sender.stats().attempts).toBe(1);
    const { secret } = await rotateThroughApi(sender);
    clock.advance(60_000);
    await sender.idle();
    expect(signersOfLast(sender, [old, secret])).toEqual([1]);
  });

  it('AgentMessage leaves the secret of the endpoint alone when that of the organization is rotated', async () => {
    const sender = await start('agentMessage');
    const before = sender.secrets();
    const { secret } = await rotateThroughApi(sender, { kind: 'organization' });
    expect(sender.secrets()).toEqual({ endpoint: before.endpoint, organization: secret });
    expect(secret).not.toBe(before.organization);
    expect(await signers(sender, [before.endpoint])).toEqual([0]);
  });

  it('AgentMessage always signs with the current secret of the organization, in its five minutes too', async () => {
    const sender = await keep(
      simulateSender({ vendor: 'agentMessage', receiverUrl: receiver.url, signedBy: 'organization' }),
    );
    const { endpoint, organization } = sender.secrets();
    expect(await signers(sender, [endpoint, organization])).toEqual([1]);
    const { secret } = await rotateThroughApi(sender, { kind: 'organization' });
    expect(await signers(sender, [endpoint, organization, secret])).toEqual([2]);
  });

  it('Ada signs with both secrets for a day, if the grace is that of Svix', async () => {
    const clock = new StoppedClock();
    const sender = await start('ada', { clock });
    const old = sender.secrets().endpoint;
    const { secret } = await rotateThroughApi(sender);
    expect(await signers(sender, [old, secret])).toEqual([0, 1]);
    clock.advance(DAY - 1);
    expect(await signers(sender, [old, secret])).toEqual([0, 1]);
    clock.advance(1);
    expect(await signers(sender, [old, secret])).toEqual([1]);
  });

  it('Ada signs with every secret of several rotations in the grace', async () => {
    const sender = await start('ada');
    const first = sender.secrets().endpoint;
    const { secret: second } = await rotateThroughApi(sender);
    const { secret: third } = await rotateThroughApi(sender);
    expect(await signers(sender, [first, second, third])).toEqual([0, 1, 2]);
  });

  it('Ada signs with ten replaced secrets at most', async () => {
    const sender = await start('ada');
    const secrets: (string | undefined)[] = [sender.secrets().endpoint];
    for (let round = 0; round < 11; round++) secrets.push((await rotateThroughApi(sender)).secret);
    expect(await signers(sender, secrets)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('Ada signs with the new secret alone, if there is no grace', async () => {
    const sender = await keep(
      simulateSender({ vendor: 'ada', signWith, graceSeconds: 0, receiverUrl: receiver.url }),
    );
    const old = sender.secrets().endpoint;
    const { secret } = await rotateThroughApi(sender);
    expect(await signers(sender, [old, secret])).toEqual([1]);
  });

  it.each([
    ['both', [0, 1]],
    ['old', [0]],
    ['new', [1]],
  ] as const)('Anchor signs for a day with: %s', async (graceSigns, expected) => {
    const clock = new StoppedClock();
    const sender = await keep(
      simulateSender({ vendor: 'anchorBrowser', graceSigns, clock, receiverUrl: receiver.url }),
    );
    const old = sender.secrets().endpoint;
    const { secret } = await rotateThroughApi(sender);
    clock.advance(DAY - 1);
    expect(await signers(sender, [old, secret])).toEqual(expected);
    clock.advance(1);
    expect(await signers(sender, [old, secret])).toEqual([1]);
  });

  it('shortens the grace by timeScale', async () => {
    const clock = new StoppedClock();
    const sender = await start('anchorBrowser', { clock, timeScale: 1 / 3000 });
    const old = sender.secrets().endpoint;
    const { secret } = await rotateThroughApi(sender);
    clock.advance(28_799);
    expect(await signers(sender, [old, secret])).toEqual([0, 1]);
    clock.advance(1);
    expect(await signers(sender, [old, secret])).toEqual([1]);
  });
});

describe('the responses to a rotation', () => {
  it('LangSmith returns the whole webhook', async () => {
    const sender = await start('langsmith');
    const { body } = await rotateThroughApi(sender);
    expect(body).toMatchObject({
      id: sender.endpointId,
      session_id: sender.account.sessionId,
      tenant_id: sender.credentials.tenantId,
      url: receiver.url,
      event_types: ['issue.created'],
      severity_threshold: 3,
      signing_secret: sender.secrets().endpoint,
    });
  });

  it('AgentMessage returns the endpoint with its secret', async () => {
    const sender = await start('agentMessage');
    const { body } = await rotateThroughApi(sender);
    expect(body).toMatchObject({
      id: sender.endpointId,
      url: receiver.url,
      active: true,
      api_version: '2026-04-01',
      updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      deleted_at: null,
      secret: sender.secrets().endpoint,
      secret_displayed_once: true,
    });
  });

  it('AgentMessage promises five minutes for the previous secret of the organization', async () => {
    const clock = new StoppedClock(Date.UTC(2026, 3, 26, 12));
    const sender = await start('agentMessage', { clock, timeScale: 1 / 3000 });
    const { body } = await rotateThroughApi(sender, { kind: 'organization' });
    expect(body).toEqual({
      webhook_secret: sender.secrets().organization,
      rotated_at: '2026-04-26T12:00:00Z',
      previous_valid_until: '2026-04-26T12:05:00Z',
    });
  });

  it('PolyAI returns the secret and nothing else', async () => {
    const sender = await start('polyai');
    const { body } = await rotateThroughApi(sender);
    expect(body).toEqual({ signing_secret: sender.secrets().endpoint });
  });

  it('Ada returns nothing: the secret is read with a second call', async () => {
    const sender = await start('ada');
    const { body, secret } = await rotateThroughApi(sender);
    expect(body).toEqual({});
    expect(secret).toBe(sender.secrets().endpoint);
    expect(sender.api.calls()).toEqual([
      { operation: 'rotate', result: 200 },
      { operation: 'read-secret', result: 200 },
    ]);
  });

  it('Anchor returns the webhook with its secret', async () => {
    const sender = await start('anchorBrowser');
    const { body } = await rotateThroughApi(sender);
    expect(body).toMatchObject({
      id: sender.endpointId,
      project_id: expect.any(String),
      url: receiver.url,
      description: null,
      subscribed_events: expect.arrayContaining(['task.completed', 'identity.authentication_failed']),
      enabled: true,
      secret: sender.secrets().endpoint,
    });
  });
});

describe('custom keys at Ada', () => {
  const bytes = (length: number): string => Buffer.alloc(length, 7).toString('base64');

  it.each([
    ['with the prefix', `whsec_${bytes(24)}`],
    ['without the prefix', bytes(24)],
    ['as long as Svix takes', `whsec_${bytes(75)}`],
  ])('takes a key %s', async (_what, key) => {
    const sender = await start('ada');
    const { status, secret } = await rotateThroughApi(sender, { key });
    expect(status).toBe(200);
    expect(secret).toBe(`whsec_${key.replace('whsec_', '')}`);
    expect(await signers(sender, [secret])).toEqual([0]);
  });

  it.each([
    ['that is too short', `whsec_${bytes(23)}`],
    ['that is too long', `whsec_${bytes(76)}`],
    ['in another alphabet', `whsec_${'-_'.repeat(16)}`],
    ['without its padding', `whsec_${bytes(25).replace(/=+$/, '')}`],
    ['that is not base64', `whsec_${'='.repeat(32)}`],
    ['that is empty', ''],
  ])('refuses a key %s, and changes nothing', async (_what, key) => {
    const sender = await start('ada');
    const before = sender.secrets();
    const { status, secret } = await rotateThroughApi(sender, { key });
    expect(status).toBe(400);
    expect(secret).toBeUndefined();
    expect(sender.secrets()).toEqual(before);
  });

  it.each(['', '[]', 'null', '{"key":7}', '{'])('refuses the body %j', async (body) => {
    const sender = await start('ada');
    const headers = { Authorization: `Bearer ${sender.credentials.apiKey}` };
    const path = `/api/v2/webhooks/${sender.endpointId}/secret/rotate/`;
    expect(await call(sender, path, { headers, body })).toMatchObject({ status: 400 });
  });
});

describe('the refusals of the management API', () => {
  const UUID = '00000000-0000-4000-8000-000000000000';
  interface Refusal {
    vendor: VendorName;
    what: string;
    status: number;
    body: unknown;
    path: (sender: SimulatedSender) => string;
    headers?: (sender: SimulatedSender) => Record<string, string>;
    method?: string;
  }

  const langsmithPath = (session: string | undefined, id: string): string =>
    `/v1/platform/sessions/${session}/issues-agent/webhooks/${id}/roll-secret`;
  const langsmith = (sender: SimulatedSender): string =>
    langsmithPath(sender.account.sessionId, sender.endpointId);
  const strings = { error: expect.any(String) };
  const agentMessageBody = (code: string): unknown => ({
    success: false,
    error: {
      code,
      message: expect.any(String),
      request_id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
    },
  });
  const message = { message: expect.any(String) };
  const adaBody = { errors: [{ type: expect.any(String), message: expect.any(String), details: null }] };
  const bearer = (token: string | undefined): Record<string, string> => ({
    Authorization: `Bearer ${token}`,
  });

  const REFUSALS: Refusal[] = [
    { vendor: 'langsmith', what: 'no credentials', status: 401, body: strings, path: langsmith },
    {
      vendor: 'langsmith',
      what: 'a wrong key',
      status: 401,
      body: strings,
      path: langsmith,
      headers: () => ({ 'X-API-Key': 'wrong' }),
    },
    {
      vendor: 'langsmith',
      what: 'the workspace alone',
      status: 401,
      body: strings,
      path: langsmith,
      headers: ({ credentials }) => ({ 'X-Tenant-Id': String(credentials.tenantId) }),
    },
    {
      vendor: 'langsmith',
      what: 'a bearer token without the workspace',
      status: 401,
      body: strings,
      path: langsmith,
      headers: ({ credentials }) => bearer(credentials.bearerToken),
    },
    {
      vendor: 'langsmith',
      what: 'another workspace',
      status: 403,
      body: strings,
      path: langsmith,
      headers: ({ credentials }) => ({ 'X-API-Key': credentials.apiKey, 'X-Tenant-Id': UUID }),
    },
    {
      vendor: 'langsmith',
      what: 'an invalid id',
      status: 400,
      body: strings,
      path: ({ account }) => langsmithPath(account.sessionId, 'webhook'),
      headers: ({ credentials }) => ({ 'X-API-Key': credentials.apiKey }),
    },
    {
      vendor: 'langsmith',
      what: 'another session',
      status: 404,
      body: strings,
      path: ({ endpointId }) => langsmithPath(UUID, endpointId),
      headers: ({ credentials }) => ({ 'X-API-Key': credentials.apiKey }),
    },
    {
      vendor: 'agentMessage',
      what: 'a wrong key',
      status: 401,
      body: agentMessageBody('UNAUTHORIZED'),
      path: ({ endpointId }) => `/v1/webhooks/${endpointId}/rotate-secret`,
      headers: () => bearer('am_live_wrong'),
    },
    {
      vendor: 'agentMessage',
      what: 'the key of the organization at an endpoint',
      status: 403,
      body: agentMessageBody('FORBIDDEN'),
      path: ({ endpointId }) => `/v1/webhooks/${endpointId}/rotate-secret`,
      headers: ({ credentials }) => bearer(credentials.adminApiKey),
    },
    {
      vendor: 'agentMessage',
      what: 'the key for endpoints at the organization',
      status: 403,
      body: agentMessageBody('FORBIDDEN'),
      path: () => '/v1/webhook-secret/rotate',
      headers: ({ credentials }) => bearer(credentials.apiKey),
    },
    {
      vendor: 'agentMessage',
      what: 'another endpoint',
      status: 404,
      body: agentMessageBody('NOT_FOUND'),
      path: () => `/v1/webhooks/${UUID}/rotate-secret`,
      headers: ({ credentials }) => bearer(credentials.apiKey),
    },
    {
      vendor: 'agentMessage',
      what: 'a test without a key',
      status: 401,
      body: agentMessageBody('UNAUTHORIZED'),
      path: ({ endpointId }) => `/v1/webhooks/${endpointId}/test`,
    },
    {
      vendor: 'polyai',
      what: 'no key',
      status: 401,
      body: message,
      path: ({ endpointId }) => `/v1/webhook-endpoints/${endpointId}/rotate-secret`,
    },
    {
      vendor: 'polyai',
      what: 'another endpoint',
      status: 404,
      body: message,
      path: () => '/v1/webhook-endpoints/whe_9ZtRcXw3nByK5pVqMaEfJs/rotate-secret',
      headers: ({ credentials }) => ({ 'x-api-key': credentials.apiKey }),
    },
    {
      vendor: 'polyai',
      what: 'a malformed id',
      status: 422,
      body: message,
      path: () => '/v1/webhook-endpoints/wh-1/rotate-secret',
      headers: ({ credentials }) => ({ 'x-api-key': credentials.apiKey }),
    },
    {
      vendor: 'ada',
      what: 'a wrong token',
      status: 401,
      body: adaBody,
      path: ({ endpointId }) => `/api/v2/webhooks/${endpointId}/secret/rotate/`,
      headers: () => bearer('wrong'),
    },
    {
      vendor: 'ada',
      what: 'another webhook',
      status: 404,
      body: adaBody,
      path: () => '/api/v2/webhooks/ep_1/secret/rotate/',
      headers: ({ credentials }) => bearer(credentials.apiKey),
    },
    {
      vendor: 'ada',
      what: 'reading a secret with a wrong token',
      status: 401,
      body: adaBody,
      method: 'GET',
      path: ({ endpointId }) => `/api/v2/webhooks/${endpointId}/secret/`,
      headers: () => bearer('wrong'),
    },
    {
      vendor: 'ada',
      what: 'reading the secret of another webhook',
      status: 404,
      body: adaBody,
      method: 'GET',
      path: () => '/api/v2/webhooks/ep_1/secret/',
      headers: ({ credentials }) => bearer(credentials.apiKey),
    },
    {
      vendor: 'ada',
      what: 'a path without its last slash',
      status: 404,
      body: adaBody,
      path: ({ endpointId }) => `/api/v2/webhooks/${endpointId}/secret/rotate`,
      headers: ({ credentials }) => bearer(credentials.apiKey),
    },
    {
      vendor: 'anchorBrowser',
      what: 'no key',
      status: 401,
      body: { error: expect.any(String), code: 401 },
      path: ({ endpointId }) => `/v1/webhooks/${endpointId}/rotate-secret`,
    },
    {
      vendor: 'anchorBrowser',
      what: 'another webhook',
      status: 404,
      body: { error: expect.any(String), code: 404 },
      path: () => '/v1/webhooks/wh_1/rotate-secret',
      headers: ({ credentials }) => ({ 'anchor-api-key': credentials.apiKey }),
    },
    {
      vendor: 'anchorBrowser',
      what: 'GET',
      status: 404,
      body: { error: expect.any(String), code: 404 },
      method: 'GET',
      path: ({ endpointId }) => `/v1/webhooks/${endpointId}/rotate-secret`,
      headers: ({ credentials }) => ({ 'anchor-api-key': credentials.apiKey }),
    },
  ];

  it.each(REFUSALS)('$vendor answers $what with $status, and changes nothing', async (refusal) => {
    const sender = await start(refusal.vendor);
    const before = sender.secrets();
    const answer = await call(sender, refusal.path(sender), {
      method: refusal.method ?? 'POST',
      headers: refusal.headers?.(sender) ?? {},
    });
    expect(answer).toEqual({ status: refusal.status, type: 'application/json', body: refusal.body });
    expect(sender.secrets()).toEqual(before);
  });

  it.each([
    ['the key alone', ({ credentials }: SimulatedSender) => ({ 'X-API-Key': credentials.apiKey })],
    [
      'a bearer token with the workspace',
      ({ credentials }: SimulatedSender) => ({
        ...bearer(credentials.bearerToken),
        'X-Tenant-Id': String(credentials.tenantId),
      }),
    ],
  ])('LangSmith takes %s', async (_what, headers) => {
    const sender = await start('langsmith');
    expect(await call(sender, langsmith(sender), { headers: headers(sender) })).toMatchObject({
      status: 200,
    });
  });

  const SERVER_ERRORS: [VendorName, unknown][] = [
    ['langsmith', strings],
    ['agentMessage', agentMessageBody('INTERNAL')],
    ['polyai', message],
    ['ada', adaBody],
    ['anchorBrowser', { error: 'Failed to rotate secret', code: 500 }],
  ];
  it.each(SERVER_ERRORS)(
    '%s fails with 500 when asked to, once, and changes nothing',
    async (vendor, body) => {
      const sender = await start(vendor);
      const before = sender.secrets();
      sender.api.failNext(500);
      expect(await rotateThroughApi(sender)).toEqual({ status: 500, body, secret: undefined });
      expect(sender.secrets()).toEqual(before);
      expect(await rotateThroughApi(sender)).toMatchObject({ status: 200 });
    },
  );
});

describe('faults of the management API', () => {
  it('leaves a call without a response, and changes nothing', async () => {
    const sender = await start('polyai');
    const before = sender.secrets();
    sender.api.hangNext();
    const gaveUp = new AbortController();
    const rotation = rotateThroughApi(sender, { signal: gaveUp.signal });
    await expect.poll(() => sender.api.calls()).toEqual([{ operation: 'rotate', result: 'hung' }]);
    gaveUp.abort();
    await expect(rotation).rejects.toThrow();
    expect(sender.secrets()).toEqual(before);
  });

  it('loses the response of a rotation that took place', async () => {
    const sender = await start('polyai');
    const old = sender.secrets().endpoint;
    sender.api.loseAnswerNext();
    await expect(rotateThroughApi(sender)).rejects.toThrow();
    expect(sender.api.calls()).toEqual([{ operation: 'rotate', result: 'answer-lost' }]);
    expect(await signers(sender, [old, sender.secrets().endpoint])).toEqual([1]);
  });

  it('meets only the operation that it is meant for', async () => {
    const sender = await start('ada');
    const before = sender.secrets().endpoint;
    sender.api.failNext(503, 'read-secret');
    await expect(rotateThroughApi(sender)).rejects.toThrow('503');
    expect(sender.secrets().endpoint).not.toBe(before);
    expect(sender.api.calls()).toEqual([
      { operation: 'rotate', result: 200 },
      { operation: 'read-secret', result: 503 },
    ]);
  });

  it('comes in the order given', async () => {
    const sender = await start('polyai');
    sender.api.failNext(500);
    sender.api.failNext(404);
    expect((await rotateThroughApi(sender)).status).toBe(500);
    expect((await rotateThroughApi(sender)).status).toBe(404);
    expect((await rotateThroughApi(sender)).status).toBe(200);
  });
});

describe('test deliveries', () => {
  async function testAgentMessage(sender: SimulatedSender): Promise<unknown> {
    const headers = { Authorization: `Bearer ${sender.credentials.apiKey}` };
    const { status, body } = await call(sender, `/v1/webhooks/${sender.endpointId}/test`, { headers });
    expect(status).toBe(200);
    return body;
  }

  it('AgentMessage tells at once what came of it', async () => {
    const sender = await start('agentMessage');
    expect(await testAgentMessage(sender)).toEqual({
      event_id: expect.stringMatching(/^evt_[0-9a-f-]{36}$/),
      outcome: 'success',
      url: receiver.url,
      response_status: 200,
      response_time_ms: expect.any(Number),
      response_body_excerpt: '{"ok":true}',
      error: null,
    });
    expect(JSON.parse(receiver.last.body.toString())).toMatchObject({ type: 'webhook.test' });
    expect(signersOfLast(sender, [sender.secrets().endpoint])).toEqual([0]);
  });

  it.each([
    [401, { outcome: 'dead', response_status: 401, error: null }],
    [503, { outcome: 'retry', response_status: 503, error: null }],
    [
      'cut',
      { outcome: 'retry', response_status: null, response_body_excerpt: null, error: 'transport-error' },
    ],
  ] as const)('AgentMessage reports %s', async (step, expected) => {
    receiver.script(step);
    const sender = await start('agentMessage');
    expect(await testAgentMessage(sender)).toMatchObject(expected);
    expect(receiver.received).toHaveLength(1);
    expect(sender.stats()).toMatchObject({ sent: 0, lost: 0, pending: 0 });
    expect(sequenceOf(receiver.last.body)).toBeUndefined();
  });

  async function testAnchor(
    sender: SimulatedSender,
    body: string,
  ): Promise<{ status: number; body: unknown }> {
    const headers = { 'anchor-api-key': sender.credentials.apiKey };
    return call(sender, `/v1/webhooks/${sender.endpointId}/test`, { headers, body });
  }

  it('Anchor sends it like any event, and tells its id', async () => {
    receiver.script(503, 200);
    const sender = await start('anchorBrowser', { timeScale: 1 / 1000 });
    const { body } = await testAnchor(sender, '{"event_type":"task.failed"}');
    await sender.idle();
    expect(sender.stats()).toMatchObject({ sent: 1, attempts: 2, delivered: 1 });
    expect(JSON.parse(receiver.last.body.toString())).toMatchObject({ type: 'task.failed' });
    expect(body).toEqual({ external_event_id: sender.events()[0]?.id });
  });

  it('Anchor refuses an event type that it does not have', async () => {
    const sender = await start('anchorBrowser');
    expect(await testAnchor(sender, '{"event_type":"task.exploded"}')).toMatchObject({
      status: 400,
      body: { code: 400 },
    });
    expect(sender.stats().sent).toBe(0);
  });
});
