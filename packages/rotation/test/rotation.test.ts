import { createKeyring, functionSecrets, type SecretSetInput } from '@countersign/core';
import {
  type InstanceHealth,
  isRotationError,
  type JournalEntry,
  type RotateOptions,
  type RotationReport,
  rotate,
  vendors,
} from '@countersign/rotation';
import * as schemes from '@countersign/schemes';
import { type ManualClock, manualClock } from '@countersign/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type MemoryJournal,
  type MemoryTarget,
  memoryJournal,
  memoryTarget,
  type ScriptedVendor,
  scriptedVendor,
} from './support/memory.ts';
import { schemeOf, vendorOf, WEBHOOKS } from './support/webhooks.ts';

const OLD = 'the-secret-before-all';
const START = Date.UTC(2030, 0, 1);

let clock: ManualClock;
let target: MemoryTarget;
let journal: MemoryJournal;

beforeEach(() => {
  clock = manualClock(START);
  target = memoryTarget({ current: OLD });
  journal = memoryJournal();
});

type Options = Partial<Omit<RotateOptions, 'dryRun'>> & { vendor: RotateOptions['vendor'] };

const start = (options: Options): Promise<RotationReport> => rotate({ target, journal, clock, ...options });

/** Lets time pass until the rotation has come to its end. */
async function run(options: Options): Promise<RotationReport> {
  const rotation = start(options);
  let over = false;
  rotation.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  for (let seconds = 0; !over && seconds < 3600; seconds++) await clock.advance(1000);
  return rotation;
}

const later = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

/** A note as a killed run leaves it. */
const note = (entry: Partial<JournalEntry>): JournalEntry => ({
  format: 1,
  vendor: 'scripted',
  endpointId: 'webhook-1',
  target: 'memory',
  step: 'calling',
  at: new Date(START).toISOString(),
  replaces: idOf(OLD),
  place: 0,
  ...entry,
});

/** The id that a receiver shows for a secret. */
function idOf(secret: string, scheme = schemes.polyai()): string {
  const provider = { name: 'test', static: true, load: () => ({ current: secret }) };
  return createKeyring(provider, { scheme }).health().keys[0]?.id ?? '';
}

async function failure(rotation: Promise<unknown>): Promise<unknown> {
  return rotation.then(
    () => expect.fail('The rotation succeeded.'),
    (error: unknown) => error,
  );
}

describe('the order', () => {
  it('is announce, note, call, store, close if the vendor makes the secret', async () => {
    const vendor = scriptedVendor(OLD, {
      onCall() {
        expect(target.set).toEqual({
          current: OLD,
          rotating: { until: new Date(START + 3_600_000).toISOString() },
          version: '2030-01-01T00:00:00.000Z',
        });
        expect(journal.entry).toMatchObject({ step: 'calling', replaces: idOf(OLD) });
        expect(journal.holder).toBeDefined();
      },
    });
    const steps: string[] = [];
    const report = await run({ vendor, onStep: ({ step }) => void steps.push(step) });
    expect(steps).toEqual(['locked', 'announced', 'calling', 'answered', 'stored', 'checked', 'closed']);
    expect(target.set).toEqual({
      current: vendor.secret_,
      previous: [{ secret: OLD, notAfter: later(300) }],
      version: '2030-01-01T00:00:00.000Z',
    });
    expect(report).toEqual({
      outcome: 'rotated',
      vendor: 'scripted',
      endpointId: 'webhook-1',
      target: 'memory',
      order: 'announced',
      current: idOf(vendor.secret_),
      previous: { id: idOf(OLD), notAfter: new Date(START + 300_000) },
      check: { state: 'not-made', message: expect.stringMatching(/no test delivery/) },
      message: expect.stringContaining('The secret was rotated.'),
    });
    expect(journal.history.map((entry) => entry?.step)).toEqual([
      'announced',
      'calling',
      'stored',
      undefined,
    ]);
    expect(journal.holder).toBeUndefined();
  });

  it('is publish, wait, note, call, store if the vendor accepts a secret', async () => {
    const vendor = scriptedVendor(OLD, {
      takesKey: true,
      onCall() {
        expect(target.set).toMatchObject({ current: OLD, next: ['secret-number-1-of-many'] });
        expect(clock.now() - START).toBe(60_000);
      },
    });
    const steps: string[] = [];
    const rotation = start({ vendor, onStep: ({ step }) => void steps.push(step) });
    await clock.advance(59_999);
    expect(vendor.calls).toEqual([]);
    await clock.advance(1);
    expect(await rotation).toMatchObject({ outcome: 'rotated', order: 'next-first' });
    expect(steps).toEqual([
      'locked',
      'announced',
      'waited',
      'calling',
      'answered',
      'stored',
      'checked',
      'closed',
    ]);
    expect(target.set).toMatchObject({ current: 'secret-number-1-of-many' });
    expect(target.set).not.toHaveProperty('next');
  });

  it('waits two poll periods as long as the operator says', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    const rotation = start({ vendor, pollSeconds: 300 });
    await clock.advance(599_999);
    expect(vendor.calls).toEqual([]);
    await clock.advance(1);
    expect(await rotation).toMatchObject({ outcome: 'rotated' });
  });

  it('waits until the announcement has arrived if the vendor does not document what it retries', async () => {
    const vendor = scriptedVendor(OLD, { retriesRefusals: false });
    const rotation = start({ vendor });
    await clock.advance(59_999);
    expect(vendor.calls).toEqual([]);
    await clock.advance(1);
    expect(await rotation).toMatchObject({ outcome: 'rotated' });
  });

  it('keeps other secrets, and drops what is over', async () => {
    target.set = {
      current: ['another-current-secret', { secret: OLD, id: 'mine' }],
      previous: [
        { secret: 'a-previous-one-still-alive', notAfter: later(1) },
        { secret: 'a-previous-one-that-is-over', notAfter: later(-1) },
        'a-previous-one-without-end',
      ],
      next: 'a-next-one-of-somebody-else',
      version: '7',
    };
    const vendor = scriptedVendor(OLD);
    const report = await run({ vendor, replaces: 1 });
    expect(target.set).toEqual({
      current: ['another-current-secret', vendor.secret_],
      previous: [
        { secret: OLD, id: 'mine', notAfter: later(300) },
        { secret: 'a-previous-one-still-alive', notAfter: later(1) },
        'a-previous-one-without-end',
      ],
      next: ['a-next-one-of-somebody-else'],
      version: expect.any(String),
    });
    expect(report.previous?.id).toBe('mine');
  });

  it('does not undo what another process changes meanwhile', async () => {
    const vendor = scriptedVendor(OLD, {
      onCall() {
        target.set = { ...(target.set ?? { current: OLD }), next: 'added-while-it-was-running' };
      },
    });
    await run({ vendor });
    expect(target.set).toMatchObject({ current: vendor.secret_, next: ['added-while-it-was-running'] });
  });

  it('keeps an earlier notAfter of the secret', async () => {
    target.set = { current: { secret: OLD, notAfter: later(60) } };
    const report = await run({ vendor: scriptedVendor(OLD) });
    expect(report.previous?.notAfter).toEqual(new Date(START + 60_000));
  });

  it('keeps the replaced secret for the grace and the overlap, or as long as the operator says', async () => {
    const vendor = scriptedVendor(OLD, { graceSeconds: 86_400, overlapSeconds: 120 });
    expect((await run({ vendor })).previous?.notAfter).toEqual(new Date(START + 86_520_000));
    const now = clock.now();
    expect((await run({ vendor, overlapSeconds: 0 })).previous?.notAfter).toEqual(new Date(now + 86_400_000));
  });

  it('shows keys by the ids that receivers show', async () => {
    for (const name of WEBHOOKS) {
      const secret =
        name.startsWith('a') && name !== 'anchorBrowser' ? Buffer.alloc(32, name).toString('base64') : OLD;
      const access = {
        name,
        apiUrl: 'http://localhost:1',
        endpointId: 'id',
        sessionId: 'id',
        apiKey: 'key',
        adminApiKey: 'key',
        tenantId: 'id',
      };
      const plan = await rotate({
        vendor: vendorOf(access),
        target: memoryTarget({ current: secret }),
        journal,
        dryRun: true,
      });
      expect(plan.replaces).toBe(idOf(secret, schemeOf(name)));
    }
  });
});

describe('with health', () => {
  const instance = (keys: [string, string][], rotatingUntil?: string): InstanceHealth => ({
    secrets: { rotatingUntil, keys: keys.map(([id, role]) => ({ id, role })) },
  });
  /** What an instance that loads the target shows. */
  const loaded = ({ current, next, rotating }: SecretSetInput = { current: OLD }): InstanceHealth =>
    instance(
      [
        ...[current].flat().map((one): [string, string] => [idOf(String(one)), 'current']),
        ...[next ?? []].flat().map((one): [string, string] => [idOf(String(one)), 'next']),
      ],
      rotating?.until,
    );

  it('goes on as soon as every instance has the next secret', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    let slow: SecretSetInput = { current: OLD };
    const rotation = start({ vendor, health: async () => [loaded(target.set), loaded(slow)] });
    await clock.advance(20_000);
    expect(vendor.calls).toEqual([]);
    slow = target.set ?? slow;
    await clock.advance(500);
    expect(vendor.calls).toEqual(['rotate']);
    // It is not done before they have it as the current one.
    slow = { current: OLD, next: vendor.secret_ };
    await clock.advance(20_000);
    expect(journal.entry).toMatchObject({ step: 'stored' });
    slow = target.set ?? slow;
    await clock.advance(500);
    expect(await rotation).toMatchObject({
      check: { state: 'passed', message: 'All instances have it as "current".' },
    });
  });

  it('waits for the announcement if it has to arrive', async () => {
    const vendor = scriptedVendor(OLD, { retriesRefusals: false });
    let slow: SecretSetInput = { current: OLD };
    const rotation = start({ vendor, health: async () => [loaded(slow)] });
    await clock.advance(20_000);
    expect(vendor.calls).toEqual([]);
    slow = target.set ?? slow;
    await clock.advance(500);
    expect(vendor.calls).toEqual(['rotate']);
    slow = target.set ?? slow;
    await clock.advance(500);
    await rotation;
  });

  it('accepts a value that has gone through JSON', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    const scheme = schemes.polyai();
    const keyring = createKeyring(
      functionSecrets(() => target.set ?? { current: OLD }),
      { scheme, clock },
    );
    const health = async (): Promise<InstanceHealth[]> => {
      await keyring.reload();
      return JSON.parse(JSON.stringify([{ secrets: keyring.health() }]));
    };
    expect(await run({ vendor, health })).toMatchObject({ outcome: 'rotated', check: { state: 'passed' } });
    await keyring.close();
  });

  it.each<[string, () => Promise<InstanceHealth[]>, RegExp]>([
    ['do not have it', async () => [loaded(), loaded()], /2 of 2 instances/],
    ['are none', async () => [], /returned no instance/],
    ["can't be asked", async () => Promise.reject(new Error('canary')), /"health" failed \(Error\)/],
  ])('gives up, before the vendor is called, if the instances %s', async (_what, health, message) => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    const error = await failure(run({ vendor, health, waitSeconds: 90 }));
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_INSTANCES_LATE',
      secretState: 'unchanged',
      message: expect.stringMatching(message),
    });
    expect(String(error)).not.toContain('canary');
    expect(clock.now() - START).toBeGreaterThanOrEqual(90_000);
    expect(vendor.calls).toEqual([]);
    expect(target.set).toEqual({ current: OLD, version: expect.any(String) });
    expect(journal.entry).toBeUndefined();
  });

  it('says so if the instances do not get the new secret, and the next run looks again', async () => {
    const vendor = scriptedVendor(OLD);
    const error = await failure(run({ vendor, health: async () => [loaded()] }));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_CHECK_FAILED', secretState: 'changed-and-stored' });
    expect(await run({ vendor, health: async () => [loaded(target.set)] })).toMatchObject({
      outcome: 'finished',
      current: idOf(vendor.secret_),
      check: { state: 'passed' },
    });
    expect(vendor.calls).toEqual(['rotate']);
  });
});

describe('a compromised secret', () => {
  it('is dropped at once, and nothing is waited for', async () => {
    target.set = { current: OLD, previous: [{ secret: 'an-older-secret-of-ours', notAfter: later(60) }] };
    const vendor = scriptedVendor(OLD, { takesKey: true, graceSeconds: 86_400 });
    const report = await start({ vendor, compromised: true });
    expect(clock.now()).toBe(START);
    expect(report).not.toHaveProperty('previous');
    expect(report.message).toContain(`The old key ${idOf(OLD)} is no longer accepted.`);
    expect(JSON.stringify(target.set)).not.toContain(OLD);
    expect(target.set).toMatchObject({ previous: [{ secret: 'an-older-secret-of-ours' }] });
  });

  it('stays compromised for the run that finishes', async () => {
    target.set = { current: 'the-new-secret-is-stored', previous: [{ secret: OLD, notAfter: later(300) }] };
    journal.entry = note({ step: 'stored', compromised: true });
    const report = await run({ vendor: scriptedVendor('the-new-secret-is-stored') });
    expect(report).toMatchObject({ outcome: 'finished' });
    expect(JSON.stringify(target.set)).not.toContain(OLD);
  });

  it('is noted down: a next run that is not told drops it too', async () => {
    const vendor = scriptedVendor(OLD);
    vendor.script = ['rotates and is not heard', 'is not heard'];
    await failure(run({ vendor, compromised: true }));
    expect(journal.entry).toMatchObject({ step: 'calling', compromised: true });
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated-again' });
    expect(JSON.stringify(target.set)).not.toContain(OLD);
  });

  it('stays compromised for the run that rotates again', async () => {
    journal.entry = note({ compromised: true });
    const report = await run({ vendor: scriptedVendor('a-secret-that-nobody-knows') });
    expect(report).toMatchObject({ outcome: 'rotated-again' });
    expect(JSON.stringify(target.set)).not.toContain(OLD);
  });

  it('is not taken for replaced because another run has replaced one before the leak was known', async () => {
    target.set = { current: 'the-new-secret-is-stored', previous: [{ secret: OLD, notAfter: later(300) }] };
    journal.entry = note({ step: 'stored' });
    const vendor = scriptedVendor('the-new-secret-is-stored');
    const report = await run({ vendor, compromised: true });
    expect(report).toMatchObject({ outcome: 'rotated' });
    expect(target.set).toEqual({ current: vendor.secret_, version: expect.any(String) });
  });

  it('is not replaced by one that was published before the leak was known', async () => {
    target.set = { current: OLD, next: ['published-before-the-leak'] };
    journal.entry = note({ step: 'announced', next: idOf('published-before-the-leak') });
    const vendor = scriptedVendor(OLD, { takesKey: true });
    await run({ vendor, compromised: true });
    expect(target.set).toEqual({ current: 'secret-number-1-of-many', version: expect.any(String) });
  });
});

describe('a dry run', () => {
  const plan = (vendor: ScriptedVendor, options: Partial<RotateOptions> = {}) =>
    rotate({ vendor, target, journal, clock, ...options, dryRun: true });

  it('shows the plan, and does none of it', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true, shows: true });
    expect(await plan(vendor)).toEqual({
      outcome: 'planned',
      vendor: 'scripted',
      endpointId: 'webhook-1',
      target: 'memory',
      order: 'next-first',
      replaces: idOf(OLD),
      steps: [
        'Take the lock of memory.',
        'Publish a new secret as "next" in memory, and announce the rotation there.',
        'Wait 60 s, two poll periods, for the instances to load it.',
        'Write this to the journal, and call POST https://vendor.example/rotate',
        `Write the new secret as "current" in memory, and ${idOf(OLD)} as "previous" until about ${later(300)}.`,
        'Check it by asking scripted for its secret.',
        'Close the journal and release the lock.',
      ],
      interrupted: undefined,
    });
    expect([vendor.calls, target.written, journal.history]).toEqual([[], [], []]);
  });

  it('shows what a stopped run has left', async () => {
    journal.entry = note({});
    expect((await plan(scriptedVendor(OLD))).steps[1]).toMatch(
      /^Rotate again, because a stopped run may have/,
    );
    expect((await plan(scriptedVendor(OLD, { shows: true }))).steps[1]).toMatch(
      /^Read the secret from scripted/,
    );
    target.set = { current: 'the-new-secret-is-stored', previous: { secret: OLD } };
    const finishing = await plan(scriptedVendor(OLD));
    expect(finishing.steps[1]).toMatch(/^Rotate nothing/);
    expect(finishing.interrupted).toEqual(journal.entry);
  });

  it('shows how a compromised secret is dropped', async () => {
    const { steps } = await plan(scriptedVendor(OLD, { takesKey: true }), { compromised: true });
    expect(steps.join('\n')).toContain(`and drop ${idOf(OLD)}.`);
    expect(steps.join('\n')).not.toContain('Wait');
  });

  it('fails as a run would if that can be seen', async () => {
    target.set = { current: ['one-current-secret-here', 'another-current-secret'] };
    await expect(plan(scriptedVendor(OLD))).rejects.toMatchObject({ code: 'ERR_ROTATION_TARGET_UNUSABLE' });
  });
});

describe('a response that did not come', () => {
  it('may have rotated: the vendor is called once more', async () => {
    const vendor = scriptedVendor(OLD);
    vendor.script = ['rotates and is not heard'];
    const report = await run({ vendor });
    expect(report).toMatchObject({ outcome: 'rotated-again', current: idOf('secret-number-2-of-many') });
    expect(target.set).toMatchObject({ current: vendor.secret_, previous: [{ secret: OLD }] });
  });

  it('and does not come again: the announcement stays, and the next run rotates again', async () => {
    const vendor = scriptedVendor(OLD);
    vendor.script = ['rotates and is not heard', 'is not heard'];
    const error = await failure(run({ vendor }));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_NO_ANSWER', secretState: 'unknown' });
    expect(target.set).toMatchObject({ current: OLD, rotating: expect.anything() });
    expect(journal.entry).toMatchObject({ step: 'calling' });
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated-again' });
    expect(target.set).toMatchObject({ current: vendor.secret_ });
  });

  it('also counts as lost if the vendor then refuses', async () => {
    const vendor = scriptedVendor(OLD);
    vendor.script = ['rotates and is not heard', 'refuses'];
    expect(await failure(run({ vendor }))).toMatchObject({
      code: 'ERR_ROTATION_FORBIDDEN',
      secretState: 'unknown',
    });
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated-again' });
  });

  it('does not matter if the vendor has taken a secret that is published', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    vendor.script = ['rotates and is not heard', 'is not heard'];
    expect(await failure(run({ vendor }))).toMatchObject({ secretState: 'unknown' });
    expect(target.set).toMatchObject({ next: ['secret-number-1-of-many'] });
    const report = await run({ vendor });
    expect(report).toMatchObject({ outcome: 'rotated', current: idOf('secret-number-1-of-many') });
  });

  it('is found out if the vendor shows its secret', async () => {
    const vendor = scriptedVendor(OLD, { shows: true });
    vendor.script = ['rotates and is not heard'];
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated', check: { state: 'passed' } });
    expect(vendor.calls).toEqual(['rotate', 'read']);
    vendor.script = ['is not heard'];
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated' });
    expect(vendor.calls).toEqual(['rotate', 'read', 'rotate', 'read', 'rotate', 'read']);
  });

  it('is waited for no longer than the timeout, even if the vendor ignores the signal', async () => {
    const vendor = { ...scriptedVendor(OLD), rotate: () => new Promise<never>(() => undefined) };
    const rotation = failure(start({ vendor, timeoutSeconds: 10 }));
    await clock.advance(21_000);
    expect(await rotation).toMatchObject({ code: 'ERR_ROTATION_NO_ANSWER', secretState: 'unknown' });
  });
});

describe('what a stopped run has left', () => {
  it.each<[string, Partial<JournalEntry>, SecretSetInput, RotationReport['outcome'], number, string?]>([
    [
      'before the call',
      { step: 'announced' },
      { current: OLD, rotating: { until: '2030-01-01T00:30:00Z' } },
      'rotated',
      1,
    ],
    [
      'at the call',
      { step: 'calling' },
      { current: OLD, rotating: { until: '2030-01-01T00:30:00Z' } },
      'rotated-again',
      1,
    ],
    [
      'before the call, after one that may have rotated',
      { step: 'announced', mayHaveRotated: true },
      { current: OLD },
      'rotated-again',
      1,
    ],
    [
      'after storing, before noting it',
      { step: 'calling' },
      { current: 'the-new-secret-is-stored', previous: { secret: OLD } },
      'finished',
      0,
    ],
    [
      'around the call, over a target that was put back to an older copy',
      { step: 'calling' },
      { current: 'the-secret-of-an-older-copy' },
      'rotated-again',
      1,
      'the-secret-of-an-older-copy',
    ],
    ['after noting it', { step: 'stored' }, { current: 'the-new-secret-is-stored' }, 'finished', 0],
  ])('%s', async (_when, entry, set, outcome, calls, replaced = OLD) => {
    journal.entry = note(entry);
    target.set = set;
    const vendor = scriptedVendor('whatever-it-signs-with-now');
    const report = await run({ vendor });
    expect(report.outcome).toBe(outcome);
    expect(vendor.calls).toHaveLength(calls);
    expect(target.set).not.toHaveProperty('rotating');
    expect(journal.entry).toBeUndefined();
    if (calls > 0) {
      expect(target.set).toMatchObject({ current: vendor.secret_, previous: [{ secret: replaced }] });
    }
  });

  it('is known to a run that is stopped before its own call', async () => {
    journal.entry = note({ step: 'calling' });
    target.failWrites(1);
    const vendor = scriptedVendor(OLD);
    expect(await failure(run({ vendor }))).toMatchObject({
      code: 'ERR_ROTATION_TARGET_UNWRITABLE',
      secretState: 'unknown',
    });
    expect(journal.entry).toMatchObject({ mayHaveRotated: true });
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated-again' });
  });

  it('with a published secret is used on, and the vendor called with it', async () => {
    target.set = { current: OLD, next: ['published-by-the-stopped-run'] };
    journal.entry = note({ step: 'calling', next: idOf('published-by-the-stopped-run') });
    const vendor = scriptedVendor(OLD, { takesKey: true });
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated' });
    expect(vendor.secret_).toBe('published-by-the-stopped-run');
    expect(target.set).toMatchObject({ current: 'published-by-the-stopped-run' });
    expect(target.set).not.toHaveProperty('next');
  });

  it('of several secrets names the one that it had replaced', async () => {
    target.set = { current: ['another-current-secret', OLD] };
    const vendor = scriptedVendor(OLD);
    const late = async () => Promise.reject(new Error('down'));
    await failure(run({ vendor, replaces: 1, health: late }));
    expect(await run({ vendor, replaces: 1 })).toMatchObject({
      outcome: 'finished',
      current: idOf(vendor.secret_),
    });
    expect(target.set).toMatchObject({ current: ['another-current-secret', vendor.secret_] });
  });

  it('is asked of a vendor that shows its secret, and stored without another rotation', async () => {
    target.set = { current: OLD, rotating: { until: '2030-01-01T00:30:00Z' } };
    journal.entry = note({});
    const vendor = scriptedVendor('made-for-the-stopped-run', { shows: true });
    expect(await run({ vendor })).toMatchObject({
      outcome: 'finished',
      current: idOf('made-for-the-stopped-run'),
    });
    expect(vendor.calls).toEqual(['read']);
    expect(target.set).toMatchObject({ current: 'made-for-the-stopped-run', previous: [{ secret: OLD }] });
    expect(target.set).not.toHaveProperty('rotating');
  });

  it('is nothing if the vendor shows the old secret: it is rotated once', async () => {
    journal.entry = note({});
    const vendor = scriptedVendor(OLD, { shows: true });
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated' });
    expect(vendor.calls).toEqual(['read', 'rotate', 'read']);
  });

  it('of another webhook is not touched', async () => {
    journal.entry = note({ endpointId: 'webhook-2' });
    const vendor = scriptedVendor(OLD);
    expect(await failure(run({ vendor }))).toMatchObject({
      code: 'ERR_ROTATION_UNFINISHED',
      secretState: 'unchanged',
    });
    expect([vendor.calls, target.written, journal.history]).toEqual([[], [], []]);
  });
});

describe('a target', () => {
  it("that can't be written is found out before the vendor is called", async () => {
    target.failWrites(2);
    const vendor = scriptedVendor(OLD);
    const error = await failure(run({ vendor }));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_TARGET_UNWRITABLE', secretState: 'unchanged' });
    expect(String(error)).not.toContain(OLD);
    expect([vendor.calls, journal.entry]).toEqual([[], undefined]);
  });

  it('that fails for the moment when the new secret is there is tried again', async () => {
    target.failWrites(3, 1);
    const vendor = scriptedVendor(OLD);
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated' });
    expect(target.set).toMatchObject({ current: vendor.secret_ });
  });

  it("that can't be read when the new secret is there is written all the same", async () => {
    const vendor = scriptedVendor(OLD, { onCall: () => target.failReads(100) });
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated' });
    expect(target.set).toMatchObject({ current: vendor.secret_, previous: [{ secret: OLD }] });
    expect(target.set).not.toHaveProperty('rotating');
  });

  it('that accepts no new secret: changed and lost', async () => {
    target.failWrites(100, 1);
    const vendor = scriptedVendor(OLD);
    const error = await failure(run({ vendor }));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_TARGET_UNWRITABLE', secretState: 'changed-and-lost' });
    expect(JSON.stringify(error)).not.toContain('secret-number');
    target.failWrites(0);
    expect(await run({ vendor })).toMatchObject({ outcome: 'rotated-again' });
    expect(target.set).toMatchObject({ current: vendor.secret_ });
  });

  it('that accepts no new secret, but has it as "next": changed and stored', async () => {
    target.failWrites(100, 1);
    const vendor = scriptedVendor(OLD, { takesKey: true });
    expect(await failure(run({ vendor }))).toMatchObject({ secretState: 'changed-and-stored' });
    target.failWrites(0);
    expect(await run({ vendor })).toMatchObject({
      outcome: 'rotated',
      current: idOf('secret-number-1-of-many'),
    });
  });

  it.each<[string, SecretSetInput | undefined, RegExp]>([
    ['nothing', undefined, /is empty.*First store the secret that signs now/],
    ['an empty secret', { current: '' }, /"current" is empty/],
    ['a short secret', { current: 'canary' }, /"current"/],
    [
      'several current secrets',
      { current: ['one-current-secret-here', 'another-current-secret'] },
      /several.*"replaces".*0: [0-9a-f]{12}, 1: /,
    ],
    [
      'as many keys as a set may',
      { current: OLD, previous: [2, 3, 4, 5, 6, 7, 8].map((n) => `previous-secret-number-${n}`) },
      /already contains 8 keys/,
    ],
  ])('that holds %s is refused', async (_what, set, message) => {
    target.set = set;
    const vendor = scriptedVendor(OLD);
    const error = await failure(run({ vendor }));
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_TARGET_UNUSABLE',
      secretState: 'unchanged',
      message: expect.stringMatching(message),
    });
    expect(String(error)).not.toContain('canary');
    expect([vendor.calls, target.written, journal.history]).toEqual([[], [], []]);
  });

  it('whose set is full accepts the new secret of a compromised one', async () => {
    target.set = { current: OLD, previous: [2, 3, 4, 5, 6, 7, 8].map((n) => `previous-secret-number-${n}`) };
    expect(await run({ vendor: scriptedVendor(OLD), compromised: true })).toMatchObject({
      outcome: 'rotated',
    });
  });

  it("that can't be read is refused, and its error is not quoted", async () => {
    target.failReads(1);
    const error = await failure(run({ vendor: scriptedVendor(OLD) }));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_TARGET_UNREADABLE', secretState: 'unchanged' });
    expect(String(error)).not.toContain(OLD);
  });

  it.each([[1], [idOf('another-current-secret')]])(
    'of several secrets: the one named %s is replaced',
    async (replaces) => {
      target.set = { current: [OLD, 'another-current-secret'] };
      const vendor = scriptedVendor('another-current-secret');
      await run({ vendor, replaces });
      expect(target.set).toMatchObject({
        current: [OLD, vendor.secret_],
        previous: [{ secret: 'another-current-secret' }],
      });
    },
  );

  it.each([[2], ['unknown']])('of several secrets: none is named %s', async (replaces) => {
    target.set = { current: [OLD, 'another-current-secret'] };
    const error = await failure(run({ vendor: scriptedVendor(OLD), replaces }));
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_TARGET_UNUSABLE',
      message: expect.stringContaining(idOf(OLD)),
    });
  });
});

describe('the lock and the journal', () => {
  it('keep a second run out', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    let second: Promise<unknown> | undefined;
    const first = run({
      vendor,
      onStep() {
        second ??= failure(start({ vendor }));
      },
    });
    await vi.waitFor(() => expect(second).toBeDefined());
    const error = await second;
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_LOCKED',
      secretState: 'unchanged',
      message: expect.stringContaining('process 1'),
    });
    expect(await first).toMatchObject({ outcome: 'rotated' });
    expect(vendor.calls).toEqual(['rotate']);
  });

  it('stop a run that has lost its lock before the call', async () => {
    journal.lost = true;
    const vendor = scriptedVendor(OLD);
    expect(await failure(run({ vendor }))).toMatchObject({
      code: 'ERR_ROTATION_LOCKED',
      secretState: 'unchanged',
    });
    expect(vendor.calls).toEqual([]);
  });

  it("that can't be written stop a run before anything is changed", async () => {
    journal.failWrites = 1;
    const vendor = scriptedVendor(OLD);
    expect(await failure(run({ vendor }))).toMatchObject({
      code: 'ERR_ROTATION_JOURNAL_FAILED',
      secretState: 'unchanged',
    });
    expect([vendor.calls, target.written]).toEqual([[], []]);
  });

  it('never hold a secret', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    await run({ vendor });
    const text = JSON.stringify(journal.history);
    expect(text).toContain(idOf(vendor.secret_));
    expect(text).not.toContain(OLD);
    expect(text).not.toContain('secret-number');
  });

  it('are released however the run ends', async () => {
    const vendor = scriptedVendor(OLD);
    vendor.script = ['refuses'];
    await failure(run({ vendor }));
    expect(journal.holder).toBeUndefined();
  });
});

describe('the check', () => {
  it('tries a test delivery until the instances have loaded', async () => {
    const outcomes = [false, false, true];
    const vendor = scriptedVendor(OLD, { test: async () => ({ delivered: outcomes.shift() ?? true }) });
    expect(await run({ vendor })).toMatchObject({
      check: { state: 'passed', message: 'A test delivery was accepted.' },
    });
    expect(vendor.calls).toEqual(['rotate', 'test', 'test', 'test']);
  });

  it('fails after five refused test deliveries; the next run makes them again, and rotates nothing', async () => {
    let delivered = false;
    const vendor = scriptedVendor(OLD, { test: async () => ({ delivered, status: 401 }) });
    const error = await failure(run({ vendor }));
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_CHECK_FAILED',
      secretState: 'changed-and-stored',
      message: expect.stringMatching(/got status 401/),
    });
    expect(target.set).toMatchObject({ current: vendor.secret_ });
    delivered = true;
    expect(await run({ vendor })).toMatchObject({ outcome: 'finished', check: { state: 'passed' } });
    expect(vendor.calls.filter((call) => call === 'rotate')).toHaveLength(1);
  });

  it("that can't be made is not a failure", async () => {
    const vendor = scriptedVendor(OLD, { test: async () => Promise.reject(new Error('canary')) });
    const { check } = await run({ vendor });
    expect(check.state).toBe('not-made');
    expect(check.message).not.toContain('canary');
  });

  it('fails if the vendor shows another secret', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true, shows: true });
    const rotateElsewhere = vendor.rotate.bind(vendor);
    vendor.rotate = async (call) => {
      const answer = await rotateElsewhere(call);
      vendor.secret_ = 'made-by-somebody-else-just-now';
      return answer;
    };
    expect(await failure(run({ vendor }))).toMatchObject({ code: 'ERR_ROTATION_CHECK_FAILED' });
  });
});

describe('giving up', () => {
  it('withdraws what was published, as long as the vendor has not been called', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    const giveUp = new AbortController();
    const rotation = failure(start({ vendor, signal: giveUp.signal }));
    await clock.advance(30_000);
    expect(target.set).toHaveProperty('next');
    giveUp.abort();
    expect(await rotation).toMatchObject({ code: 'ERR_ROTATION_ABORTED', secretState: 'unchanged' });
    expect(target.set).toEqual({ current: OLD, version: expect.any(String) });
    expect([vendor.calls, journal.entry, journal.holder]).toEqual([[], undefined, undefined]);
    expect(clock.pending()).toBe(0);
  });

  it('comes too late once the vendor was called', async () => {
    const giveUp = new AbortController();
    const vendor = scriptedVendor(OLD, { onCall: () => giveUp.abort() });
    expect(await run({ vendor, signal: giveUp.signal })).toMatchObject({ outcome: 'rotated' });
  });
});

describe('options', () => {
  const vendor = scriptedVendor(OLD);
  it.each<[string, object, RegExp]>([
    ['an unknown name', { compromized: true }, /Did you mean "compromised"/],
    ['a forgotten unit', { poll: 30 }, /Did you mean "pollSeconds"/],
    ['no vendor', { vendor: undefined }, /"vendor" must be/],
    ['a scheme for a vendor', { vendor: schemes.polyai() }, /"vendor" must be/],
    ['no target', { target: '/run/secrets/polyai.json' }, /"target" must be/],
    ['an invalid place', { replaces: -1 }, /"replaces"/],
    ['a text for a flag', { compromised: 'false' }, /"compromised"/],
    ['no time at all', { timeoutSeconds: 0 }, /"timeoutSeconds"/],
    ['an endless time', { waitSeconds: Number.POSITIVE_INFINITY }, /"waitSeconds"/],
    ['invalid health', { health: [] }, /"health"/],
    ['no journal', { journal: undefined }, /"journal" is required for memory/],
  ])('are checked: %s', async (_what, wrong, message) => {
    const options = { vendor, target, journal, ...wrong };
    await expect(rotate(options)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('may have an observer that throws', async () => {
    const report = await run({
      vendor: scriptedVendor(OLD),
      onStep: () => {
        throw new Error('observer');
      },
    });
    expect(report.outcome).toBe('rotated');
  });
});

describe('a rotation error', () => {
  it('is recognized, and shows in JSON what matters', async () => {
    target.set = undefined;
    const error = await failure(run({ vendor: scriptedVendor(OLD) }));
    expect(isRotationError(error)).toBe(true);
    expect(isRotationError(new Error('other'))).toBe(false);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'RotationError',
      code: 'ERR_ROTATION_TARGET_UNUSABLE',
      secretState: 'unchanged',
      message:
        'The memory is empty. The secret is unchanged. First store the secret that signs now: { "current": "…" }.',
      todo: 'First store the secret that signs now: { "current": "…" }.',
    });
  });

  it('is not what the names of vendors are for', () => {
    expect(Object.keys(vendors)).toEqual([
      'langsmith',
      'agentMessage',
      'polyai',
      'ada',
      'anchorBrowser',
      'github',
      'gitlab',
      'linear',
      'nylas',
      'openai',
      'lemonSqueezy',
      'wooCommerce',
      'resend',
      'stripe',
      'svix',
    ]);
  });
});
