import type { Clock } from '@countersign/core';
import { checkFunction, checkKeys, checkNumber, configError, systemClock } from '@countersign/core/extend';
import type { Audit } from './audit/audit-record.ts';
import type { AuditTrail } from './audit/audit-trail.ts';
import type { GuidedVendor } from './guided/guide.ts';
import { fileJournal } from './journal/file-journal.ts';
import type { RotationJournal } from './journal.ts';
import type { RotationStep } from './report.ts';
import type { RotationTarget } from './target.ts';
import type { ReplaceVendor, RotationVendor, VendorBase } from './vendor.ts';

/** The part of `verifier.health()` that is read. It may have been converted to JSON and back. */
export interface InstanceHealth {
  readonly secrets: {
    readonly rotatingUntil?: unknown;
    readonly keys: readonly {
      readonly id: string;
      readonly role: string;
      readonly matches?: number;
      readonly lastMatchAt?: unknown;
    }[];
  };
}

/** Options of {@link rotate}. */
export interface RotateOptions {
  /** The webhook whose secret is rotated: `vendors.polyai({ … })`. */
  vendor: RotationVendor | ReplaceVendor | GuidedVendor;
  /**
   * The place from which receivers load their secrets, for example `fileTarget(path)`. It must contain the secret that signs now.
   */
  target: RotationTarget;
  /** Which of several `current` secrets is replaced: its position in the list, from 0, or its id. Default: the only one. */
  replaces?: number | string;
  /** The secret has leaked: it is dropped at once instead of being kept as `previous`, and the run waits for nothing. */
  compromised?: boolean;
  /** Returns the plan and changes nothing. */
  dryRun?: boolean;
  /**
   * Returns the health of every verifier that loads this target, for all instances. With it, a step waits until all instances
   * have followed; without it, for two of their poll periods.
   */
  health?: () => Promise<readonly InstanceHealth[]>;
  /** How often instances look for a new set. Default: the target's, 30 seconds for a file and 300 for a store elsewhere. */
  pollSeconds?: number;
  /** The longest wait until `health` shows a step. Default: four poll periods. */
  waitSeconds?: number;
  /**
   * How long the replaced secret is accepted after the vendor has stopped using it. Default: as long as the vendor's retries or
   * the tolerance require. With the strategy `replace`: how long both endpoints deliver.
   */
  overlapSeconds?: number;
  /**
   * With the strategy `replace`: the longest time for which this run waits for the end of the overlap. If more is left, it returns
   * with the outcome `overlapping`, and the next run after the overlap removes the old endpoint. Default: 600.
   */
  waitOverlapSeconds?: number;
  /** The longest wait for one response of the vendor. Default: 30. */
  timeoutSeconds?: number;
  /** Where notes and lock are kept: a path, or a {@link RotationJournal}. Default: the target's own place; a file has one. */
  journal?: string | RotationJournal;
  /**
   * Where every run appends one line of JSON that says who rotated what, and how it ended: the path of a file, or a function. A
   * file is only ever appended to, is for its owner alone (0600), and is flushed after each line.
   *
   * If the audit can't be written, nothing is begun (`ERR_ROTATION_AUDIT_FAILED`). If it can't be written at the end, the rotation
   * is done all the same: the report and a warning contain the line.
   */
  audit?: Audit;
  /** Who rotates, for the audit. Default: the user of the operating system. */
  actor?: string;
  /** Called after every step. Errors that it throws are ignored. */
  onStep?: (step: RotationStep) => void;
  /** Aborts the rotation, as long as the vendor has not been called. */
  signal?: AbortSignal;
  /** For tests. Default: the machine's clock. */
  clock?: Clock;
}

/** The same, checked and filled in. */
export interface Settings<V extends VendorBase = VendorBase> {
  readonly vendor: V;
  readonly target: RotationTarget;
  readonly journal: RotationJournal;
  readonly replaces: number | string | undefined;
  readonly compromised: boolean;
  readonly health: RotateOptions['health'];
  readonly pollMs: number;
  readonly waitMs: number;
  readonly overlapMs: number;
  readonly waitOverlapMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly audit: Audit | undefined;
  readonly actor: string | undefined;
  readonly trail: AuditTrail;
  readonly clock: Clock;
  tell(step: RotationStep): void;
}

const KNOWN = [
  'vendor',
  'target',
  'replaces',
  'compromised',
  'dryRun',
  'health',
  'pollSeconds',
  'waitSeconds',
  'overlapSeconds',
  'waitOverlapSeconds',
  'timeoutSeconds',
  'journal',
  'audit',
  'actor',
  'onStep',
  'signal',
  'clock',
];
const DAY_SECONDS = 86_400;
const LONGEST_SECONDS = 366 * DAY_SECONDS;
const WAIT_PERIODS = 4;
const WAIT_OVERLAP_SECONDS = 600;

/** @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` naming the option. */
export function readSettings(options: RotateOptions): Settings<RotateOptions['vendor']> {
  options = checkKeys('rotate()', options, KNOWN);
  const { vendor, target, replaces, compromised = false, dryRun, health, onStep, signal } = options;
  const { clock = systemClock } = options;
  checkVendor(vendor);
  checkTarget(target);
  const isPlace = typeof replaces === 'number' && Number.isInteger(replaces) && replaces >= 0;
  if (replaces !== undefined && typeof replaces !== 'string' && !isPlace) {
    throw configError('"replaces" must be the position of a "current" secret, counted from 0, or its id.');
  }
  if (typeof compromised !== 'boolean') throw configError('"compromised" must be true or false.');
  if (dryRun !== undefined && typeof dryRun !== 'boolean')
    throw configError('"dryRun" must be true or false.');
  checkFunction('health', health);
  checkFunction('onStep', onStep);
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw configError('"signal" must be an AbortSignal.');
  }
  if (typeof clock?.now !== 'function' || typeof clock.schedule !== 'function') {
    throw configError('"clock" must be a Clock.');
  }
  const seconds = (name: 'waitSeconds' | 'timeoutSeconds', fallback: number) =>
    checkNumber(name, options[name], { min: 0.001, max: DAY_SECONDS, fallback });
  const trail: AuditTrail = {};
  const pollSeconds = required('pollSeconds', options.pollSeconds ?? target.pollSeconds, 0.001, DAY_SECONDS);
  return {
    vendor,
    target,
    journal: readJournal(options.journal, target, clock),
    replaces,
    compromised,
    health,
    pollMs: pollSeconds * 1000,
    waitMs: seconds('waitSeconds', WAIT_PERIODS * pollSeconds) * 1000,
    overlapMs:
      checkNumber('overlapSeconds', options.overlapSeconds, {
        min: 0,
        max: 30 * DAY_SECONDS,
        fallback: vendor.overlapSeconds,
      }) * 1000,
    waitOverlapMs:
      checkNumber('waitOverlapSeconds', options.waitOverlapSeconds, {
        min: 0,
        max: 30 * DAY_SECONDS,
        fallback: WAIT_OVERLAP_SECONDS,
      }) * 1000,
    timeoutMs: seconds('timeoutSeconds', 30) * 1000,
    signal,
    ...readAudit(options),
    trail,
    clock,
    tell(step) {
      noteStep(trail, step);
      tellObserver(onStep, step);
    },
  };
}

/** @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` */
export function readAudit({ audit, actor }: Pick<RotateOptions, 'audit' | 'actor'>): {
  audit: Audit | undefined;
  actor: string | undefined;
} {
  const isPath = typeof audit === 'string' && audit !== '' && !audit.includes('\0');
  if (audit !== undefined && typeof audit !== 'function' && !isPath) {
    throw configError('"audit" must be the path of a file, or a function.');
  }
  if (actor !== undefined && (typeof actor !== 'string' || actor === '')) {
    throw configError('"actor" must be text that names who rotates.');
  }
  return { audit, actor };
}

/** An observer must not stop a rotation halfway. */
export function tellObserver(onStep: RotateOptions['onStep'], step: RotationStep): void {
  try {
    onStep?.(step);
  } catch {
    // Ignored, as documented.
  }
}

/** Remembers which key was to sign, in case the run fails later. */
function noteStep(trail: AuditTrail, { step, keyId }: RotationStep): void {
  if (keyId !== undefined && (step === 'announced' || step === 'stored')) trail.current = keyId;
}

/** @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` */
export function checkTarget(target: Partial<RotationTarget> | undefined): void {
  if (typeof target?.read === 'function' && typeof target.write === 'function') return;
  throw configError('"target" must be the place where the secrets are stored, for example fileTarget(path).');
}

/** Checked before the vendor makes a secret that then could not be stored. */
function checkVendor(vendor: Partial<RotationVendor & ReplaceVendor & GuidedVendor> | undefined): void {
  const isWhole =
    typeof vendor?.rotate === 'function' ||
    typeof vendor?.endpoints?.create === 'function' ||
    typeof vendor?.guide?.ask === 'function';
  if (!isWhole || typeof vendor?.name !== 'string') {
    throw configError('"vendor" must be a webhook that can be rotated, for example vendors.polyai({ … }).');
  }
  if (typeof vendor.endpointId !== 'string' || vendor.endpointId === '') {
    throw configError('"endpointId" of the vendor must name the webhook.');
  }
  for (const name of ['graceSeconds', 'overlapSeconds'] as const)
    required(name, vendor[name], 0, LONGEST_SECONDS);
}

function required(name: string, value: number | undefined, min: number, max: number): number {
  return checkNumber(name, value ?? Number.NaN, { min, max, fallback: 0 });
}

/** @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if there is no place for it. */
export function readJournal(
  given: RotateOptions['journal'],
  { name, journal }: RotationTarget,
  clock: Clock,
): RotationJournal {
  const wanted = given ?? journal;
  if (typeof wanted === 'string') return fileJournal(wanted, { clock });
  if (typeof wanted?.lock === 'function') return wanted;
  throw configError(
    `"journal" is required for ${name}: pass the path of a file that the next run also sees, or a RotationJournal.`,
  );
}
