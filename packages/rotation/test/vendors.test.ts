import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Clock } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import {
  fileTarget,
  isRotationError,
  type RotateOptions,
  type RotationError,
  type RotationReport,
  type RotationStep,
  rotate,
  type SecretState,
  vendors,
} from '@countersign/rotation';
import type { SimulatedSender } from '@countersign-internal/simulator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedReceiver } from '../../../test/support/scripted-receiver.ts';
import {
  accessTo,
  firstSet,
  type Overrides,
  placeOf,
  secretAt,
  startSender,
  vendorOf,
  WEBHOOKS,
  type WebhookName,
} from './support/webhooks.ts';

const UUID = '0190a1b2-c3d4-4e5f-86a7-b8c9d0e1f2a3';

let directory: string;
let path: string;
const closings: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-rotation-vendors-'));
  path = join(directory, 'secrets.json');
});

afterEach(async () => {
  for (const close of closings.splice(0)) await close();
  await rm(directory, { recursive: true, force: true });
});

interface Fixture {
  readonly sender: SimulatedSender;
  /** Every secret and credential that there was. */
  readonly canaries: Set<string>;
  readonly steps: RotationStep[];
  /** What stood in the journal at each step. */
  readonly journals: string[];
  rotate(options?: Partial<Omit<RotateOptions, 'dryRun'>>, overrides?: Overrides): Promise<RotationReport>;
}

/** Waits are shortened; what is under test here is what is done after them. */
const clock: Clock = {
  ...systemClock,
  schedule: (task, delayMs) => systemClock.schedule(task, delayMs / 20),
};

async function fixture(name: WebhookName): Promise<Fixture> {
  const receiver = await ScriptedReceiver.start(204);
  closings.push(() => receiver.close());
  const sender = await startSender(name, { receiverUrl: receiver.url });
  closings.push(() => sender.close());
  await writeFile(path, JSON.stringify(firstSet(name, sender)));
  const steps: RotationStep[] = [];
  const journals: string[] = [];
  const canaries = new Set<string>(Object.values(sender.credentials));
  const note = (): void => {
    for (const secret of Object.values(sender.secrets())) canaries.add(secret.replace('whsec_', ''));
  };
  note();
  return {
    sender,
    canaries,
    steps,
    journals,
    rotate: (options = {}, overrides = {}) =>
      rotate({
        vendor: vendorOf(accessTo(name, sender), overrides),
        target: fileTarget(path),
        pollSeconds: 0.01,
        clock,
        onStep: (step) => {
          note();
          steps.push(step);
          if (existsSync(`${path}.rotation`)) journals.push(readFileSync(`${path}.rotation`, 'utf8'));
        },
        ...placeOf(name),
        ...options,
      }).finally(note),
  };
}

const stored = async (): Promise<Record<string, unknown>> => JSON.parse(await readFile(path, 'utf8'));

async function failure(rotation: Promise<unknown>): Promise<RotationError> {
  const error = await rotation.then(
    () => expect.fail('The rotation succeeded.'),
    (thrown: unknown) => thrown,
  );
  if (!isRotationError(error)) throw error;
  return error;
}

/** All that a log can make of a value. */
const printed = (value: unknown): string =>
  [
    JSON.stringify(value),
    inspect(value, { depth: 9, showHidden: true }),
    value instanceof Error ? `${value.stack} ${inspect(value.cause, { depth: 9, showHidden: true })}` : '',
  ].join('\n');

function expectNoCanary(text: string, canaries: Iterable<string>): void {
  for (const canary of canaries) expect(text.includes(canary), 'a secret was printed').toBe(false);
}

/** Seconds from now until the replaced secret ends. */
const lifeOf = ({ previous }: RotationReport): number =>
  Math.round(((previous?.notAfter.getTime() ?? Number.NaN) - Date.now()) / 1000);

describe('a rotation through the API of', () => {
  const LIFE: Readonly<Record<WebhookName, number>> = {
    // The old signature comes again with each retry, for 24 hours by assumption.
    langsmith: 86_400,
    'agentMessage endpoint': 300,
    // Five minutes of grace and the tolerance.
    'agentMessage organization': 600,
    polyai: 300,
    'ada custom': 86_400 + 300,
    'ada generated': 86_400 + 300,
    anchorBrowser: 86_400 + 120,
  };

  it.each(WEBHOOKS)(
    '%s stores the new secret, and keeps the old one for as long as it can come',
    async (name) => {
      const { sender, rotate, steps, journals, canaries } = await fixture(name);
      const before = secretAt(name, sender);
      const report = await rotate();
      const after = secretAt(name, sender);

      expect(after).not.toBe(before);
      const place = placeOf(name).replaces;
      const set = await stored();
      expect(place === undefined ? set.current : (set.current as string[])[place]).toBe(after);
      expect(set.previous).toEqual([{ secret: before, notAfter: report.previous?.notAfter.toISOString() }]);
      expect(set).not.toHaveProperty('rotating');
      expect(set).not.toHaveProperty('next');
      expect(Math.abs(lifeOf(report) - LIFE[name])).toBeLessThan(30);
      expect(report.outcome).toBe('rotated');
      expect(report.order).toBe(name === 'ada custom' ? 'next-first' : 'announced');
      expect(sender.api.calls().filter(({ operation }) => operation.startsWith('rotate'))).toHaveLength(1);
      expect(journals.length).toBeGreaterThan(2);
      expectNoCanary(printed([report, steps, journals]), canaries);
    },
  );

  it('AgentMessage leaves the other secret as it is', async () => {
    const { sender, rotate } = await fixture('agentMessage organization');
    const { endpoint } = sender.secrets();
    await rotate();
    expect((await stored()).current).toEqual([endpoint, sender.secrets().organization]);
  });

  it('Ada has a new secret published before it signs with it', async () => {
    const { sender, rotate, steps } = await fixture('ada custom');
    let published: unknown;
    const before = sender.secrets().endpoint;
    await rotate({
      waitSeconds: 1200,
      onStep: (step) => {
        steps.push(step);
      },
      health: async () => {
        const set = await stored();
        const isPublished = set.next !== undefined;
        if (isPublished)
          expect([set.next, sender.secrets().endpoint]).toEqual([[expect.any(String)], before]);
        published ??= set.next;
        const role = isPublished ? 'next' : 'current';
        return [{ secrets: { keys: steps.map(({ keyId = '' }) => ({ id: keyId, role })) } }];
      },
    });
    expect(published).toEqual([sender.secrets().endpoint]);
  });

  it('LangSmith accepts a bearer token with the workspace', async () => {
    const { sender, rotate } = await fixture('langsmith');
    const { bearerToken, tenantId } = sender.credentials;
    const vendor = vendors.langsmith({
      baseUrl: sender.apiUrl,
      sessionId: sender.account.sessionId ?? '',
      webhookId: sender.endpointId,
      bearerToken,
      tenantId,
    });
    expect(await rotate({ vendor })).toMatchObject({ outcome: 'rotated' });
  });

  it('LangSmith under its newer address', async () => {
    const paths: string[] = [];
    const vendor = vendors.langsmith({
      baseUrl: 'https://api.smith.langchain.com/api/',
      sessionId: UUID,
      webhookId: UUID,
      apiKey: 'lsv2',
      fetch: async (url) => {
        paths.push(url);
        return Response.json({ signing_secret: 'a-secret-of-sixteen-bytes' });
      },
    });
    await vendor.rotate({ signal: new AbortController().signal });
    expect(paths).toEqual([
      `https://api.smith.langchain.com/api/v1/platform/sessions/${UUID}/issues-agent/webhooks/${UUID}/roll-secret`,
    ]);
  });

  it('Anchor sends the test event that was asked for, and sees it arrive through the health', async () => {
    const { sender, rotate } = await fixture('anchorBrowser');
    const vendor = vendors.anchorBrowser({
      baseUrl: sender.apiUrl,
      webhookId: sender.endpointId,
      apiKey: sender.credentials.apiKey,
      testEvent: 'session.completed',
    });
    let id = '';
    const { check } = await rotate({
      vendor,
      onStep: ({ step, keyId = '' }) => {
        if (step === 'stored') id = keyId;
      },
      health: async () => [{ secrets: { keys: [{ id, role: 'current', matches: sender.stats().sent }] } }],
    });
    expect(sender.api.calls().map(({ operation }) => operation)).toEqual(['rotate', 'test']);
    expect(check).toEqual({ state: 'passed', message: expect.stringMatching(/verified with it/) });
  });
});

describe('a documented error', () => {
  const REFUSALS: {
    name: WebhookName;
    what: string;
    overrides: Overrides;
    code: string;
    status: number;
  }[] = [
    {
      name: 'langsmith',
      what: 'a wrong key',
      overrides: { apiKey: 'lsv2_wrong' },
      code: 'UNAUTHORIZED',
      status: 401,
    },
    {
      name: 'langsmith',
      what: 'another workspace',
      overrides: { tenantId: UUID },
      code: 'FORBIDDEN',
      status: 403,
    },
    {
      name: 'langsmith',
      what: 'an invalid id',
      overrides: { id: 'webhook' },
      code: 'REFUSED',
      status: 400,
    },
    {
      name: 'langsmith',
      what: 'another session',
      overrides: { sessionId: UUID },
      code: 'NOT_FOUND',
      status: 404,
    },
    {
      name: 'agentMessage endpoint',
      what: 'a wrong key',
      overrides: { apiKey: 'am_live_wrong' },
      code: 'UNAUTHORIZED',
      status: 401,
    },
    {
      name: 'agentMessage endpoint',
      what: 'another endpoint',
      overrides: { id: UUID },
      code: 'NOT_FOUND',
      status: 404,
    },
    {
      name: 'agentMessage organization',
      what: 'a wrong key',
      overrides: { apiKey: 'am_live_wrong' },
      code: 'UNAUTHORIZED',
      status: 401,
    },
    {
      name: 'polyai',
      what: 'a wrong key',
      overrides: { apiKey: 'wrong' },
      code: 'UNAUTHORIZED',
      status: 401,
    },
    {
      name: 'polyai',
      what: 'another endpoint',
      overrides: { id: 'whe_9ZtRcXw3nByK5pVqMaEfJs' },
      code: 'NOT_FOUND',
      status: 404,
    },
    { name: 'polyai', what: 'a malformed id', overrides: { id: 'wh-1' }, code: 'REFUSED', status: 422 },
    {
      name: 'ada custom',
      what: 'a wrong token',
      overrides: { apiKey: 'wrong' },
      code: 'UNAUTHORIZED',
      status: 401,
    },
    {
      name: 'ada custom',
      what: 'another webhook',
      overrides: { id: 'ep_1' },
      code: 'NOT_FOUND',
      status: 404,
    },
    {
      name: 'ada generated',
      what: 'a wrong token',
      overrides: { apiKey: 'wrong' },
      code: 'UNAUTHORIZED',
      status: 401,
    },
    {
      name: 'anchorBrowser',
      what: 'a wrong key',
      overrides: { apiKey: 'sk-wrong' },
      code: 'UNAUTHORIZED',
      status: 401,
    },
    {
      name: 'anchorBrowser',
      what: 'another webhook',
      overrides: { id: 'wh_1' },
      code: 'NOT_FOUND',
      status: 404,
    },
  ];

  it.each(REFUSALS)(
    'of $name, $what, leaves everything as it was',
    async ({ name, overrides, code, status }) => {
      const { sender, rotate, canaries, steps } = await fixture(name);
      const before = { secret: secretAt(name, sender), set: await stored() };
      const error = await failure(rotate({}, overrides));
      expect(error).toMatchObject({ code: `ERR_ROTATION_${code}`, status, secretState: 'unchanged' });
      expect(error.message).toContain(error.todo);
      expect(secretAt(name, sender)).toBe(before.secret);
      const { version, ...set } = await stored();
      expect(version).toEqual(expect.any(String));
      expect(set).toEqual(before.set);
      expectNoCanary(printed([error, steps]), [
        ...canaries,
        ...(overrides.apiKey === undefined ? [] : [overrides.apiKey]),
      ]);
      // Nothing is left that a later rotation would stumble over.
      expect(await rotate()).toMatchObject({ outcome: 'rotated' });
    },
  );

  it('of AgentMessage, a key without the scope', async () => {
    const { sender, rotate } = await fixture('agentMessage endpoint');
    const apiKey = sender.credentials.adminApiKey ?? '';
    expect(await failure(rotate({}, { apiKey }))).toMatchObject({
      code: 'ERR_ROTATION_FORBIDDEN',
      status: 403,
      secretState: 'unchanged',
    });
  });

  it.each(WEBHOOKS)('of %s, a failure: it is called once more', async (name) => {
    const { sender, rotate } = await fixture(name);
    const before = secretAt(name, sender);
    sender.api.failNext(500, name === 'agentMessage organization' ? 'rotate-organization' : 'rotate');
    const { outcome } = await rotate();
    // Ada can be asked whether it has rotated; the others may have made an unknown secret.
    expect(outcome).toBe(name.startsWith('ada') ? 'rotated' : 'rotated-again');
    expect(secretAt(name, sender)).not.toBe(before);
    expect(JSON.stringify(await stored())).toContain(secretAt(name, sender));
  });

  it.each(WEBHOOKS)('of %s, failing again: what became of the secret is not known', async (name) => {
    const { sender, rotate } = await fixture(name);
    const operation = name === 'agentMessage organization' ? 'rotate-organization' : 'rotate';
    sender.api.failNext(503, operation);
    sender.api.failNext(503, operation);
    const error = await failure(rotate());
    expect(error).toMatchObject({ code: 'ERR_ROTATION_VENDOR_FAILED', status: 503, secretState: 'unknown' });
    // Deliveries that can't be judged go on coming back, and the next run knows.
    expect(await stored()).toHaveProperty('rotating');
    expect((await rotate()).outcome).toBe(name.startsWith('ada') ? 'rotated' : 'rotated-again');
    expect(await stored()).not.toHaveProperty('rotating');
  });

  it.each([
    [408, 'unknown'],
    [429, 'unchanged'],
    [409, 'unchanged'],
    [302, 'unchanged'],
  ] as const)('that is not one, %i, leaves the secret %s', async (status, secret) => {
    const { sender, rotate } = await fixture('polyai');
    sender.api.failNext(status);
    sender.api.failNext(status);
    expect(await failure(rotate())).toMatchObject({ status, secretState: secret });
  });
});

describe('a lost answer', () => {
  it.each(WEBHOOKS)('of %s, which has rotated', async (name) => {
    const { sender, rotate } = await fixture(name);
    const before = secretAt(name, sender);
    sender.api.loseAnswerNext(name === 'agentMessage organization' ? 'rotate-organization' : 'rotate');
    const report = await rotate();
    expect(report.outcome).toBe(name.startsWith('ada') ? 'rotated' : 'rotated-again');
    const calls = sender.api.calls().filter(({ operation }) => operation.startsWith('rotate'));
    // Ada shows what it signs with, and need not be called again.
    expect(calls).toHaveLength(name.startsWith('ada') ? 1 : 2);
    const set = await stored();
    expect([set.current].flat()).toContain(secretAt(name, sender));
    expect(set.previous).toMatchObject([{ secret: before }]);
  });

  it.each(['polyai', 'ada generated'] as const)('of %s, which never responds', async (name) => {
    const { sender, rotate } = await fixture(name);
    sender.api.hangNext('rotate');
    sender.api.hangNext('rotate');
    const error = await failure(rotate({ timeoutSeconds: 0.3 }));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_NO_ANSWER', secretState: 'unknown' });
    expect((await rotate()).outcome).toBe(name === 'polyai' ? 'rotated-again' : 'rotated');
    expect([(await stored()).current].flat()).toEqual([sender.secrets().endpoint]);
  });

  it("of Ada, whose new secret can't be read for the moment", async () => {
    const { sender, rotate } = await fixture('ada generated');
    sender.api.failNext(500, 'read-secret');
    sender.api.failNext(500, 'read-secret');
    expect(await rotate()).toMatchObject({ outcome: 'rotated', check: { state: 'passed' } });
    expect((await stored()).current).toBe(sender.secrets().endpoint);
  });

  it("of Ada, whose new secret can't be read: the next run reads it", async () => {
    const { sender, rotate } = await fixture('ada generated');
    for (let attempt = 0; attempt < 3; attempt++) sender.api.failNext(500, 'read-secret');
    const error = await failure(rotate());
    expect(error).toMatchObject({ code: 'ERR_ROTATION_VENDOR_FAILED', secretState: 'changed-and-lost' });
    const made = sender.secrets().endpoint;
    expect(await rotate()).toMatchObject({ outcome: 'finished', check: { state: 'passed' } });
    expect(sender.secrets().endpoint).toBe(made);
    expect((await stored()).current).toBe(made);
  });
});

describe('a response', () => {
  let server: Server;
  let baseUrl: string;
  let answers: { status?: number; body: string }[];

  beforeEach(async () => {
    answers = [];
    server = createServer((request, response) => {
      request.resume();
      const { status = 200, body } = answers.shift() ?? { body: '{}' };
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    baseUrl = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
    closings.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    await writeFile(path, '{"current":"an-old-secret-of-enough-bytes"}');
  });

  const run = (): Promise<RotationReport> =>
    rotate({
      vendor: vendors.polyai({ endpointId: 'whe_1', apiKey: 'key', baseUrl }),
      target: fileTarget(path),
      clock,
    });

  it.each<[what: string, body: string, code: string, secret: SecretState]>([
    ['without a secret', '{"id":"whe_1"}', 'ANSWER_INVALID', 'changed-and-lost'],
    ['with an empty secret', '{"signing_secret":""}', 'ANSWER_INVALID', 'changed-and-lost'],
    [
      'with a secret that is not text',
      '{"signing_secret":["canary-canary-canary"]}',
      'ANSWER_INVALID',
      'changed-and-lost',
    ],
    ['that is not JSON', 'canary-canary-canary', 'ANSWER_INVALID', 'changed-and-lost'],
    [
      'with a secret that is too short',
      '{"signing_secret":"canary-15-bytes"}',
      'SECRET_INVALID',
      'changed-and-lost',
    ],
    [
      'with a placeholder',
      '{"signing_secret":"your-webhook-signing-secret"}',
      'SECRET_INVALID',
      'changed-and-lost',
    ],
    [
      'with the secret that it had',
      '{"signing_secret":"an-old-secret-of-enough-bytes"}',
      'ANSWER_INVALID',
      'unchanged',
    ],
  ])('%s', async (_what, body, code, secret) => {
    answers = [{ body }];
    const error = await failure(run());
    expect(error).toMatchObject({ code: `ERR_ROTATION_${code}`, secretState: secret });
    expectNoCanary(printed(error), ['canary', 'an-old-secret', 'your-webhook']);
    expect((await stored()).current).toBe('an-old-secret-of-enough-bytes');

    answers = [{ body: '{"signing_secret":"a-new-secret-of-enough-bytes"}' }];
    const report = await run();
    expect(report.outcome).toBe(secret === 'unchanged' ? 'rotated' : 'rotated-again');
    expect((await stored()).current).toBe('a-new-secret-of-enough-bytes');
  });

  it('of another success than 200 is taken', async () => {
    answers = [{ status: 201, body: '{"signing_secret":"a-new-secret-of-enough-bytes"}' }];
    expect((await run()).outcome).toBe('rotated');
  });

  it('that breaks off is asked for again', async () => {
    server.removeAllListeners('request');
    let calls = 0;
    server.on('request', (_request, response) => {
      const body = `{"signing_secret":"secret-number-${++calls}-of-enough-bytes"}`;
      response.writeHead(200, { 'Content-Length': body.length });
      if (calls === 1) response.write(body.slice(0, 20), () => response.destroy());
      else response.end(body);
    });
    expect((await run()).outcome).toBe('rotated-again');
    expect((await stored()).current).toBe('secret-number-2-of-enough-bytes');
  });

  it('that never ends is given up', async () => {
    let poured = 0;
    server.removeAllListeners('request');
    server.on('request', (_request, response) => {
      response.writeHead(200);
      const pour = (): void => {
        do poured += 64 * 1024;
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, 'a')));
      };
      response.on('drain', pour);
      pour();
    });
    expect(await failure(run())).toMatchObject({ code: 'ERR_ROTATION_NO_ANSWER', secretState: 'unknown' });
    // What the sockets hold, and not what a timeout lets through.
    expect(poured).toBeLessThan(32 * 1024 * 1024);
  });
});

describe('credentials', () => {
  it('are sent to no other host: a redirect is not followed', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(307, { Location: '/elsewhere' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closings.push(() => new Promise((resolve) => server.close(resolve)));
    const address = server.address();
    const baseUrl = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
    await writeFile(path, '{"current":"an-old-secret-of-enough-bytes"}');
    const vendor = vendors.polyai({ endpointId: 'whe_1', apiKey: 'key', baseUrl });
    const error = await failure(rotate({ vendor, target: fileTarget(path) }));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_REFUSED', status: 307, secretState: 'unchanged' });
    expect(seen).toEqual(['/v1/webhook-endpoints/whe_1/rotate-secret']);
  });

  it.each([
    'http://api.us.poly.ai',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://10.0.0.1',
    'https://user:canary@api.us.poly.ai',
    'https://api.us.poly.ai?key=canary',
    'ftp://api.us.poly.ai',
    'api.us.poly.ai',
    '',
  ])('are not sent to %s', (baseUrl) => {
    const make = (): unknown => vendors.polyai({ endpointId: 'whe_1', apiKey: 'key', baseUrl });
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }));
    expect(make).not.toThrow(/canary/);
  });

  it.each(['https://proxy.example/polyai', 'http://localhost:1', 'http://127.0.0.9:1', 'http://[::1]:1'])(
    'are sent to %s',
    (baseUrl) => {
      expect(vendors.polyai({ endpointId: 'whe_1', apiKey: 'key', baseUrl }).rotateCall).toContain(baseUrl);
    },
  );

  it('are requested by name if they are missing or malformed, and never quoted', () => {
    const invalid = expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    expect(() => vendors.polyai({ endpointId: 'whe_1', apiKey: undefined })).toThrow(/"apiKey".*not set/s);
    for (const apiKey of ['', 'canary with blanks', 'canary\r\nX-Evil: 1', 'canäry']) {
      expect(() => vendors.polyai({ endpointId: 'whe_1', apiKey })).toThrow(invalid);
      expect(() => vendors.polyai({ endpointId: 'whe_1', apiKey })).not.toThrow(/canary/);
    }
    expect(() => vendors.langsmith({ sessionId: UUID, webhookId: UUID })).toThrow(/"apiKey"/);
    expect(() => vendors.langsmith({ sessionId: UUID, webhookId: UUID, bearerToken: 'token' })).toThrow(
      /"tenantId"/,
    );
  });

  it.each(['', '..', 'a/b', 'a?b', 'a#b', 'a b', 'a%2fb', 'ä'])(
    'go with an id that is one, not with "%s"',
    (id) => {
      expect(() => vendors.polyai({ endpointId: id, apiKey: 'key' })).toThrow(/"endpointId"/);
    },
  );

  it('are not shown by a vendor that is printed', () => {
    const vendor = vendors.ada({
      baseUrl: 'https://example.ada.support',
      webhookId: 'ep_1',
      token: 'canary',
    });
    expect(printed(vendor)).not.toContain('canary');
  });

  it("stay where they are if the vendor can't be reached", async () => {
    await writeFile(path, '{"current":"an-old-secret-of-enough-bytes"}');
    const gone = await ScriptedReceiver.start();
    await gone.close();
    const baseUrl = new URL(gone.url).origin;
    const vendor = vendors.polyai({ endpointId: 'whe_1', apiKey: 'key', baseUrl });
    const error = await failure(rotate({ vendor, target: fileTarget(path) }));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_VENDOR_UNREACHABLE', secretState: 'unchanged' });
    expect(await stored()).not.toHaveProperty('rotating');
  });

  it('belong to options that are known', () => {
    const typo = { endpointId: 'whe_1', apiKey: 'key', baseURL: 'https://example.com' };
    expect(() => vendors.polyai(typo)).toThrow(/"baseURL". Did you mean "baseUrl"\?/);
  });
});
