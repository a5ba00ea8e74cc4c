import type { Observer, WebhookEvent } from './events.ts';
import { pageOfCode } from './util/docs.ts';
import { checkChoice, checkKeys, checkNumber, configError } from './util/options.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

/** A logger: `console`, pino, winston, Nest's `Logger`, or an object with methods named like theirs. */
export type WebhookLogger = Partial<Record<Level | 'log', (...args: never[]) => unknown>>;

/** Options of {@link logWebhooks}. */
export interface LogWebhooksOptions {
  /**
   * For how long the same line about one endpoint is not repeated, in seconds. The next one says how many were left out. Lines at the
   * levels `debug` and `info` are never left out. 0 writes all of them. Default: 60.
   */
  quietSeconds?: number;
  /** Events below this level are not written. Default: `'debug'`; for `console`, which has no level to set, `'info'`. */
  level?: Level;
}

const DUPLICATE_HINT =
  '. To run it again on purpose, call verifier.forget(webhook.id) first. Further duplicates are written at the level debug';

/** So many different lines are remembered. Beyond that, a line may come again too early. */
const MAX_REMEMBERED = 1000;

/**
 * Makes an observer that writes events to a logger. The level says what an operator must do: `error` needs a mend;
 * `warn` needs a look; `info` is news about secrets; `debug` is each delivery.
 *
 * Outside of production (`NODE_ENV`), the first duplicate that was not run is written at `info`.
 *
 * pino gets an object and a message, winston a message and an object, Nest's Logger and `console` one line of text. No line contains a
 * secret, a signature or a body.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if the logger has no method for messages, or if an option is wrong.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme, secrets, observe: logWebhooks(console) })
 * ```
 */
export function logWebhooks(logger: WebhookLogger, options: LogWebhooksOptions = {}): Observer<WebhookEvent> {
  options = checkKeys('logWebhooks()', options, ['quietSeconds', 'level']);
  const quietMs =
    checkNumber('quietSeconds', options.quietSeconds, { min: 0, max: 86_400, fallback: 60 }) * 1000;
  const usual = (logger as unknown) === console ? 'info' : 'debug';
  const lowest = checkChoice('level', options.level ?? usual, LEVELS);
  const write = writerOf(logger);
  // A developer who sends a delivery again would otherwise look for the reason why nothing runs.
  let saysDuplicate = process.env.NODE_ENV !== 'production';
  const repeated = new Map<string, { until: number; leftOut: number }>();
  return (event) => {
    const isFirstDuplicate = saysDuplicate && event.type === 'duplicate';
    if (isFirstDuplicate) saysDuplicate = false;
    const level = isFirstDuplicate ? 'info' : levelOf(event);
    const hint = isFirstDuplicate ? DUPLICATE_HINT : '';
    if (LEVELS.indexOf(level) < LEVELS.indexOf(lowest)) return;
    if (level === 'debug' || level === 'info' || quietMs === 0) {
      write(level, textOf(event) + hint, withPage(event, level));
      return;
    }
    const now = performance.now();
    const about = subjectOf(event);
    const last = repeated.get(about);
    if (last !== undefined && now < last.until) {
      last.leftOut += 1;
      return;
    }
    if (repeated.size >= MAX_REMEMBERED) repeated.clear();
    repeated.set(about, { until: now + quietMs, leftOut: 0 });
    const leftOut = last === undefined || last.leftOut === 0 ? '' : ` (${last.leftOut} more like this since)`;
    write(level, textOf(event) + leftOut, withPage(event, level));
  };
}

function levelOf(event: WebhookEvent): Level {
  switch (event.type) {
    case 'verified':
    case 'claimed':
    case 'duplicate':
    case 'committed':
    case 'handshake':
      return 'debug';
    case 'secrets-loaded':
      return event.changed ? 'info' : 'debug';
    case 'store-up':
    case 'key-revoked':
      return 'info';
    case 'refused':
      if (event.status === 500) return 'error';
      return event.code === 'ERR_WEBHOOK_IN_PROGRESS' ? 'debug' : 'warn';
    case 'payload-invalid':
      return event.error === undefined ? 'warn' : 'error';
    case 'handler-failed':
    case 'commit-failed':
    case 'secrets-failed':
    case 'store-down':
      return 'error';
    default:
      return 'warn';
  }
}

/** What two lines have in common that say the same. */
function subjectOf(event: WebhookEvent): string {
  const endpoint = 'endpoint' in event ? event.endpoint : undefined;
  const code = 'code' in event ? event.code : undefined;
  const error = 'error' in event ? messageOf(event.error) : undefined;
  return JSON.stringify([endpoint, event.type, code, error]);
}

const SENTENCES: Readonly<Record<Exclude<WebhookEvent['type'], 'refused' | 'unrouted'>, string>> = {
  verified: 'was verified',
  handshake: 'was a test of the sender, and got its response',
  claimed: 'is being handled',
  duplicate: 'was a duplicate, and did not run again',
  committed: 'was handled',
  released: 'was not handled: its retry will run',
  'claim-lost': 'lost its claim, so another instance may run it too',
  'handler-timeout': 'has run for longer than "handlerTimeoutSeconds"',
  'handler-failed': 'failed in its handler',
  'payload-invalid': 'does not fit the schema',
  'commit-failed': 'was handled, but the replay store has not recorded it, so a retry may run again',
  'release-failed': 'failed, and its retry has to wait for the end of the lease',
  'claimed-locally': 'is claimed in this process only, because the replay store is down',
  'store-failed': 'met a failed call of the replay store',
  'store-down': 'met a replay store that does not respond',
  'store-up': 'met a replay store that responds again',
  'secrets-loaded': 'has its secrets',
  'secrets-failed': 'could not load its secrets; the last good ones, if there are any, stay in use',
  'key-revoked': 'does not accept a key any more',
};

function textOf(event: WebhookEvent): string {
  if (event.type === 'unrouted') return event.message;
  if (event.type === 'refused')
    return `A webhook for "${event.endpoint}" was refused with ${event.status} (${event.code}): ${event.message}`;
  const subject =
    'provider' in event
      ? `The endpoint "${event.endpoint ?? event.provider}"`
      : `A webhook for "${event.endpoint}"`;
  const status = 'status' in event && event.status !== undefined ? ` (status ${event.status})` : '';
  const reason = 'error' in event && event.error !== undefined ? `: ${messageOf(event.error)}` : '';
  return `${subject} ${SENTENCES[event.type]}${status}${reason}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Write = (level: Level, text: string, event: WebhookEvent) => void;

/** Loggers differ in the order of their arguments, and in what they call their levels. */
function writerOf(logger: WebhookLogger): Write {
  const methods = (logger ?? {}) as Partial<Record<string, (...args: unknown[]) => unknown>>;
  const call = (level: Level, ...args: unknown[]): void => {
    const name = [level, 'info', 'log'].find((each) => typeof methods[each] === 'function');
    if (name !== undefined) methods[name]?.(...args);
  };
  if (![...LEVELS, 'log'].some((name) => typeof methods[name] === 'function')) {
    throw configError('The logger of logWebhooks() has no method error, warn, info, debug or log.');
  }
  // pino: logger.info(object, text)
  if (typeof methods.bindings === 'function') {
    return (level, text, event) => {
      const { error, ...webhook } = event as WebhookEvent & { error?: unknown };
      call(level, error === undefined ? { webhook } : { webhook, err: error }, text);
    };
  }
  // winston: logger.info(text, object)
  if (typeof methods.configure === 'function' && typeof methods.log === 'function') {
    return (level, text, event) => call(level, text, { webhook: plain(event) });
  }
  return (level, text, event) => {
    // Nest's Logger takes the stack as its second argument.
    const stack = event.type === 'handler-failed' && event.error instanceof Error ? [event.error.stack] : [];
    call(level, `${text}${details(event)}`, ...stack);
  };
}

/** Says where a refusal is explained. What is normal needs no explanation. */
function withPage(event: WebhookEvent, level: Level): WebhookEvent & { docs?: string } {
  if (event.type !== 'refused' || level === 'debug') return event;
  return { ...event, docs: pageOfCode(event.code) };
}

/** Errors have no enumerable properties, so JSON would show nothing of them. */
function plain(event: WebhookEvent): object {
  return 'error' in event ? { ...event, error: messageOf(event.error) } : event;
}

/** Ids come from requests: no text of theirs may look like another fact. */
function quoted(value: string): string {
  return /[\s=\]"]/.test(value) ? JSON.stringify(value) : value;
}

/** What a line of text says in addition. */
function details(event: WebhookEvent): string {
  const { id, request, durationMs, paths, docs } = event as {
    id?: string;
    request?: string;
    durationMs?: number;
    paths?: readonly string[];
    docs?: string;
  };
  const facts = Object.entries({ id, request, paths: paths?.join(), ms: durationMs?.toFixed(1), docs });
  const shown = facts
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quoted(String(value))}`);
  return shown.length === 0 ? '' : ` [${shown.join(' ')}]`;
}
