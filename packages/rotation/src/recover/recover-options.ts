import type { Clock, WebhookRequest, WebhookResponse } from '@countersign/core';
import { checkFunction, checkKeys, checkNumber, configError, systemClock } from '@countersign/core/extend';
import type { LockSource } from '../journal.ts';
import type { RecoveryStep } from './recovery-report.ts';
import type { MissedDelivery, RecoveryVendor, RecoveryWindow } from './recovery-vendor.ts';

/** A receiver in this process: `(request) => verifier.handle(request, handler)`. */
export type ReceiverFunction = (
  request: WebhookRequest,
) => Promise<Pick<WebhookResponse, 'status' | 'headers'>>;

/** Options of {@link recover}. */
export interface RecoverOptions {
  /** The webhook whose deliveries are recovered: `recoverable.github({ … })`. */
  vendor: RecoveryVendor;
  /** The beginning of the time to recover: a date, or ISO 8601 text. Begin before the first failure that you know of. */
  since: Date | string;
  /** The end of it. Default: now. */
  until?: Date | string;
  /**
   * Your receiver, for senders whose API can't send a delivery again (Stripe): its URL, https or on the loopback interface, or a
   * function, `(request) => verifier.handle(request, handler)`. Not allowed for other senders: they send to the URL that they know.
   */
  to?: string | ReceiverFunction;
  /** The file in which runs note what was sent again. Keep it on a disk that the next run also sees. Not needed for a dry run. */
  journal?: string;
  /** Takes the place of the lock beside the journal: `redisLock()`, `postgresLock()`, or your own function. */
  lock?: LockSource;
  /**
   * How long your receivers remember a handled delivery: the `rememberSeconds` of their verifiers. Older deliveries are left out,
   * because a receiver that has forgotten one would handle it twice. Default: what a verifier without that option remembers.
   */
  rememberSeconds?: number;
  /**
   * Whether your application has handled a delivery that your receivers may have forgotten. Ask your own records; return `false`
   * only if you are sure. Without this function such deliveries are not sent, and `report.uncertain` lists them.
   */
  wasHandled?: (delivery: MissedDelivery) => boolean | Promise<boolean>;
  /** Lists what was missed, and sends nothing. */
  dryRun?: boolean;
  /** The shortest time between two calls that have something sent, in seconds. Default: what the sender asks for. */
  paceSeconds?: number;
  /** The longest wait for a rate limit of the sender. Beyond it, the run stops and says when to run again. Default: 900. */
  maxWaitSeconds?: number;
  /** The longest wait for one response of the sender or of your receiver. Default: 30. */
  timeoutSeconds?: number;
  /** Called after every step. Errors that it throws are ignored. */
  onStep?: (step: RecoveryStep) => void;
  /** Aborts the run between two calls. The next run goes on. */
  signal?: AbortSignal;
  /** For tests. Default: the machine's clock. */
  clock?: Clock;
}

/** The same, checked and filled in. */
export interface RecoverSettings {
  readonly vendor: RecoveryVendor;
  readonly window: RecoveryWindow;
  readonly to: URL | ReceiverFunction | undefined;
  readonly journal: string | undefined;
  readonly lock: LockSource | undefined;
  readonly rememberMs: number;
  readonly wasHandled: RecoverOptions['wasHandled'];
  readonly paceMs: number;
  readonly maxWaitMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  tell(step: RecoveryStep): void;
}

const KNOWN = Object.keys({
  vendor: true,
  since: true,
  until: true,
  to: true,
  journal: true,
  lock: true,
  rememberSeconds: true,
  wasHandled: true,
  dryRun: true,
  paceSeconds: true,
  maxWaitSeconds: true,
  timeoutSeconds: true,
  onStep: true,
  signal: true,
  clock: true,
} satisfies Record<keyof RecoverOptions, true>);
const DAY_SECONDS = 86_400;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` naming the option. */
export function readRecoverOptions(options: RecoverOptions): RecoverSettings {
  options = checkKeys('recover()', options, KNOWN);
  const { vendor, dryRun, wasHandled, onStep, signal, journal, clock = systemClock } = options;
  checkVendor(vendor);
  if (dryRun !== undefined && typeof dryRun !== 'boolean')
    throw configError('"dryRun" must be true or false.');
  checkFunction('wasHandled', wasHandled);
  checkFunction('onStep', onStep);
  checkFunction('lock', options.lock);
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw configError('"signal" must be an AbortSignal.');
  }
  if (journal === undefined ? dryRun !== true : typeof journal !== 'string' || journal === '') {
    throw configError('"journal" must be the path of a file that the next run also sees.');
  }
  const seconds = (
    name: 'rememberSeconds' | 'paceSeconds' | 'maxWaitSeconds' | 'timeoutSeconds',
    fallback: number,
    max = DAY_SECONDS,
  ) => checkNumber(name, options[name], { min: name === 'timeoutSeconds' ? 0.001 : 0, max, fallback }) * 1000;
  return {
    vendor,
    window: readWindow(options, clock),
    to: readReceiver(options, vendor),
    journal,
    lock: options.lock,
    rememberMs: seconds('rememberSeconds', vendor.rememberSeconds, 366 * DAY_SECONDS),
    wasHandled,
    paceMs: seconds('paceSeconds', vendor.paceSeconds),
    maxWaitMs: seconds('maxWaitSeconds', 900),
    timeoutMs: seconds('timeoutSeconds', 30),
    signal,
    clock,
    tell(step) {
      try {
        onStep?.(step);
      } catch {
        // An observer must not stop a recovery halfway.
      }
    },
  };
}

function checkVendor(vendor: Partial<RecoveryVendor> | undefined): void {
  const acts = typeof vendor?.resend === 'function' || typeof vendor?.fetchRequest === 'function';
  if (acts && typeof vendor?.list === 'function' && typeof vendor.endpointId === 'string') return;
  throw configError(
    '"vendor" must be a webhook whose deliveries can be recovered, for example recoverable.github({ … }).',
  );
}

function readWindow({ since, until }: RecoverOptions, clock: Clock): RecoveryWindow {
  const from = readDate('since', since);
  const to = until === undefined ? new Date(clock.now()) : readDate('until', until);
  if (from >= to) throw configError('"since" must be before "until".');
  return { since: from, until: to };
}

function readDate(name: string, value: unknown): Date {
  // Without a time zone, the same text would be another time on another machine.
  const isText = typeof value === 'string' && /^\d{4}-\d\d-\d\dT.+(?:Z|[+-]\d\d:?\d\d)$/.test(value);
  const date = value instanceof Date ? value : new Date(isText ? value : Number.NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw configError(`"${name}" must be a date, or ISO 8601 text with a time zone: "2026-12-01T10:00:00Z".`);
}

function readReceiver({ to, dryRun }: RecoverOptions, vendor: RecoveryVendor): RecoverSettings['to'] {
  if (vendor.fetchRequest === undefined) {
    if (to === undefined) return undefined;
    throw configError(`${vendor.name} sends its deliveries itself, so "to" must not be set.`);
  }
  if (to === undefined && dryRun === true) return undefined;
  if (typeof to === 'function') return to;
  const url = typeof to === 'string' && URL.canParse(to) ? new URL(to) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (url !== undefined && isSafe && url.username === '' && url.password === '') return url;
  throw configError(
    `"to" must be the URL of your receiver, https or on the loopback interface, or a function: the API of ${vendor.name} can't send a delivery again.`,
  );
}
