import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
import {
  agentMessageEndpoints,
  type EndpointVendor,
  type SimulatedEndpoints,
  simulateEndpoints,
  stripeEndpoints,
} from '@countersign-internal/simulator';
import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountOf, endpointAccess, endpointScheme, endpointVendor } from './support/endpoint-webhooks.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

let directory: string;
let path: string;
const closings: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-replace-'));
  path = join(directory, 'secrets.json');
});

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
  await rm(directory, { recursive: true, force: true });
});

/** Waits of the package are shortened, not those of the test. */
const clock: Clock = {
  ...systemClock,
  schedule: (task, delayMs) => systemClock.schedule(task, delayMs / 20),
};

type Name = 'stripe' | 'agentMessage';

interface Fixture {
  readonly account: SimulatedEndpoints;
  readonly receiver: Receiver;
  readonly first: string;
  readonly steps: RotationStep[];
  rotate(options?: Partial<Omit<RotateOptions, 'dryRun'>>): Promise<RotationReport>;
}

async function fixture(name: Name, vendor: EndpointVendor = accountOf(name)): Promise<Fixture> {
  const receiver = await startReceiver();
  closings.push(() => receiver.close());
  const account = await simulateEndpoints(vendor, {
    receiverUrl: receiver.url,
    attemptsAfterSeconds: [0, 0.3, 1, 1, 1, 1],
    timeoutSeconds: 120,
  });
  closings.push(() => account.close());
  const first = account.endpoints()[0]?.secret ?? '';
  await writeFile(path, JSON.stringify({ current: first }));
  await receiver.load(endpointScheme(name), path);
  const steps: RotationStep[] = [];
  return {
    account,
    receiver,
    first,
    steps,
    rotate: (options = {}) =>
      rotate({
        vendor: endpointVendor(endpointAccess(name, account)),
        target: fileTarget(path),
        pollSeconds: 0.01,
        overlapSeconds: 0.2,
        clock,
        onStep: (step) => steps.push(step),
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

describe.each(['stripe', 'agentMessage'] as const)('%s replaces an endpoint', (name) => {
  it('and tells what it did', async () => {
    const { account, first, steps, rotate } = await fixture(name);
    const report = await rotate();
    const [made] = account.endpoints();
    expect(account.endpoints()).toHaveLength(1);
    expect(report).toMatchObject({
      outcome: 'rotated',
      order: 'both-deliver',
      endpoints: { made: made?.id, old: account.firstId, undone: [] },
    });
    expect(report.check.state).toBe(name === 'agentMessage' ? 'passed' : 'not-made');
    expect(steps.map(({ step }) => step)).toEqual([
      'locked',
      'announced',
      'calling',
      'answered',
      'stored',
      'checked',
      'overlapping',
      'removing',
      'removed',
      'closed',
    ]);
    const set = await stored();
    expect(set).toMatchObject({ current: made?.secret, previous: [{ secret: first }] });
    const { previous } = report;
    expect(Math.abs((previous?.notAfter.getTime() ?? 0) - Date.now() - 300_000)).toBeLessThan(60_000);
    expect(JSON.stringify([report, steps])).not.toContain(made?.secret);
  });

  it('three times in a row with the same options', async () => {
    const { account, rotate } = await fixture(name);
    const ids = new Set([account.firstId]);
    for (let round = 0; round < 3; round++) {
      await rotate();
      expect(account.endpoints()).toHaveLength(1);
      ids.add(account.endpoints()[0]?.id ?? '');
    }
    expect(ids.size).toBe(4);
    expect((await stored()).current).toBe(account.endpoints()[0]?.secret);
  });

  it('under traffic: nothing is lost, nothing runs twice, and no event waits for a retry', async () => {
    const { account, receiver, rotate } = await fixture(name);
    const stopLoad = account.run({ perSecond: 40 });
    for (let round = 0; round < 2; round++) {
      await delay(200);
      await rotate({
        health: () => receiver.health(),
        waitSeconds: 60,
        overlapSeconds: 0.5,
        clock: systemClock,
      });
    }
    await delay(200);
    await stopLoad();
    const events = account.events();
    expect(events.length).toBeGreaterThan(30);
    const isRefusal = (answer: unknown): boolean => typeof answer === 'number' && answer >= 300;
    const late = events.filter(({ copies }) => copies.every(({ answers: [first] }) => isRefusal(first)));
    expect(late).toEqual([]);
    // Both endpoints have delivered, and the copies were dropped.
    expect(events.filter(({ copies }) => copies.length === 2).length).toBeGreaterThan(5);
    expect([...receiver.runs.keys()].sort((a, b) => a - b)).toEqual(events.map(({ sequence }) => sequence));
    expect(new Set(receiver.runs.values())).toEqual(new Set([1]));
  });

  it('later: the run returns while both deliver, and the next one removes the old endpoint', async () => {
    const { account, first, rotate } = await fixture(name);
    const report = await rotate({ overlapSeconds: 3600 });
    expect(report).toMatchObject({ outcome: 'overlapping', endpoints: { old: account.firstId } });
    expect(report.message).toContain('Run again after');
    const [, made] = account.endpoints();
    expect((await stored()).current).toEqual([made?.secret, first]);
    expect(await stored()).not.toHaveProperty('rotating');
    // Too early: nothing changes.
    const early = await rotate({ overlapSeconds: 3600 });
    expect(early).toMatchObject({ outcome: 'overlapping', endpoints: report.endpoints });
    expect(account.endpoints()).toHaveLength(2);
    const later: Clock = { ...clock, now: () => Date.now() + 3_700_000 };
    expect(await rotate({ overlapSeconds: 3600, clock: later })).toMatchObject({ outcome: 'finished' });
    expect(account.endpoints().map(({ id }) => id)).toEqual([made?.id]);
    expect((await stored()).current).toBe(made?.secret);
  });

  it('at once after a leak, and drops the old secret', async () => {
    const { account, first, rotate } = await fixture(name);
    const report = await rotate({ compromised: true, overlapSeconds: 3600 });
    expect(report.outcome).toBe('rotated');
    expect(report).not.toHaveProperty('previous');
    expect(account.endpoints()).toHaveLength(1);
    expect(JSON.stringify(await stored())).not.toContain(first);
  });

  it('and the new endpoint too, if the leak becomes known while both deliver', async () => {
    const { account, first, rotate } = await fixture(name);
    await rotate({ overlapSeconds: 3600 });
    const second = account.endpoints()[1]?.secret ?? '';
    await rotate({ compromised: true, overlapSeconds: 3600 });
    expect(account.endpoints()).toHaveLength(1);
    const text = JSON.stringify(await stored());
    expect(text).not.toContain(first);
    expect(text).not.toContain(second);
    expect(text).toContain(account.endpoints()[0]?.secret);
  });

  it('although the response to "create" is lost: never two new endpoints', async () => {
    const { account, rotate } = await fixture(name);
    account.api.loseAnswerNext('create');
    const report = await rotate();
    expect(report.outcome).toBe('rotated');
    expect(account.endpoints()).toHaveLength(1);
    expect((await stored()).current).toBe(account.endpoints()[0]?.secret);
  });

  it('or says that it is unknown, and the next run removes what was made', async () => {
    const { account, rotate } = await fixture(name);
    account.api.loseAnswerNext('create');
    account.api.loseAnswerNext('create');
    expect(await failure(rotate())).toMatchObject({
      code: 'ERR_ROTATION_NO_ANSWER',
      secretState: 'unknown',
    });
    expect(account.endpoints()).toHaveLength(2);
    const report = await rotate();
    expect(report).toMatchObject({ outcome: 'rotated' });
    expect(report.endpoints?.undone).toHaveLength(1);
    expect(report.message).toContain('Removed what a stopped run had made');
    expect(account.endpoints()).toHaveLength(1);
  });

  it('not if the target can not be written: the new endpoint is removed again', async () => {
    const { account, first, rotate } = await fixture(name);
    const file = fileTarget(path);
    let writes = 0;
    const target = {
      ...file,
      write: (set: Parameters<typeof file.write>[0]) =>
        ++writes === 1
          ? file.write(set)
          : Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    };
    expect(await failure(rotate({ target }))).toMatchObject({
      code: 'ERR_ROTATION_TARGET_UNWRITABLE',
      secretState: 'unchanged',
    });
    expect(account.endpoints().map(({ secret }) => secret)).toEqual([first]);
    expect(await rotate()).toMatchObject({ outcome: 'rotated' });
  });

  it('never without the permission, which it names', async () => {
    const { account, first, rotate } = await fixture(name);
    const vendor = endpointVendor({
      ...endpointAccess(name, account),
      apiKey: account.credentials.otherKey,
    });
    const error = await failure(rotate({ vendor }));
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_FORBIDDEN',
      status: 403,
      secretState: 'unchanged',
      vendorCode: name === 'stripe' ? 'invalid_request_error' : 'FORBIDDEN',
      requestId: expect.stringMatching(name === 'stripe' ? /^req_/ : /^[0-9A-Z]{26}$/),
    });
    expect(error.todo).toContain(name === 'stripe' ? 'webhook_' : 'webhooks:write');
    expect(account.endpoints().map(({ secret }) => secret)).toEqual([first]);
    const wrong = endpointVendor({ ...endpointAccess(name, account), apiKey: 'wrong' });
    expect(await failure(rotate({ vendor: wrong }))).toMatchObject({ code: 'ERR_ROTATION_UNAUTHORIZED' });
    const other = endpointVendor({
      ...endpointAccess(name, account),
      endpointId: '0190a1b2-c3d4-4e5f-86a7-b8c9d0e1f2a3',
    });
    expect(await failure(rotate({ vendor: other }))).toMatchObject({ code: 'ERR_ROTATION_NOT_FOUND' });
    expect(await rotate()).toMatchObject({ outcome: 'rotated' });
  });

  it('after the time that the vendor asks to wait', async () => {
    const { account, rotate } = await fixture(name);
    account.api.failNext(429, 'create', { 'Retry-After': '7' });
    const waits: number[] = [];
    const watched: Clock = {
      ...clock,
      schedule: (task, delayMs) => {
        waits.push(delayMs);
        return clock.schedule(task, delayMs);
      },
    };
    expect(await rotate({ clock: watched })).toMatchObject({ outcome: 'rotated' });
    expect(waits).toContain(7000);
    account.api.failNext(429, 'create', { 'Retry-After': '4000' });
    const error = await failure(rotate());
    expect(error).toMatchObject({ code: 'ERR_ROTATION_RATE_LIMITED', secretState: 'unchanged' });
    expect(error.todo).toContain('4000');
  });

  it('not while another run does', async () => {
    const { rotate } = await fixture(name);
    const [one, other] = await Promise.allSettled([rotate(), rotate()]);
    const states = [one, other].map(({ status }) => status).sort();
    expect(states).toEqual(['fulfilled', 'rejected']);
    const reason = one?.status === 'rejected' ? one.reason : other?.status === 'rejected' ? other.reason : '';
    expect(reason).toMatchObject({ code: 'ERR_ROTATION_LOCKED' });
  });

  it('only on paper in a dry run', async () => {
    const { account, rotate: run } = await fixture(name);
    const plan = await rotate({
      vendor: endpointVendor(endpointAccess(name, account)),
      target: fileTarget(path),
      dryRun: true,
    });
    expect(plan.order).toBe('both-deliver');
    expect(plan.steps.join(' ')).toMatch(/Let both endpoints deliver until .*, and stop here/);
    expect(account.api.calls()).toEqual([]);
    await run({ overlapSeconds: 3600 });
    const rest = await rotate({
      vendor: endpointVendor(endpointAccess(name, account)),
      target: fileTarget(path),
      dryRun: true,
    });
    expect(rest.steps.join(' ')).not.toContain('POST');
    expect(rest.interrupted).toMatchObject({ step: 'stored' });
  });

  it('stops waiting when the signal aborts, and the next run goes on', async () => {
    const { account, rotate } = await fixture(name);
    const abort = new AbortController();
    const report = await rotate({
      overlapSeconds: 500,
      signal: abort.signal,
      onStep: ({ step }) => {
        if (step === 'overlapping') setTimeout(() => abort.abort(), 50);
      },
    });
    expect(report.outcome).toBe('overlapping');
    expect(account.endpoints()).toHaveLength(2);
    const early = new AbortController();
    early.abort();
    const later: Clock = { ...clock, now: () => Date.now() + 600_000 };
    expect(await rotate({ clock: later })).toMatchObject({ outcome: 'finished' });
    expect(await failure(rotate({ signal: early.signal }))).toMatchObject({
      code: 'ERR_ROTATION_ABORTED',
      secretState: 'unchanged',
    });
    expect(account.endpoints()).toHaveLength(1);
  });
});

describe('Stripe', () => {
  it('copies everything that decides what is sent', async () => {
    const { account, rotate } = await fixture('stripe');
    await rotate();
    expect(account.endpoints()[0]).toMatchObject({
      url: account.endpoints()[0]?.url,
      fields: {
        api_version: '2026-09-30.dahlia',
        description: 'orders',
        enabled_events: ['charge.succeeded', 'charge.failed'],
        connect: false,
        metadata: { team: 'billing', countersign_endpoint: account.firstId },
      },
    });
  });

  it('makes a Connect endpoint if told so, because the API does not show it', async () => {
    const { account, rotate } = await fixture(
      'stripe',
      stripeEndpoints({ fields: { connect: true, api_version: null } }),
    );
    const { apiUrl: baseUrl, firstId: endpointId, credentials } = account;
    await rotate({
      vendor: vendors.stripe({ baseUrl, endpointId, apiKey: credentials.apiKey, connect: true }),
    });
    expect(account.endpoints()[0]).toMatchObject({ fields: { connect: true, api_version: null } });
    const options = { baseUrl, endpointId, apiKey: credentials.apiKey };
    expect(() => vendors.stripe(options as Parameters<typeof vendors.stripe>[0])).toThrow(/"connect"/);
  });

  it('undoes everything if the response has no secret, as with some restricted keys', async () => {
    const { account, first, rotate } = await fixture('stripe', stripeEndpoints({ hidesSecret: true }));
    expect(await failure(rotate())).toMatchObject({
      code: 'ERR_ROTATION_ANSWER_INVALID',
      secretState: 'unchanged',
    });
    expect(account.endpoints().map(({ secret }) => secret)).toEqual([first]);
    expect(await stored()).toMatchObject({ current: first });
    expect(await stored()).not.toHaveProperty('rotating');
  });

  it('says what to do at the limit of 16 endpoints, and leaves all as they are', async () => {
    const { account, rotate } = await fixture('stripe');
    const [first] = account.endpoints();
    for (let index = 1; first !== undefined && index < 16; index++) {
      account.add({ ...first, id: `we_other${index}`, isEnabled: false });
    }
    const error = await failure(rotate());
    expect(error).toMatchObject({ code: 'ERR_ROTATION_REFUSED', status: 400, secretState: 'unchanged' });
    expect(error.todo).toContain('16');
    expect(account.endpoints()).toHaveLength(16);
  });

  it('finds its endpoint on any page of the list', async () => {
    const { account, rotate } = await fixture('stripe', stripeEndpoints({ pageSize: 2 }));
    const [first] = account.endpoints();
    for (let index = 1; first !== undefined && index < 7; index++) {
      account.add({ ...first, id: `we_other${index}`, isEnabled: false });
    }
    await rotate();
    await rotate();
    expect(account.endpoints()).toHaveLength(7);
    expect(account.endpoints().some(({ id }) => id === account.firstId)).toBe(false);
  });

  it('never removes the old endpoint if only that one delivers', async () => {
    const { account, receiver, rotate } = await fixture('stripe');
    const overlap = { overlapSeconds: 3600, waitSeconds: 60, health: () => receiver.health() };
    await rotate(overlap);
    const [, made] = account.endpoints();
    if (made !== undefined) account.add({ ...made, isEnabled: false });
    account.emit(5);
    await account.idle();
    const later: Clock = { ...clock, now: () => Date.now() + 3_700_000 };
    expect(await failure(rotate({ ...overlap, clock: later }))).toMatchObject({
      code: 'ERR_ROTATION_CHECK_FAILED',
      secretState: 'changed-and-stored',
    });
    expect(account.endpoints()).toHaveLength(2);
    if (made !== undefined) account.add(made);
    account.emit(5);
    await account.idle();
    expect(await rotate({ ...overlap, clock: later })).toMatchObject({ outcome: 'finished' });
  });

  it('refuses an endpoint that is disabled', async () => {
    const { account, rotate } = await fixture('stripe');
    const [first] = account.endpoints();
    if (first !== undefined) account.add({ ...first, isEnabled: false });
    expect(await failure(rotate())).toMatchObject({ code: 'ERR_ROTATION_REFUSED', secretState: 'unchanged' });
  });

  it("is simulated as Stripe's own library expects it", async () => {
    const { account } = await fixture('stripe');
    const { hostname, port } = new URL(account.apiUrl);
    const stripe = new Stripe(account.credentials.apiKey, { host: hostname, port, protocol: 'http' });
    const made = await stripe.webhookEndpoints.create(
      { url: 'https://example.com/hooks', enabled_events: ['charge.failed'], metadata: { a: 'b' } },
      { idempotencyKey: 'one' },
    );
    expect(made).toMatchObject({
      enabled_events: ['charge.failed'],
      metadata: { a: 'b' },
      status: 'enabled',
    });
    const again = await stripe.webhookEndpoints.create(
      { url: 'https://example.com/hooks', enabled_events: ['charge.failed'], metadata: { a: 'b' } },
      { idempotencyKey: 'one' },
    );
    expect(again.secret).toBe(made.secret);
    expect((await stripe.webhookEndpoints.list({ limit: 100 })).data).toHaveLength(2);
    const event = account.vendor.newEvent({ sequence: 1, at: new Date() });
    const seconds = Math.floor(Date.now() / 1000);
    const digest = account.vendor.digest(made.secret ?? '', event, seconds);
    const header = account.vendor.headers(event, seconds, [digest])['Stripe-Signature'] ?? '';
    expect(stripe.webhooks.constructEvent(event.body, header, made.secret ?? '').id).toBe(event.id);
    expect(await stripe.webhookEndpoints.del(made.id)).toMatchObject({ deleted: true });
    await expect(stripe.webhookEndpoints.retrieve(made.id)).rejects.toMatchObject({
      code: 'resource_missing',
    });
  });
});

describe('AgentMessage', () => {
  it('keeps the description, and marks it', async () => {
    const vendor = agentMessageEndpoints({ description: 'ops '.repeat(50).trim() });
    const { account, rotate } = await fixture('agentMessage', vendor);
    await rotate();
    await rotate();
    const description = String(account.endpoints()[0]?.fields.description);
    expect(description).toMatch(/^ops ops .* \[countersign [0-9a-f]{16} for [0-9a-f-]{36}\]$/);
    expect(description.length).toBeLessThanOrEqual(200);
    expect(account.endpoints()[0]).toMatchObject({
      fields: { events: ['wallet.balance_low', 'wallet.balance_zero'], api_version: '2026-04-01' },
    });
  });

  it('says that it can not tell whose an endpoint is, if the list shows no descriptions', async () => {
    const vendor = agentMessageEndpoints({ hidesDescriptions: true });
    const { account, first, rotate } = await fixture('agentMessage', vendor);
    account.api.loseAnswerNext('create');
    const error = await failure(rotate());
    expect(error).toMatchObject({ code: 'ERR_ROTATION_UNFINISHED', secretState: 'unchanged' });
    const stray = account.endpoints()[1]?.id ?? '';
    expect(error.message).toContain(stray);
    // Nothing that might be somebody's was removed, and the old endpoint delivers on.
    expect(account.endpoints().map(({ secret }) => secret)).toContain(first);
    const response = await fetch(`${account.apiUrl}/v1/webhooks/${stray}`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${account.credentials.apiKey}` },
    });
    expect(response.status).toBe(204);
    expect(await rotate()).toMatchObject({ outcome: 'rotated' });
  });

  it('is not rotated in place while a replacement is unfinished', async () => {
    const { account, rotate } = await fixture('agentMessage');
    await rotate({ overlapSeconds: 3600 });
    const { apiUrl: baseUrl, firstId: webhookId, credentials } = account;
    const vendor = vendors.agentMessage({
      baseUrl,
      rotates: 'endpoint',
      webhookId,
      apiKey: credentials.apiKey,
    });
    expect(await failure(rotate({ vendor }))).toMatchObject({ code: 'ERR_ROTATION_UNFINISHED' });
  });
});
