import { createKeyring } from '@countersign/core';
import {
  type Ask,
  type Guide,
  guided,
  type InstanceHealth,
  isRotationError,
  type RotationError,
  type RotationReport,
  rotate,
} from '@countersign/rotation';
import { polyai } from '@countersign/schemes';
import { type ManualClock, manualClock } from '@countersign/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { type MemoryJournal, type MemoryTarget, memoryJournal, memoryTarget } from './support/memory.ts';

const OLD = 'the-secret-before-all';
const NEW = 'the-secret-of-the-page';
const AT_ONCE: Guide = {
  name: 'own',
  secret: { encoding: 'utf8' },
  order: 'at-once',
  obtain: 'Press the button.',
  isShownAgain: false,
  retriesRefusals: true,
  graceSeconds: 0,
  overlapSeconds: 0,
};
const SHOWN_FIRST: Guide = { ...AT_ONCE, order: 'shown-first', switchOver: 'Press the other button.' };

let clock: ManualClock;
let target: MemoryTarget;
let journal: MemoryJournal;

beforeEach(() => {
  clock = manualClock(Date.UTC(2030, 0, 1));
  target = memoryTarget({ current: OLD });
  journal = memoryJournal();
});

/** Lets time pass until the rotation has come to its end. */
async function run(
  sender: Guide,
  ask: Ask,
  health?: () => Promise<InstanceHealth[]>,
): Promise<RotationReport> {
  const vendor = guided({ sender, ask });
  const rotation = rotate({ vendor, target, journal, clock, waitSeconds: 2, ...(health ? { health } : {}) });
  let over = false;
  const end = (): void => {
    over = true;
  };
  rotation.then(end, end);
  for (let seconds = 0; !over && seconds < 3600; seconds++) await clock.advance(1000);
  return rotation;
}

async function failure(rotation: Promise<unknown>): Promise<RotationError> {
  const error = await rotation.then(
    () => expect.fail('The rotation succeeded.'),
    (thrown: unknown) => thrown,
  );
  if (!isRotationError(error)) throw error;
  return error;
}

/** The person passes on the secret, and is cut off at the next step after having done it. */
const cutOffAt =
  (kind: string): Ask =>
  async (step) => {
    if (step.kind === kind) throw new Error('interrupted');
    return NEW;
  };
const stops: Ask = async () => undefined;

/** An instance that has loaded the target and has got no delivery. */
async function quiet(): Promise<InstanceHealth[]> {
  const set = target.set ?? { current: [] };
  const keyring = createKeyring({ name: 'test', static: true, load: () => set }, { scheme: polyai() });
  return [{ secrets: keyring.health() }];
}

describe('a person who stops after a run that was cut off', () => {
  it('keeps a published secret, because the vendor may have been switched over', async () => {
    await failure(run(SHOWN_FIRST, cutOffAt('done')));
    expect(await failure(run(SHOWN_FIRST, stops))).toMatchObject({
      code: 'ERR_ROTATION_ABORTED',
      secretState: 'unknown',
    });
    expect(target.set).toMatchObject({ current: OLD, next: [NEW] });
    expect(journal.entry).toMatchObject({ step: 'calling' });
    expect(await run(SHOWN_FIRST, async () => 'done')).toMatchObject({ outcome: 'finished' });
    expect(target.set).toMatchObject({ current: NEW });
  });

  it.each([
    ['is not shown again', AT_ONCE],
    ['is shown again', { ...AT_ONCE, isShownAgain: true }],
  ])('keeps the announcement if a secret may have been made that %s', async (_what, guide) => {
    await failure(run(guide, cutOffAt('secret')));
    expect(await failure(run(guide, stops))).toMatchObject({
      code: 'ERR_ROTATION_ABORTED',
      secretState: 'unknown',
    });
    expect(target.set).toHaveProperty('rotating');
    expect(journal.entry).toBeDefined();
    expect(await run(guide, async () => NEW)).toMatchObject({ current: expect.any(String) });
    expect(target.set).toMatchObject({ current: NEW });
  });

  it('withdraws everything if the page still shows the old secret', async () => {
    const guide = { ...AT_ONCE, isShownAgain: true };
    await failure(run(guide, cutOffAt('secret')));
    const answers = [OLD];
    const error = await failure(run(guide, async () => answers.shift()));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_ABORTED', secretState: 'unchanged' });
    expect(target.set).not.toHaveProperty('rotating');
    expect(journal.entry).toBeUndefined();
  });

  it('withdraws everything in a first run', async () => {
    const ask: Ask = async ({ kind }) => (kind === 'secret' ? NEW : undefined);
    expect(await failure(run(SHOWN_FIRST, ask))).toMatchObject({ secretState: 'unchanged' });
    expect(target.set).toMatchObject({ current: OLD });
    expect(target.set).not.toHaveProperty('next');
    expect(journal.entry).toBeUndefined();
  });
});

describe('a secret that no delivery was verified with', () => {
  it.each([
    ['stops', undefined],
    ['says something else', 'yes'],
  ])('is not trusted if the person %s', async (_what, word) => {
    const choices = [word, undefined];
    const ask: Ask = async ({ kind }) => (kind === 'secret' ? NEW : choices.shift());
    expect(await failure(run(AT_ONCE, ask, quiet))).toMatchObject({
      code: 'ERR_ROTATION_ABORTED',
      secretState: 'unknown',
    });
    expect(target.set).toMatchObject({ current: OLD, next: [NEW] });
    expect(journal.entry).toBeDefined();
    const trusts: Ask = async ({ kind }) => (kind === 'choice' ? 'go-on' : expect.fail('asked again'));
    await run(AT_ONCE, trusts, quiet);
    expect(target.set).toMatchObject({ current: NEW, previous: [{ secret: OLD }] });
  });
});
