import { randomBytes } from 'node:crypto';
import type { SecretSetInput } from '@countersign/core';
import type { RotationLock } from '../journal.ts';
import { pause } from '../pause.ts';
import type { Settings } from '../rotate-options.ts';
import { isRotationError, RotationError } from '../rotation-error.ts';
import { announce, orWithdraw } from '../run/announce.ts';
import { callOnce, failureOf, pauseBeforeRetry } from '../run/call-once.ts';
import { aboutToCall } from '../run/new-secret.ts';
import { writeNotes } from '../run/notes.ts';
import { idOfNew, noteOf, type Run, startRun, versionAt } from '../run/run.ts';
import type { Survey } from '../run/survey.ts';
import { updateTarget } from '../run/target-access.ts';
import { joined, promoted } from '../secret-set.ts';
import { type ReplaceVendor, VendorError } from '../vendor.ts';
import type { BothDeliver } from './both-deliver.ts';
import { findOld, findUnclear, removeStrays } from './endpoints.ts';
import { orUndo } from './undo.ts';

const CALLS = 2;
const STORE_AGAIN_AFTER_MS = [250, 500, 1000, 2000];

/**
 * Makes a second endpoint at the vendor and puts its secret into the target, beside the old one. If anything fails on the way, the
 * second endpoint is removed again, and everything is as before.
 *
 * @throws RotationError
 */
export async function makeSecond(
  settings: Settings<ReplaceVendor>,
  lock: RotationLock,
  found: Survey,
): Promise<BothDeliver> {
  const { vendor, clock, overlapMs, tell } = settings;
  const { replaced } = found;
  if (replaced === undefined) throw new Error('unreachable: a replacement without a replaced key');
  const old = await findOld(settings);
  const run = startRun(settings, lock, found, replaced);
  run.endpoints = { old };
  // An earlier run's unknown endpoint was removed: the vendor signs as the target says.
  run.mayHaveRotated = false;
  await announce(run);
  await orWithdraw(run, async () => {
    const known = await findUnclear(settings);
    if (known.length > 0) run.endpoints = { old, known };
    await aboutToCall(run);
  });
  tell({ step: 'calling', keyId: replaced.id, message: `${vendor.name} is called: ${vendor.rotateCall}` });
  const { id: made, secret } = await create(run, old);
  tell({ step: 'answered', message: `${vendor.name} has made the endpoint ${made}.` });

  const keyId = await orUndo(run, made, async () => {
    const id = readSecret(run, secret);
    run.key = secret;
    run.endpoints = { ...run.endpoints, old, made };
    await writeNotes(settings, noteOf(run, 'made'), 'unchanged');
    await store(run, secret);
    return id;
  });
  const now = clock.now();
  const endpoints = { old, made, removeAfter: new Date(now + overlapMs).toISOString() };
  run.endpoints = endpoints;
  await writeNotes(settings, noteOf(run, 'stored'), 'changed-and-stored');
  tell({ step: 'stored', keyId, message: `The secrets of both endpoints are in ${settings.target.name}.` });
  const { id: replaces, place } = replaced;
  return { settings, lock, found, replaces, place, keyId, endpoints, storedAt: now };
}

/** Makes the endpoint, and never two: a call without a response is repeated as the same call, or undone first. */
async function create(
  run: Run<ReplaceVendor>,
  old: string,
): Promise<{ readonly id: string; readonly secret: string | undefined }> {
  const { settings } = run;
  const { endpoints } = settings.vendor;
  let mark = newMark();
  let mayHaveMade = false;
  for (let call = 1; ; call++) {
    try {
      return await callOnce(settings, (options) => endpoints.create({ ...options, like: old, mark }));
    } catch (error) {
      const effect = error instanceof VendorError ? error.effect : 'maybe';
      const isLimited = error instanceof VendorError && error.retryAfterSeconds !== undefined;
      if (effect === 'none' && isLimited && call < CALLS && (await pauseBeforeRetry(settings, error)))
        continue;
      if (effect === 'none' && !mayHaveMade)
        return orWithdraw(run, () => Promise.reject(failureOf(error, 'unchanged')));
      mayHaveMade = true;
      // The journal stays, so that the next run removes what a call may have made.
      if (call === CALLS || !(await pauseBeforeRetry(settings, error))) throw failureOf(error, 'unknown');
      if (!endpoints.isCreateIdempotent) {
        await removeStrays(settings, run.endpoints ?? { old }, [old]);
        mark = newMark();
      }
    }
  }
}

/** @throws RotationError if no receiver could use the secret. */
function readSecret(run: Run<ReplaceVendor>, secret: string | undefined): string {
  const { vendor } = run.settings;
  const id = secret === undefined ? undefined : idOfNew(run, secret, 'unchanged');
  if (id !== undefined && id !== run.replaced.id) return id;
  throw new RotationError(
    'ERR_ROTATION_ANSWER_INVALID',
    id === undefined
      ? `${vendor.name} made an endpoint, but its response contains no secret.`
      : `${vendor.name} made an endpoint with the secret of the old one.`,
    {
      secretState: 'unchanged',
      todo: 'The endpoint was removed again. Check that the API key may read secrets of webhooks.',
    },
  );
}

async function store(run: Run<ReplaceVendor>, secret: string | undefined): Promise<void> {
  const { settings, found, replaced } = run;
  const { clock } = settings;
  const now = clock.now();
  const news = { secret: secret ?? '', replaces: replaced.id, version: versionAt(settings), now };
  const { left } = found;
  const change = (set: SecretSetInput): SecretSetInput =>
    found.compromised
      ? promoted(
          set,
          {
            ...news,
            replacedNotAfter: undefined,
            dropped: [left?.replaces, left?.next].filter((id) => id !== undefined),
          },
          found.keys,
        )
      : joined(set, news, found.keys);
  for (const delayMs of STORE_AGAIN_AFTER_MS) {
    try {
      await updateTarget(settings, found.keys, change, 'unchanged');
      return;
    } catch (error) {
      if (isRotationError(error) && error.code === 'ERR_ROTATION_SECRET_INVALID') throw error;
      await pause(clock, delayMs);
    }
  }
  await updateTarget(settings, found.keys, change, 'unchanged');
}

/** Tells an endpoint apart from every other. */
function newMark(): string {
  return randomBytes(8).toString('hex');
}
