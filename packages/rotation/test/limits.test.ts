import { type ManualClock, manualClock } from '@countersign/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { memoryTarget, scriptedVendor } from './support/memory.ts';
import { runRotation } from './support/run.ts';

const OLD = 'the-secret-before-all';

let clock: ManualClock;

beforeEach(() => {
  clock = manualClock();
});

describe('who never responds', () => {
  it('health: the run ends with its own time, before the vendor is called', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    const { error, target, journal } = await runRotation(clock, OLD, {
      vendor,
      waitSeconds: 90,
      health: () => new Promise(() => undefined),
    });
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_INSTANCES_LATE',
      secretState: 'unchanged',
      message: expect.stringMatching(/"health" returned nothing in time/),
    });
    expect([vendor.calls, journal.holder, journal.entry]).toEqual([[], undefined, undefined]);
    expect(target.set).not.toHaveProperty('next');
  });

  it('health, after the new secret is stored: said so, and the lock is free', async () => {
    const vendor = scriptedVendor(OLD);
    const { error, journal } = await runRotation(clock, OLD, {
      vendor,
      waitSeconds: 90,
      health: () => new Promise(() => undefined),
    });
    expect(error).toMatchObject({ code: 'ERR_ROTATION_CHECK_FAILED', secretState: 'changed-and-stored' });
    expect(journal.holder).toBeUndefined();
  });

  it('health, while the operator gives up', async () => {
    const giveUp = new AbortController();
    const vendor = scriptedVendor(OLD, { takesKey: true });
    const ending = runRotation(clock, OLD, {
      vendor,
      health: () => new Promise(() => undefined),
      signal: giveUp.signal,
    });
    await clock.advance(1000);
    giveUp.abort();
    expect((await ending).error).toMatchObject({ code: 'ERR_ROTATION_ABORTED', secretState: 'unchanged' });
  });

  it('a test delivery: it could not be made, and that is not a failure', async () => {
    const vendor = scriptedVendor(OLD, { test: () => new Promise(() => undefined) });
    const { report } = await runRotation(clock, OLD, { vendor });
    expect(report).toMatchObject({
      outcome: 'rotated',
      check: { state: 'not-made', message: expect.stringMatching(/did not respond in time/) },
    });
  });
});

describe("a vendor of one’s own whose terms can't be", () => {
  it.each([
    ['graceSeconds', Number.NaN],
    ['graceSeconds', -1],
    ['graceSeconds', undefined],
    ['overlapSeconds', Number.POSITIVE_INFINITY],
    ['overlapSeconds', '300'],
    ['endpointId', ''],
    ['secret', undefined],
  ])('is refused before anything is done: %s: %s', async (field, value) => {
    const vendor = { ...scriptedVendor(OLD), [field]: value };
    const { error, target } = await runRotation(clock, OLD, { vendor });
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining(field),
    });
    expect(target.written).toEqual([]);
  });

  it('and a target that does not say how often receivers look', async () => {
    const target = { ...memoryTarget({ current: OLD }), pollSeconds: Number.NaN };
    expect((await runRotation(clock, OLD, { vendor: scriptedVendor(OLD), target })).error).toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('pollSeconds'),
    });
  });

  it('and an invalid signal', async () => {
    const signal = {} as AbortSignal;
    expect((await runRotation(clock, OLD, { vendor: scriptedVendor(OLD), signal })).error).toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
    });
  });
});
