import type { Clock } from '@countersign/core';
import { checkFunction, checkKeys, checkNumber, configError, systemClock } from '@countersign/core/extend';
import { fileJournal } from './journal/file-journal.ts';
import type { RotationJournal } from './journal.ts';
import type { RotationStep } from './report.ts';
import type { RotationTarget } from './target.ts';
import type { RotationVendor } from './vendor.ts';

/** What of `verifier.health()` is read. It may have gone through JSON. */
export interface InstanceHealth {
  readonly secrets: {
    readonly rotatingUntil?: unknown;
    readonly keys: readonly { readonly id: string; readonly role: string; readonly matches?: number }[];
  };
}

/** Options of {@link rotate}. */
export interface RotateOptions {
  /** The webhook whose secret is rotated: `vendors.polyai({ … })`. */
  vendor: RotationVendor;
  /** Where receivers find their secrets: `fileTarget(path)`. It must hold the secret that signs now. */
  target: RotationTarget;
  /** Which of several `current` secrets is replaced: its place in the list, from 0, or its id. Default: the only one. */
  replaces?: number | string;
  /** The secret is known to others: it is dropped at once instead of being kept as `previous`, and nothing is waited for. */
  compromised?: boolean;
  /** Show what would be done, and do nothing. */
  dryRun?: boolean;
  /**
   * Gives the health of every verifier that loads this target, of all instances. With it, a step that instances have to follow takes
   * as long as they need; without it, two of their poll periods.
   */
  health?: () => Promise<readonly InstanceHealth[]>;
  /** How often instances look for a new set. Default: the target's, 30 seconds for a file and 300 for a store elsewhere. */
  pollSeconds?: number;
  /** The longest wait for what `health` has to show. Default: four poll periods. */
  waitSeconds?: number;
  /** How long the replaced secret is accepted after its end at the vendor. Default: what the vendor's retries or tolerance ask for. */
  overlapSeconds?: number;
  /** The longest wait for one answer of the vendor. Default: 30. */
  timeoutSeconds?: number;
  /** Where notes and lock are kept: a path, or a {@link RotationJournal}. Default: the target's own place; a file has one. */
  journal?: string | RotationJournal;
  /** Called after every step. What it throws is dropped. */
  onStep?: (step: RotationStep) => void;
  /** Gives the rotation up, as long as the vendor has not been called. */
  signal?: AbortSignal;
  /** Default: the machine's own clock. */
  clock?: Clock;
}

/** The same, checked and filled in. */
export interface Settings {
  readonly vendor: RotationVendor;
  readonly target: RotationTarget;
  readonly journal: RotationJournal;
  readonly replaces: number | string | undefined;
  readonly compromised: boolean;
  readonly health: RotateOptions['health'];
  readonly pollMs: number;
  readonly waitMs: number;
  readonly overlapMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
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
  'timeoutSeconds',
  'journal',
  'onStep',
  'signal',
  'clock',
];
const DAY_SECONDS = 86_400;
const LONGEST_SECONDS = 366 * DAY_SECONDS;
const WAIT_PERIODS = 4;

/** @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` naming the option. */
export function readSettings(options: RotateOptions): Settings {
  options = checkKeys('rotate()', options, KNOWN);
  const { vendor, target, replaces, compromised = false, dryRun, health, onStep, signal } = options;
  const { clock = systemClock } = options;
  checkVendor(vendor);
  if (typeof target?.read !== 'function' || typeof target.write !== 'function') {
    throw configError('"target" must be where the secrets are kept, such as fileTarget(path).');
  }
  const isPlace = typeof replaces === 'number' && Number.isInteger(replaces) && replaces >= 0;
  if (replaces !== undefined && typeof replaces !== 'string' && !isPlace) {
    throw configError('"replaces" must be the place of a "current" secret, counted from 0, or its id.');
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
    timeoutMs: seconds('timeoutSeconds', 30) * 1000,
    signal,
    clock,
    tell(step) {
      try {
        onStep?.(step);
      } catch {
        // Whoever watches must not stop a rotation half-way.
      }
    },
  };
}

/** Found out before the vendor has made a secret that could not be stored then. */
function checkVendor(vendor: Partial<RotationVendor> | undefined): void {
  if (typeof vendor?.rotate !== 'function' || typeof vendor.name !== 'string') {
    throw configError('"vendor" must be a webhook that can be rotated, such as vendors.polyai({ … }).');
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

function readJournal(
  given: RotateOptions['journal'],
  { name, journal }: RotationTarget,
  clock: Clock,
): RotationJournal {
  const wanted = given ?? journal;
  if (typeof wanted === 'string') return fileJournal(wanted, { clock });
  if (typeof wanted?.lock === 'function') return wanted;
  throw configError(
    `"journal" must be given for ${name}: the path of a file that the next run finds too, or a RotationJournal.`,
  );
}
