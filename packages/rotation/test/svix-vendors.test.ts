import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  fileTarget,
  isRotationError,
  type RotateOptions,
  type RotationError,
  type RotationReport,
  rotate,
  vendors,
} from '@countersign/rotation';
import {
  type SimulatedEndpoints,
  SVIX_APPLICATION,
  simulateEndpoints,
} from '@countersign-internal/simulator';
import { Svix, Webhook } from 'svix';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleScript } from '../../../test/support/bundled-script.ts';
import { kill, startChildRotation } from './support/child-rotation.ts';
import { accountOf, endpointAccess, endpointScheme, endpointVendor } from './support/endpoint-webhooks.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

const script = await bundleScript(new URL('./support/rotate-child.ts', import.meta.url));
afterAll(script.remove);

let directory: string;
let path: string;
const closings: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-svix-'));
  path = join(directory, 'secrets.json');
});

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
  await rm(directory, { recursive: true, force: true });
});

type Name = 'svix' | 'resend';

interface Fixture {
  readonly account: SimulatedEndpoints;
  readonly receiver: Receiver;
  secret(): string;
  rotate(options?: Partial<Omit<RotateOptions, 'dryRun'>>): Promise<RotationReport>;
}

async function fixture(name: Name): Promise<Fixture> {
  const receiver = await startReceiver();
  closings.push(() => receiver.close());
  const account = await simulateEndpoints(accountOf(name), {
    receiverUrl: receiver.url,
    attemptsAfterSeconds: [0, 0.3, 1, 1, 1, 1],
    timeoutSeconds: 120,
  });
  closings.push(() => account.close());
  const secret = (): string => account.endpoints()[0]?.secret ?? '';
  await writeFile(path, JSON.stringify({ current: secret() }));
  await receiver.load(endpointScheme(name), path);
  return {
    account,
    receiver,
    secret,
    rotate: (options = {}) =>
      rotate({
        vendor: endpointVendor(endpointAccess(name, account)),
        target: fileTarget(path),
        pollSeconds: 0.02,
        ...options,
      }),
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

describe.each(['svix', 'resend'] as const)('%s', (name) => {
  it('rotates under traffic without a gap, because both secrets sign for a day', async () => {
    const { account, receiver, secret, rotate: run } = await fixture(name);
    const first = secret();
    const stopLoad = account.run({ perSecond: 40 });
    for (let round = 0; round < 3; round++) {
      await delay(150);
      const report = await run();
      expect(report).toMatchObject({ outcome: 'rotated', check: { state: 'passed' } });
      expect(report.order).toBe(name === 'svix' ? 'next-first' : 'announced');
      expect(report.previous?.notAfter.getTime()).toBeGreaterThan(Date.now() + 86_000_000);
    }
    await delay(150);
    await stopLoad();
    expect((await stored()).current).toBe(secret());
    expect(JSON.stringify((await stored()).previous)).toContain(first);
    const events = account.events();
    expect(events.every(({ copies }) => copies[0]?.answers[0] === 204)).toBe(true);
    expect(receiver.runs.size).toBe(events.length);
    expect(new Set(receiver.runs.values())).toEqual(new Set([1]));
  });

  it('is asked for its secret if the response is lost, and a second rotation is not made', async () => {
    const { account, secret, rotate: run } = await fixture(name);
    account.api.loseAnswerNext('rotate');
    expect(await run()).toMatchObject({ outcome: 'rotated' });
    expect((await stored()).current).toBe(secret());
    expect(account.api.calls().filter(({ operation }) => operation === 'rotate')).toHaveLength(1);
  });

  it('names what is missing: the permission, the webhook, the right key', async () => {
    const { account, secret, rotate: run } = await fixture(name);
    const before = secret();
    const access = endpointAccess(name, account);
    const other = { ...access, apiKey: account.credentials.otherKey };
    const forbidden = await failure(run({ vendor: endpointVendor(other) }));
    expect(forbidden).toMatchObject({
      code: 'ERR_ROTATION_FORBIDDEN',
      secretState: 'unchanged',
      vendorCode: name === 'svix' ? 'insufficient_access' : 'restricted_api_key',
    });
    expect(forbidden.todo).toContain(name === 'svix' ? 'application portal' : 'Full access');
    const wrong = await failure(run({ vendor: endpointVendor({ ...access, apiKey: 'wrong' }) }));
    expect(wrong).toMatchObject(
      name === 'svix'
        ? { code: 'ERR_ROTATION_UNAUTHORIZED', vendorCode: 'authentication_failed' }
        : { code: 'ERR_ROTATION_REFUSED', status: 400, vendorCode: 'validation_error' },
    );
    const id = '0190a1b2-c3d4-4e5f-86a7-b8c9d0e1f2a3';
    const missing = await failure(run({ vendor: endpointVendor({ ...access, endpointId: id }) }));
    expect(missing).toMatchObject({ code: 'ERR_ROTATION_NOT_FOUND', vendorCode: 'not_found' });
    expect(secret()).toBe(before);
    expect(await run()).toMatchObject({ outcome: 'rotated' });
  });

  it('waits as long as the vendor asks', async () => {
    const { account, rotate: run } = await fixture(name);
    account.api.failNext(429, 'rotate', { 'Retry-After': '1' });
    const start = Date.now();
    expect(await run()).toMatchObject({ outcome: 'rotated' });
    expect(Date.now() - start).toBeGreaterThan(900);
  });
});

// One process each: this only ends what hangs.
describe.concurrent('kill -9 under traffic', { timeout: 300_000 }, () => {
  const STEPS = ['locked', 'announced', 'calling', 'answered', 'stored', 'checked', 'closed'] as const;
  const cases = (['svix', 'resend'] as const).flatMap((name) => STEPS.map((step) => [name, step] as const));

  it.each(cases)('%s, after "%s"', async (name, step) => {
    const own = await mkdtemp(join(tmpdir(), 'countersign-svix-crash-'));
    const file = join(own, 'secrets.json');
    const receiver = await startReceiver();
    const account = await simulateEndpoints(accountOf(name), {
      receiverUrl: receiver.url,
      attemptsAfterSeconds: [0, 0.3, 1, 1, 1, 1],
      timeoutSeconds: 120,
    });
    let child: ChildProcess | undefined;
    try {
      const first = account.endpoints()[0]?.secret ?? '';
      await writeFile(file, JSON.stringify({ current: first }), { mode: 0o600 });
      await receiver.load(endpointScheme(name), file);
      const access = endpointAccess(name, account);
      const stopLoad = account.run({ perSecond: 20 });
      const started = await startChildRotation(script.path, { access, path: file, stopAfter: step });
      child = started.child;
      expect(started.end).toBe(`stopped after ${step}`);
      await delay(200);
      await kill(child);
      const { outcome } = await rotate({
        vendor: endpointVendor(access),
        target: fileTarget(file),
        pollSeconds: 0.1,
      });
      await stopLoad();
      expect(outcome).toBe(['answered', 'stored', 'checked'].includes(step) ? 'finished' : 'rotated');
      const set = JSON.parse(await readFile(file, 'utf8'));
      expect(set.current).toBe(account.endpoints()[0]?.secret);
      expect(set).not.toHaveProperty('rotating');
      // Both secrets sign, and receivers have at least one of them at every moment.
      const refused = account.events().flatMap(({ copies }) => {
        const [answer] = copies[0]?.answers ?? [];
        return typeof answer === 'number' && answer >= 300 ? [copies[0]?.answers] : [];
      });
      expect(refused).toEqual([]);
      expect(receiver.runs.size).toBe(account.events().length);
      expect(new Set(receiver.runs.values())).toEqual(new Set([1]));
    } finally {
      if (child !== undefined) await kill(child);
      await account.close();
      await receiver.close();
      await rm(own, { recursive: true, force: true });
    }
  });
});

describe('Svix', () => {
  it('makes the secret itself if told to, and stops the old one at once after a leak', async () => {
    const { account, secret, rotate: run } = await fixture('svix');
    const { apiUrl: baseUrl, firstId: endpointId, credentials } = account;
    const options = { baseUrl, appId: SVIX_APPLICATION, endpointId, token: credentials.apiKey };
    const vendor = vendors.svix({ ...options, key: 'generated' });
    expect(await run({ vendor })).toMatchObject({ order: 'announced', check: { state: 'passed' } });
    expect((await stored()).current).toBe(secret());
    const leaked = secret();
    await run({ compromised: true });
    expect(account.endpoints()[0]?.signing?.()).toHaveLength(1);
    expect((await stored()).current).toBe(secret());
    expect(JSON.stringify(await stored())).not.toContain(leaked);
  });

  it('says that it allows ten rotations a day', async () => {
    const { rotate: run } = await fixture('svix');
    for (let round = 0; round < 10; round++) await run({ compromised: true });
    expect(await failure(run({ compromised: true }))).toMatchObject({
      code: 'ERR_ROTATION_RATE_LIMITED',
      vendorCode: 'limit_reached',
      secretState: 'unchanged',
    });
  });

  it('is called where the token says', async () => {
    const urls: string[] = [];
    const fetch = async (url: string): Promise<Response> => {
      urls.push(url);
      return new Response(null, { status: 204 });
    };
    const { signal } = new AbortController();
    for (const token of ['testsk_a.eu', 'testsk_a']) {
      await vendors.svix({ appId: 'app_1', endpointId: 'ep_1', token, fetch }).rotate({ signal });
    }
    expect(urls).toEqual([
      'https://api.eu.svix.com/api/v1/app/app_1/endpoint/ep_1/secret/rotate',
      'https://api.svix.com/api/v1/app/app_1/endpoint/ep_1/secret/rotate',
    ]);
  });

  it("is simulated as Svix's own library expects it", async () => {
    const { account, secret } = await fixture('svix');
    const svix = new Svix(account.credentials.apiKey, { serverUrl: account.apiUrl });
    const before = secret();
    await svix.endpoint.rotateSecret(SVIX_APPLICATION, account.firstId);
    expect((await svix.endpoint.getSecret(SVIX_APPLICATION, account.firstId)).key).toBe(secret());
    expect(secret()).not.toBe(before);
    const event = account.vendor.newEvent({ sequence: 1, at: new Date() });
    const seconds = Math.floor(Date.now() / 1000);
    const digests = (account.endpoints()[0]?.signing?.() ?? []).map((key) =>
      account.vendor.digest(key, event, seconds),
    );
    const headers = account.vendor.headers(event, seconds, digests);
    for (const key of [before, secret()]) {
      expect(new Webhook(key).verify(event.body, headers)).toMatchObject({ type: 'invoice.paid' });
    }
  });
});
