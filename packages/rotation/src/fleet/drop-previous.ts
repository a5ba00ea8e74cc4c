import type { Clock, SecretSetInput } from '@countersign/core';
import { checkFunction, checkKeys, configError, systemClock } from '@countersign/core/extend';
import type { Audit, AuditState } from '../audit/audit-record.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { audited } from '../audit/audited.ts';
import type { RotationJournal } from '../journal.ts';
import { type KeyReader, keyReader, listOf } from '../key-ids.ts';
import type { RotationStep } from '../report.ts';
import { checkTarget, readAudit, readJournal, tellObserver } from '../rotate-options.ts';
import { RotationError } from '../rotation-error.ts';
import { withLock } from '../run/lock.ts';
import { readNotes } from '../run/notes.ts';
import { readTarget, updateTarget } from '../run/target-access.ts';
import { isOver, tidied } from '../secret-set.ts';
import type { RotationTarget } from '../target.ts';
import type { VendorBase } from '../vendor.ts';
import { viewFleet } from './fleet.ts';
import { FLEET_OPTIONS, type FleetOptions, readFleetOptions } from './fleet-options.ts';
import type { FleetSource, FleetView } from './fleet-types.ts';

/** Options of {@link dropPrevious}: those of {@link fleet}, and these. */
export interface DropPreviousOptions extends FleetOptions {
  /**
   * The webhook whose secrets the target contains: its name, its id, and how a secret's text becomes the key. Any vendor of `rotate()`
   * is one. It is not called.
   */
  vendor: SecretOwner;
  /** The place from which receivers load their secrets. */
  target: RotationTarget;
  /** All instances that load it: see {@link fleet}. */
  instances: readonly FleetSource[];
  /** Where the lock is kept, as in `rotate()`. */
  journal?: string | RotationJournal;
  /** As in `rotate()`. */
  audit?: Audit;
  /** As in `rotate()`. */
  actor?: string;
  /** Called after every step. Errors that it throws are ignored. */
  onStep?: (step: RotationStep) => void;
}

/** What was dropped. Names keys by id, never by value. */
export interface DropReport {
  /** `nothing-to-drop`: the target has no `previous` secret. */
  readonly outcome: 'dropped' | 'nothing-to-drop';
  readonly dropped: readonly string[];
  /** `previous` keys that must stay for now, and why. */
  readonly kept: readonly { readonly id: string; readonly reasons: readonly string[] }[];
  readonly view: FleetView;
  readonly audit?: AuditState;
  /** The same in one sentence, for a log. */
  readonly message: string;
}

/** The part of a vendor that is needed to read a target. */
export type SecretOwner = Pick<VendorBase, 'name' | 'endpointId' | 'secret'>;

interface DropSettings {
  readonly vendor: SecretOwner;
  readonly target: RotationTarget;
  readonly journal: RotationJournal;
  readonly audit: Audit | undefined;
  readonly actor: string | undefined;
  readonly clock: Clock;
  readonly compromised: false;
  tell(step: RotationStep): void;
}

const KNOWN = [...FLEET_OPTIONS, 'vendor', 'target', 'instances', 'journal', 'audit', 'actor', 'onStep'];

/**
 * Removes the `previous` secrets that may go from the target. Asks all instances under the lock of the target, so that the view is
 * not older than the decision. It is one write that replaces the set, so a run that is killed needs no note: the next one does it.
 *
 * @throws RotationError `ERR_ROTATION_OLD_IN_USE` if none may go; `ERR_ROTATION_UNFINISHED` if a rotation was stopped; others as in
 *   `rotate()`.
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const { message } = await dropPrevious({ vendor, target, instances: urls, token, unusedSeconds: 3600 })
 * ```
 */
export async function dropPrevious(options: DropPreviousOptions): Promise<DropReport> {
  const settings = readOptions(options);
  const trail: AuditTrail = {};
  const { instances, vendor, target, journal, audit, actor, onStep, ...fleetOptions } = options;
  const fleet = readFleetOptions('dropPrevious()', instances, fleetOptions);
  const { result, audit: state } = await audited(
    settings,
    'drop-previous',
    trail,
    () =>
      withLock(settings, async () => {
        await refuseIfUnfinished(settings);
        const report = await drop(settings, await viewFleet(instances, fleet));
        trail.replaces = report.dropped.join(' ');
        trail.current = report.view.current.join(' ');
        return report;
      }),
    ({ outcome }) => ({ outcome: outcome === 'dropped' ? 'dropped' : 'finished' }),
  );
  return state === undefined ? result : { ...result, audit: state };
}

function readOptions(given: DropPreviousOptions): DropSettings {
  const options = checkKeys('dropPrevious()', given, KNOWN);
  const { vendor, target, journal, onStep, clock = systemClock } = options;
  checkOwner(vendor);
  checkTarget(target);
  checkFunction('onStep', onStep);
  return {
    vendor,
    target,
    journal: readJournal(journal, target, clock),
    ...readAudit(options),
    clock,
    compromised: false,
    tell: (step) => tellObserver(onStep, step),
  };
}

/** @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` */
function checkOwner(vendor: Partial<SecretOwner> | undefined): void {
  const texts = [vendor?.name, vendor?.endpointId];
  const isWhole = texts.every((text) => typeof text === 'string' && text !== '');
  if (isWhole && typeof vendor?.secret === 'object') return;
  throw configError(
    '"vendor" must be a webhook that can be rotated, or its "name", "endpointId" and "secret", the format of its secrets.',
  );
}

async function refuseIfUnfinished(settings: DropSettings): Promise<void> {
  const left = await readNotes(settings);
  if (left === undefined) return;
  throw new RotationError(
    'ERR_ROTATION_UNFINISHED',
    `A rotation of ${left.vendor} ${left.endpointId} was stopped after ${left.at}.`,
    {
      secretState: left.step === 'calling' ? 'unknown' : 'unchanged',
      todo: 'Run that rotation again first.',
    },
  );
}

async function drop(settings: DropSettings, view: FleetView): Promise<DropReport> {
  const { target, vendor, clock, tell } = settings;
  const keys = keyReader(vendor, target.name);
  const set = await readTarget(settings, 'unchanged');
  const missing = missingCurrents(set, keys, view, clock.now());
  const judged = idsOf(set.previous, keys).map((id) => ({
    id,
    reasons: [...missing, ...reasonsToKeep(id, view)],
  }));
  const kept = judged.filter(({ reasons }) => reasons.length > 0);
  const dropped = judged.filter(({ reasons }) => reasons.length === 0).map(({ id }) => id);
  if (dropped.length === 0) {
    if (kept.length > 0) throw inUse(kept);
    return {
      outcome: 'nothing-to-drop',
      dropped,
      kept,
      view,
      message: `The ${target.name} has no old secret.`,
    };
  }
  const changes = { dropped, version: new Date(clock.now()).toISOString(), now: clock.now() };
  // Another tool may have announced a rotation meanwhile: that stays.
  const change = (set: SecretSetInput): SecretSetInput => ({
    ...tidied(set, changes, keys),
    ...(set.rotating === undefined ? {} : { rotating: set.rotating }),
  });
  await updateTarget(settings, keys, change, 'unchanged');
  const message = `The old secret ${dropped.join(', ')} was removed from ${target.name}.`;
  tell({ step: 'stored', message });
  return { outcome: 'dropped', dropped, kept, view, message };
}

function idsOf(secrets: SecretSetInput['previous'], keys: KeyReader): string[] {
  return keys.named(listOf(secrets)).map(({ id }) => id);
}

/**
 * The instances that don't have each `current` key of the target. They load another set, or have not loaded this one yet: what they
 * say about an old key proves nothing.
 */
function missingCurrents(
  { current }: SecretSetInput,
  keys: KeyReader,
  { instances }: FleetView,
  now: number,
): readonly string[] {
  const valid = keys.named(listOf(current).filter((entry) => !isOver(entry, now)));
  return instances.flatMap((one) => {
    if (one.state === 'unknown') return [];
    const has = one.keys.filter(({ role }) => role === 'current').map(({ id }) => id);
    const lacks = valid.map(({ id }) => id).filter((id) => !has.includes(id));
    return lacks.length === 0
      ? []
      : [`${one.name} does not have the current key ${lacks.join(', ')} of the target.`];
  });
}

/** Why an old key must stay; empty if it may go. */
function reasonsToKeep(id: string, { old, instances }: FleetView): readonly string[] {
  const known = old.find((key) => key.id === id);
  if (known !== undefined) return known.verdict === 'may-go' ? [] : known.reasons;
  // No instance accepts it as an old key.
  return instances.flatMap((one) => {
    if (one.state === 'unknown') return [`Nothing is known of ${one.name}: ${one.why}.`];
    return one.keys.some((key) => key.id === id) ? [`It is not an old key in ${one.name}.`] : [];
  });
}

function inUse(kept: readonly { readonly id: string; readonly reasons: readonly string[] }[]): RotationError {
  const what = kept
    .map(({ id, reasons }) => `The old secret ${id} must stay: ${reasons.join(' ')}`)
    .join(' ');
  return new RotationError('ERR_ROTATION_OLD_IN_USE', what, {
    secretState: 'unchanged',
    todo: 'Wait with waitUntilOldMayGo(), then drop it.',
  });
}
