import type { Clock } from '@countersign/core';
import { checkFunction, checkKeys, checkNumber, configError, systemClock } from '@countersign/core/extend';
import { checkHeaderText } from '../options.ts';
import type { RotationReport } from '../report.ts';
import type { Fetch } from '../vendors/http.ts';
import type { FleetSource } from './fleet-types.ts';

/** Options of {@link fleet}. */
export interface FleetOptions {
  /** Which verifier of each instance: the name that the health handler has for it, or its endpoint. Default: the only one. */
  verifier?: string;
  /**
   * The report of the rotation. Then an instance that has not loaded the new set yet is seen even if no instance has: it lacks the
   * new key, or has the replaced one in another role.
   */
  rotated?: Pick<RotationReport, 'current' | 'previous'>;
  /**
   * For how long an old key must be unused before it may go, in seconds: longer than the vendor retries, because a retry may have
   * an old signature. Default: 86400.
   */
  unusedSeconds?: number;
  /** The longest wait for one instance, in seconds. Default: 5. */
  timeoutSeconds?: number;
  /** Sent to URLs as `Authorization: Bearer`. */
  token?: string | undefined;
  /** Makes the calls. Default: the platform's `fetch`. */
  fetch?: Fetch;
  /** Ends the asking. */
  signal?: AbortSignal;
  /** For tests. Default: the machine's clock. */
  clock?: Clock;
}

/** The same, checked and filled in. */
export interface FleetSettings {
  readonly verifier: string | undefined;
  readonly rotated: FleetOptions['rotated'];
  readonly unusedSeconds: number;
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: Fetch;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
}

export const FLEET_OPTIONS = [
  'verifier',
  'rotated',
  'unusedSeconds',
  'timeoutSeconds',
  'token',
  'fetch',
  'signal',
  'clock',
];
const DAY_SECONDS = 86_400;

/** @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` naming the option. */
export function readFleetOptions(
  owner: string,
  sources: readonly FleetSource[],
  given: FleetOptions,
  known: readonly string[] = FLEET_OPTIONS,
): FleetSettings {
  const options = checkKeys(owner, given, known);
  if (!Array.isArray(sources) || sources.length === 0) {
    throw configError(`${owner} needs a list of all instances: URLs of their health handlers.`);
  }
  const { verifier, rotated, token, fetch, signal, clock = systemClock } = options;
  if (verifier !== undefined && (typeof verifier !== 'string' || verifier === '')) {
    throw configError('"verifier" must be the name of a verifier.');
  }
  if (rotated !== undefined && typeof rotated?.current !== 'string') {
    throw configError('"rotated" must be the report of a rotation.');
  }
  checkFunction('fetch', fetch);
  return {
    verifier,
    rotated,
    signal,
    clock,
    fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)),
    headers: {
      Accept: 'application/json',
      'Cache-Control': 'no-cache',
      ...(token === undefined ? {} : { Authorization: `Bearer ${checkHeaderText(owner, 'token', token)}` }),
    },
    unusedSeconds: checkNumber('unusedSeconds', options.unusedSeconds, {
      min: 0,
      max: 366 * DAY_SECONDS,
      fallback: DAY_SECONDS,
    }),
    timeoutMs:
      checkNumber('timeoutSeconds', options.timeoutSeconds, { min: 0.001, max: 3600, fallback: 5 }) * 1000,
  };
}
