import { createKeyring } from '@countersign/core';
import { type RotateOptions, type RotationReport, rotate } from '@countersign/rotation';
import { polyai } from '@countersign/schemes';
import { type ManualClock, manualClock } from '@countersign/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type MemoryJournal,
  type MemoryTarget,
  memoryJournal,
  memoryTarget,
  type ScriptedVendor,
  scriptedVendor,
} from './support/memory.ts';

const OLD = 'the-secret-before-all';
const OTHER = 'another-current-secret';
const START = Date.UTC(2030, 0, 1);
const GRACE = 86_400;

let clock: ManualClock;
let target: MemoryTarget;
let journal: MemoryJournal;

beforeEach(() => {
  clock = manualClock(START);
  target = memoryTarget({ current: OLD });
  journal = memoryJournal();
});

/** Lets time pass until the rotation has come to its end. */
async function run(
  vendor: ScriptedVendor,
  options: Partial<Omit<RotateOptions, 'dryRun'>> = {},
): Promise<RotationReport> {
  const rotation = rotate({ vendor, target, journal, clock, ...options });
  let over = false;
  const end = (): void => {
    over = true;
  };
  rotation.then(end, end);
  for (let seconds = 0; !over && seconds < 3600; seconds++) await clock.advance(1000);
  return rotation;
}

const vendorOf = (): ScriptedVendor => scriptedVendor(OLD, { graceSeconds: GRACE });

/** The ids of the secrets that receivers accept a long time after a leak. */
function acceptedIds(): string[] {
  const set = target.set ?? { current: [] };
  return createKeyring({ name: 'test', static: true, load: () => set }, { scheme: polyai() })
    .health()
    .keys.map(({ id }) => id);
}

function idOf(secret: string): string {
  const provider = { name: 'test', static: true, load: () => ({ current: secret }) };
  return createKeyring(provider, { scheme: polyai() }).health().keys[0]?.id ?? '';
}

describe('a write that took effect, but whose answer was lost', () => {
  it.each([
    [1, 'finished writing at the second attempt'],
    [5, 'finished writing at the last attempt'],
  ])('%i times: the old secret stays accepted while the vendor may use it', async (lost) => {
    const vendor = vendorOf();
    target.loseAnswers(lost, 1);
    const report = await run(vendor);
    expect(target.set).toMatchObject({ current: vendor.secret_, previous: [{ secret: OLD }] });
    const [previous] = [target.set?.previous].flat();
    const notAfter = typeof previous === 'object' && 'secret' in previous ? previous.notAfter : undefined;
    expect(new Date(notAfter ?? 0).getTime()).toBeGreaterThanOrEqual(START + GRACE * 1000);
    expect(report).toMatchObject({ outcome: 'rotated', previous: { id: idOf(OLD) } });
    // The next rotation finds one secret, as ever.
    expect(await run(vendor)).toMatchObject({ outcome: 'rotated' });
    expect(target.set).toMatchObject({ current: vendor.secret_ });
  });

  it('in every attempt: the next run does the rest', async () => {
    const vendor = vendorOf();
    target.loseAnswers(100, 1);
    await expect(run(vendor)).rejects.toMatchObject({ code: 'ERR_ROTATION_TARGET_UNWRITABLE' });
    target.loseAnswers(0);
    expect(await run(vendor)).toMatchObject({ outcome: 'finished' });
    expect(vendor.calls).toEqual(['rotate']);
    expect(target.set).toMatchObject({ current: vendor.secret_, previous: [{ secret: OLD }] });
  });

  it('leaves the new secret in its place among several', async () => {
    target.set = { current: [OTHER, OLD] };
    const vendor = vendorOf();
    target.loseAnswers(1, 1);
    await run(vendor, { replaces: 1 });
    expect(target.set).toMatchObject({ current: [OTHER, vendor.secret_], previous: [{ secret: OLD }] });
  });

  it('after a leak: the old secret is dropped, also with the next leak', async () => {
    const vendor = vendorOf();
    target.loseAnswers(1, 1);
    await run(vendor, { compromised: true });
    expect(acceptedIds()).toEqual([idOf(vendor.secret_)]);
    const leaked = vendor.secret_;
    await run(vendor, { compromised: true, replaces: 0 });
    expect(vendor.secret_).not.toBe(leaked);
    expect(acceptedIds()).toEqual([idOf(vendor.secret_)]);
  });

  it('a leaked secret that is listed twice is dropped twice', async () => {
    target.set = { current: [OLD, OTHER, OLD] };
    const vendor = vendorOf();
    await run(vendor, { compromised: true, replaces: 0 });
    expect(target.set).toMatchObject({ current: [vendor.secret_, OTHER] });
  });
});

describe('a call that was not heard', () => {
  it('keeps the published secret if the next call was not sent', async () => {
    const vendor = scriptedVendor(OLD, { takesKey: true });
    vendor.script = ['rotates and is not heard', 'refuses'];
    await expect(run(vendor)).rejects.toMatchObject({
      code: 'ERR_ROTATION_FORBIDDEN',
      secretState: 'unknown',
    });
    expect(target.set).toMatchObject({ current: OLD, next: [vendor.secret_] });
    expect(journal.entry).toMatchObject({ step: 'calling' });
    const made = vendor.secret_;
    await run(vendor);
    expect(target.set).toMatchObject({ current: made, previous: [{ secret: OLD }] });
  });
});
