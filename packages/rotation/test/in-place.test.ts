import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  vendors,
} from '@countersign/rotation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedReceiver } from '../../../test/support/scripted-receiver.ts';
import {
  accessInPlace,
  IN_PLACE_NAMES,
  type InPlaceAccess,
  type InPlaceName,
  type InPlaceSender,
  inPlace,
  startInPlace,
} from './support/in-place.ts';
import { accessTo, placeOf, startSender, vendorOf } from './support/webhooks.ts';

let directory: string;
let path: string;
const closings: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-in-place-'));
  path = join(directory, 'secrets.json');
});

afterEach(async () => {
  for (const close of closings.splice(0)) await close();
  await rm(directory, { recursive: true, force: true });
});

/** Waits are shortened, and noted. */
function shortClock(): { clock: Clock; waits: number[] } {
  const waits: number[] = [];
  const clock: Clock = {
    ...systemClock,
    schedule(task, delayMs) {
      waits.push(delayMs);
      return systemClock.schedule(task, delayMs / 100);
    },
  };
  return { clock, waits };
}

interface Fixture {
  readonly sender: InPlaceSender;
  readonly canaries: Set<string>;
  readonly steps: RotationStep[];
  readonly waits: number[];
  rotate(
    options?: Partial<Omit<RotateOptions, 'dryRun'>>,
    access?: Partial<InPlaceAccess>,
  ): Promise<RotationReport>;
}

async function fixture(name: InPlaceName): Promise<Fixture> {
  const receiver = await ScriptedReceiver.start(204);
  closings.push(() => receiver.close());
  const sender = await startInPlace(name, { receiverUrl: receiver.url });
  closings.push(() => sender.close());
  await writeFile(path, JSON.stringify({ current: sender.secrets().endpoint }));
  const { clock, waits } = shortClock();
  const steps: RotationStep[] = [];
  const { apiKey, apiSecret, privateKey } = sender.credentials;
  const hidden = name === 'github app' ? [privateKey] : [apiKey, apiSecret];
  const canaries = new Set(hidden.filter((text) => text !== undefined));
  const note = (): void => void canaries.add(sender.secrets().endpoint.replace('whsec_', ''));
  note();
  return {
    sender,
    canaries,
    steps,
    waits,
    rotate: (options = {}, access = {}) =>
      rotate({
        vendor: inPlace(name).vendor({ ...accessInPlace(name, sender), ...access }),
        target: fileTarget(path),
        pollSeconds: 1,
        timeoutSeconds: 3600,
        clock,
        onStep: (step) => {
          note();
          steps.push(step);
        },
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

function expectNoCanary(values: unknown[], canaries: Iterable<string>): void {
  const text = values
    .map((value) => `${JSON.stringify(value)}\n${inspect(value, { depth: 9, showHidden: true })}`)
    .join('\n');
  for (const canary of canaries) expect(text.includes(canary), 'a secret was printed').toBe(false);
}

describe('a rotation through the API of', () => {
  /** How long the old secret is kept, in seconds. */
  const LIFE: Readonly<Record<InPlaceName, number>> = {
    'github repository': 259_200,
    'github organization': 259_200,
    'github app': 259_200,
    'gitlab project': 300,
    'gitlab group token': 300,
    'linear custom': 28_800,
    'linear generated': 28_800,
    nylas: 1800,
    openai: 86_700,
    lemonSqueezy: 300,
    wooCommerce: 300,
  };

  it.each(IN_PLACE_NAMES)('%s stores the new secret, and keeps the old one', async (name) => {
    const { sender, rotate, steps, canaries } = await fixture(name);
    const before = sender.secrets().endpoint;
    const report = await rotate();
    const after = sender.secrets().endpoint;
    const { isOwn, isReadable } = inPlace(name);

    expect(after).not.toBe(before);
    const notAfter = report.previous?.notAfter;
    expect(await stored()).toEqual({
      current: after,
      previous: [{ secret: before, notAfter: notAfter?.toISOString() }],
      version: expect.any(String),
    });
    const life = ((notAfter?.getTime() ?? Number.NaN) - Date.now()) / 1000;
    expect(Math.abs(life - LIFE[name])).toBeLessThan(60);
    expect(report).toMatchObject({ outcome: 'rotated', order: isOwn ? 'next-first' : 'announced' });
    if (isReadable) expect(report.check).toMatchObject({ state: 'passed' });
    expect(sender.api.calls().filter(({ operation }) => operation === 'rotate')).toHaveLength(1);
    expectNoCanary([report, steps], canaries);
  });

  it.each(['github repository', 'github organization'] as const)('%s is followed by a ping', async (name) => {
    const { sender, rotate } = await fixture(name);
    const { check } = await rotate();
    expect(sender.api.calls().map(({ operation }) => operation)).toEqual(['rotate', 'test']);
    expect(check.message).toMatch(/test delivery was sent/);
  });

  it('GitHub without a ping', async () => {
    const { sender, rotate } = await fixture('github repository');
    const { apiUrl: baseUrl, endpointId: hookId, credentials } = sender;
    const vendor = vendors.github({
      baseUrl,
      rotates: 'repository',
      owner: 'acme',
      repo: 'shop',
      hookId: Number(hookId),
      token: credentials.apiKey,
      ping: false,
    });
    await rotate({ vendor });
    expect(sender.api.calls().map(({ operation }) => operation)).toEqual(['rotate']);
  });

  it('Linear with an OAuth token', async () => {
    const { sender, rotate } = await fixture('linear custom');
    const { apiUrl: baseUrl, endpointId: webhookId, credentials } = sender;
    const vendor = vendors.linear({ baseUrl, webhookId, accessToken: credentials.bearerToken });
    expect((await rotate({ vendor })).outcome).toBe('rotated');
  });

  it('OpenAI keeps the old secret, but not one that has leaked', async () => {
    const { sender, rotate } = await fixture('openai');
    const first = sender.secrets().endpoint;
    await rotate();
    expect(sender.account.signing()).toEqual([sender.secrets().endpoint, first]);
    const leaked = sender.secrets().endpoint;
    await rotate({ compromised: true });
    expect(sender.account.signing()).toEqual([sender.secrets().endpoint]);
    expect(JSON.stringify(await stored())).not.toContain(leaked);
  });

  it('OpenAI tells what a sample event got', async () => {
    const { sender, rotate } = await fixture('openai');
    const { apiUrl, endpointId: webhookEndpointId, credentials } = sender;
    const vendor = vendors.openai({
      baseUrl: `${apiUrl}/v1`,
      webhookEndpointId,
      apiKey: credentials.apiKey,
      testEvent: 'response.completed',
    });
    expect((await rotate({ vendor })).check).toEqual({
      state: 'passed',
      message: 'A test delivery was accepted.',
    });
  });
});

describe('an error', () => {
  const CASES: [InPlaceName, what: string, Partial<InPlaceAccess>, Record<string, unknown>][] = [
    [
      'github repository',
      'wrong credentials',
      { apiKey: 'wrong' },
      { code: 'ERR_ROTATION_UNAUTHORIZED', status: 401, requestId: expect.stringMatching(/^[0-9A-F]{4}:/) },
    ],
    [
      'github repository',
      'a token that may not see the webhook',
      { apiKey: 'ghp_0123456789' },
      {
        code: 'ERR_ROTATION_NOT_FOUND',
        status: 404,
        todo: expect.stringMatching(/"write:repo_hook" \(part of "admin:repo_hook"\).*"Webhooks: write"/),
      },
    ],
    [
      'github organization',
      'another webhook',
      { endpointId: '1' },
      { code: 'ERR_ROTATION_NOT_FOUND', todo: expect.stringContaining('"admin:org_hook"') },
    ],
    [
      'gitlab project',
      'a token without the scope',
      {},
      {
        code: 'ERR_ROTATION_FORBIDDEN',
        status: 403,
        vendorCode: 'insufficient_scope',
        requestId: expect.stringMatching(/^[0-9A-F]{26}$/),
        todo: expect.stringMatching(/scope "api" of a maintainer/),
      },
    ],
    [
      'gitlab group token',
      'another webhook',
      { endpointId: '1' },
      { code: 'ERR_ROTATION_NOT_FOUND', status: 404 },
    ],
    [
      'linear custom',
      'the key of a member',
      {},
      {
        code: 'ERR_ROTATION_FORBIDDEN',
        status: 200,
        vendorCode: 'FORBIDDEN',
        todo: expect.stringMatching(/scope "admin"/),
      },
    ],
    [
      'linear custom',
      'another webhook',
      { endpointId: '0190a1b2-c3d4-4e5f-86a7-b8c9d0e1f2a3' },
      { code: 'ERR_ROTATION_NOT_FOUND', vendorCode: 'INPUT_ERROR' },
    ],
    [
      'linear generated',
      'wrong credentials',
      { apiKey: 'lin_api_wrong' },
      { code: 'ERR_ROTATION_UNAUTHORIZED', status: 401, vendorCode: 'AUTHENTICATION_ERROR' },
    ],
    [
      'nylas',
      'wrong credentials',
      { apiKey: 'nyk_wrong' },
      { code: 'ERR_ROTATION_UNAUTHORIZED', status: 401, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    ],
    [
      'nylas',
      'another webhook',
      { endpointId: 'another' },
      { code: 'ERR_ROTATION_REFUSED', status: 400, vendorCode: '70000' },
    ],
    [
      'openai',
      'wrong credentials',
      { apiKey: 'sk-wrong' },
      {
        code: 'ERR_ROTATION_UNAUTHORIZED',
        status: 401,
        vendorCode: 'invalid_api_key',
        requestId: expect.stringMatching(/^req_/),
      },
    ],
    ['openai', 'another webhook', { endpointId: 'whe_1' }, { code: 'ERR_ROTATION_NOT_FOUND', status: 404 }],
    [
      'lemonSqueezy',
      'wrong credentials',
      { apiKey: 'wrong' },
      { code: 'ERR_ROTATION_UNAUTHORIZED', status: 401 },
    ],
    ['lemonSqueezy', 'another webhook', { endpointId: '1' }, { code: 'ERR_ROTATION_NOT_FOUND', status: 404 }],
    [
      'wooCommerce',
      'a key that may only read',
      {},
      {
        code: 'ERR_ROTATION_FORBIDDEN',
        status: 403,
        vendorCode: 'woocommerce_rest_cannot_edit',
        todo: expect.stringContaining('"Read/Write"'),
      },
    ],
    [
      'wooCommerce',
      'another webhook',
      { endpointId: '99999' },
      { code: 'ERR_ROTATION_NOT_FOUND', status: 400, vendorCode: 'woocommerce_rest_shop_webhook_invalid_id' },
    ],
  ];

  it.each(CASES)('of %s, %s, leaves everything as it was', async (name, _what, access, expected) => {
    const { sender, rotate, canaries, steps } = await fixture(name);
    const before = { secret: sender.secrets().endpoint, set: await stored() };
    const isGiven = Object.keys(access).length > 0;
    const lesser = inPlace(name).lesser?.(sender.credentials.apiKey) ?? '';
    const error = await failure(rotate({}, isGiven ? access : { apiKey: lesser }));
    expect(error).toMatchObject({ ...expected, secretState: 'unchanged' });
    // What the support of the vendor asks for is in the message, too.
    for (const fact of [error.vendorCode, error.requestId].filter((text) => text !== undefined)) {
      expect(error.message).toContain(fact);
      expect(JSON.stringify(error)).toContain(fact);
    }
    expect(sender.secrets().endpoint).toBe(before.secret);
    const { version, ...set } = await stored();
    expect(set).toEqual(before.set);
    expectNoCanary([error, steps], [...canaries, ...(access.apiKey === undefined ? [] : [access.apiKey])]);
    expect(await rotate()).toMatchObject({ outcome: 'rotated' });
  });

  it("of AgentMessage has AgentMessage's code and request id, and names the scope", async () => {
    const name = 'agentMessage endpoint';
    const sender = await startSender(name);
    closings.push(() => sender.close());
    await writeFile(path, JSON.stringify({ current: Object.values(sender.secrets()) }));
    const vendor = vendorOf(accessTo(name, sender), { apiKey: sender.credentials.adminApiKey ?? '' });
    const { clock } = shortClock();
    const rotation = rotate({
      vendor,
      target: fileTarget(path),
      clock,
      timeoutSeconds: 3600,
      ...placeOf(name),
    });
    expect(await failure(rotation)).toMatchObject({
      code: 'ERR_ROTATION_FORBIDDEN',
      vendorCode: 'FORBIDDEN',
      requestId: expect.stringMatching(/^[0-9A-Z]{26}$/),
      todo: 'Use an API key with the scope "webhooks:write".',
    });
  });

  it('of a GitHub App with the key of another app', async () => {
    const { rotate } = await fixture('github app');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(await failure(rotate({}, { privateKey: pem }))).toMatchObject({
      code: 'ERR_ROTATION_UNAUTHORIZED',
    });
  });

  it.each([
    ['GitLab 18, which ignores signing tokens', 'gitlab project', { id: 1 }],
    ['a GitLab that did not take the signing token', 'gitlab project', { signing_token_present: false }],
    ['a GitLab that did not take the secret token', 'gitlab group token', { token_present: false }],
  ] as const)('of %s', async (_what, name, answer) => {
    const { sender, rotate } = await fixture(name);
    const common = { hookId: 1, token: 'glpat', fetch: async () => Response.json(answer) };
    const vendor =
      name === 'gitlab project'
        ? vendors.gitlab({ rotates: 'project', project: 'acme/shop', ...common })
        : vendors.gitlab({ rotates: 'group', group: 7, secret: 'secret-token', ...common });
    expect(await failure(rotate({ vendor }))).toMatchObject({
      code: 'ERR_ROTATION_REFUSED',
      secretState: 'unchanged',
    });
    expect(await stored()).toMatchObject({ current: sender.secrets().endpoint });
    expect(await stored()).not.toHaveProperty('next');
  });

  it('never contains a secret that a vendor sends back as its code or id', async () => {
    const { rotate } = await fixture('nylas');
    const apiKey = 'canary-canary-canary';
    const body = { error: { type: apiKey, code: apiKey }, request_id: apiKey };
    const vendor = vendors.nylas({
      webhookId: 'w1',
      apiKey,
      fetch: async () => Response.json(body, { status: 400, headers: { 'x-request-id': apiKey } }),
    });
    const error = await failure(rotate({ vendor }));
    expect(error).toMatchObject({ vendorCode: undefined, requestId: undefined });
    expectNoCanary([error], [apiKey]);
  });

  it.each(IN_PLACE_NAMES)('of %s, a failure: it is called once more', async (name) => {
    const { sender, rotate } = await fixture(name);
    sender.api.failNext(500, 'rotate');
    const { isOwn, isReadable } = inPlace(name);
    expect((await rotate()).outcome).toBe(isOwn || isReadable ? 'rotated' : 'rotated-again');
    expect((await stored()).current).toBe(sender.secrets().endpoint);
  });

  it.each(IN_PLACE_NAMES)('of %s, a lost response: nothing is lost', async (name) => {
    const { sender, rotate } = await fixture(name);
    const before = sender.secrets().endpoint;
    sender.api.loseAnswerNext('rotate');
    const { isOwn, isReadable } = inPlace(name);
    expect((await rotate()).outcome).toBe(isOwn || isReadable ? 'rotated' : 'rotated-again');
    const calls = sender.api.calls().filter(({ operation }) => operation === 'rotate');
    expect(calls).toHaveLength(isReadable ? 1 : 2);
    expect(await stored()).toMatchObject({
      current: sender.secrets().endpoint,
      previous: [{ secret: before }],
    });
  });
});

describe('a limit', () => {
  const inSeconds = (seconds: number) => String(Math.floor(Date.now() / 1000) + seconds);

  it.each<[InPlaceName, number, () => Record<string, string>]>([
    ['github repository', 403, () => ({ 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': inSeconds(30) })],
    ['github repository', 403, () => ({ 'Retry-After': '30' })],
    ['github repository', 429, () => ({ 'Retry-After': '30' })],
    ['gitlab project', 429, () => ({ 'Retry-After': '30' })],
    ['gitlab project', 429, () => ({ 'RateLimit-Remaining': '0', 'RateLimit-Reset': inSeconds(30) })],
    [
      'linear custom',
      400,
      () => ({ 'X-RateLimit-Requests-Remaining': '0', 'X-RateLimit-Requests-Reset': `${inSeconds(30)}000` }),
    ],
    ['nylas', 429, () => ({ 'Retry-After': new Date(Date.now() + 30_000).toUTCString() })],
    ['openai', 429, () => ({ 'Retry-After': '30' })],
  ])('of %s (%i) that is over soon is waited for', async (name, status, headers) => {
    const { sender, rotate, waits } = await fixture(name);
    sender.api.failNext(status, 'rotate', headers());
    // Nothing may have happened at the vendor, so this is an ordinary rotation.
    expect((await rotate()).outcome).toBe('rotated');
    // Rounding and the seconds of the test itself.
    expect(waits.some((ms) => ms >= 20_000 && ms <= 32_000)).toBe(true);
  });

  it('of GitHub that is over later stops the run, and says when', async () => {
    const { sender, rotate, waits } = await fixture('github repository');
    const before = sender.secrets().endpoint;
    sender.api.failNext(403, 'rotate', {
      'X-RateLimit-Remaining': '0',
      'X-RateLimit-Reset': inSeconds(1800),
    });
    const error = await failure(rotate());
    expect(error).toMatchObject({ code: 'ERR_ROTATION_RATE_LIMITED', status: 403, secretState: 'unchanged' });
    expect(Math.abs((error.retryAfterSeconds ?? 0) - 1800)).toBeLessThan(60);
    expect(error.todo).toBe(`Run again in ${error.retryAfterSeconds} s.`);
    expect(waits.every((ms) => ms < 1_000_000 || ms === 3_600_000)).toBe(true);
    expect(sender.secrets().endpoint).toBe(before);
    expect(sender.api.calls()).toHaveLength(1);
  });

  it('of GitHub that is not named as one is a missing permission', async () => {
    const { sender, rotate } = await fixture('github repository');
    sender.api.failNext(403, 'rotate');
    expect(await failure(rotate())).toMatchObject({
      code: 'ERR_ROTATION_FORBIDDEN',
      todo: expect.stringContaining('write:repo_hook'),
    });
  });

  it('is not waited for after an abort', async () => {
    const { sender, rotate } = await fixture('gitlab project');
    sender.api.failNext(429, 'rotate', { 'Retry-After': '50' });
    const abort = new AbortController();
    const error = await failure(
      rotate({
        signal: abort.signal,
        clock: {
          ...systemClock,
          schedule: (task, ms) => systemClock.schedule(task, ms === 50_000 ? ms : ms / 100),
        },
        onStep: ({ step }) => {
          if (step === 'calling') setTimeout(() => abort.abort(), 50);
        },
      }),
    );
    expect(error).toMatchObject({ code: 'ERR_ROTATION_RATE_LIMITED', secretState: 'unchanged' });
    expect(await stored()).not.toHaveProperty('next');
  });
});

describe('options', () => {
  const invalid = expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
  const repository = { rotates: 'repository', owner: 'acme', repo: 'shop', hookId: 1, token: 'ghp' } as const;

  it('that are wrong are named', () => {
    expect(() => vendors.github({ ...repository, hookId: 'abc' })).toThrow(/"hookId"/);
    expect(() => vendors.github({ ...repository, owner: 'a/b' })).toThrow(/"owner"/);
    expect(() => vendors.github({ ...repository, token: undefined })).toThrow(/"token".*not set/);
    expect(() => vendors.github({ ...repository, rotates: 'team' } as never)).toThrow(/"rotates"/);
    expect(() => vendors.github({ ...repository, ping: 'yes' } as never)).toThrow(/"ping"/);
    expect(() => vendors.gitlab({ rotates: 'project', project: '/acme', hookId: 1, token: 't' })).toThrow(
      /"project"/,
    );
    expect(() => vendors.gitlab({ rotates: 'none', hookId: 1, token: 't' } as never)).toThrow(/"rotates"/);
    expect(() => vendors.linear({ webhookId: 'w', apiKey: 'a', accessToken: 'b' })).toThrow(/either/);
    expect(() => vendors.openai({ webhookEndpointId: 'w', apiKey: 'a', testEvent: '' })).toThrow(
      /"testEvent"/,
    );
    expect(() => vendors.nylas({ webhookId: 'w', apiKey: 'a', region: 'uk' } as never)).toThrow(/"region"/);
    expect(() => vendors.lemonSqueezy({ webhookId: -1, apiKey: 'a' })).toThrow(/"webhookId"/);
    expect(() =>
      vendors.wooCommerce({
        baseUrl: 'http://shop.example',
        webhookId: 1,
        consumerKey: 'a',
        consumerSecret: 'b',
      }),
    ).toThrow(/"baseUrl"|https/);
  });

  it.each(['', 'canary', '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----'])(
    'a private key that is none is not quoted',
    (privateKey) => {
      const make = (): unknown => vendors.github({ rotates: 'app', clientId: 'Iv1', privateKey });
      expect(make).toThrow(invalid);
      expect(make).not.toThrow(/canary/);
    },
  );

  it('LangSmith gets the organization with every call', async () => {
    const seen: Record<string, string>[] = [];
    const vendor = vendors.langsmith({
      sessionId: 's',
      webhookId: 'w',
      apiKey: 'lsv2',
      tenantId: 'workspace',
      organizationId: 'organization',
      fetch: async (_url, { headers }) => {
        seen.push(headers as Record<string, string>);
        return Response.json({ signing_secret: 'a-secret-of-sixteen-bytes' });
      },
    });
    await vendor.rotate({ signal: new AbortController().signal });
    expect(seen).toEqual([
      expect.objectContaining({
        'X-API-Key': 'lsv2',
        'X-Tenant-Id': 'workspace',
        'X-Organization-Id': 'organization',
      }),
    ]);
  });

  it('GitHub Enterprise Server and a GitLab of your own have their own base URL', () => {
    const own = { ...repository, baseUrl: 'https://github.example/api/v3' };
    expect(vendors.github(own).rotateCall).toBe(
      'PATCH https://github.example/api/v3/repos/acme/shop/hooks/1/config',
    );
    const gitlab = { rotates: 'project', project: 'a/b', hookId: 2, token: 't' } as const;
    expect(vendors.gitlab({ ...gitlab, baseUrl: 'https://gitlab.example/api/v4' }).rotateCall).toBe(
      'PUT https://gitlab.example/api/v4/projects/a%2Fb/hooks/2',
    );
  });
});
