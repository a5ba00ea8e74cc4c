import type { KeyObject } from 'node:crypto';
import { types } from 'node:util';
import { type Clock, systemClock } from './clock.ts';
import { safeObserver, type WebhookEvent } from './events.ts';
import { checkChoice, checkFunction, checkKeys, checkNumber, configError } from './options.ts';
import { memoryReplayStore } from './replay/memory-replay-store.ts';
import type { ReplayStore } from './replay/replay-store.ts';
import type { StoreErrorPolicy } from './replay/store-policy.ts';
import type { Freshness, Scheme } from './scheme/scheme.ts';
import { createKeyring, type Keyring, type KeyringOptions } from './secrets/keyring.ts';
import {
  functionSecrets,
  type SecretProvider,
  type SecretSetInput,
  staticSecrets,
} from './secrets/secrets.ts';
import { warnOfSecrets } from './warnings.ts';
import type { VerifiedWebhook } from './webhook.ts';

/** Everything that a verifier needs to know. Checked once, at construction; unknown keys are refused. */
export interface VerifierOptions<K = KeyObject> {
  /** How the sender signs and retries: from `@countersign/schemes`, or your own {@link defineScheme}. */
  scheme: Scheme<K>;
  /**
   * The signing secrets: one secret, a set, a function or provider that loads a set, or a keyring that several verifiers share.
   * Text is decoded as the scheme says, bytes are the key itself.
   */
  secrets:
    | string
    | Uint8Array
    | SecretSetInput
    | SecretProvider
    | Keyring<K>
    | (() => SecretSetInput | Promise<SecretSetInput>);
  /**
   * Scope of replay keys, and the label in events. Give each endpoint of one sender its own name where they share a replay
   * store. Default: the scheme's name.
   */
  endpoint?: string;
  /** The address the sender was given, for schemes that sign it. Never rebuilt from request headers. */
  publicUrl?: string;
  /** How far a signed time may lie back or ahead, in seconds; a number counts for both. Default: the scheme's. */
  toleranceSeconds?: number | { past: number; future: number };
  /** Where claims live. Default: a memory store of this verifier, which serves one process. `false` lets duplicates run. */
  replay?: ReplayStore | false;
  /** Names a delivery where the scheme's identity does not fit. Use only what is signed. */
  deliveryKey?: (webhook: VerifiedWebhook) => string;
  /** How long a claim outlives its process, in seconds. Renewed while the handler runs. Default: 30. */
  leaseSeconds?: number;
  /** After so many seconds `signal` aborts and the claim is no longer renewed. Default: 300. */
  handlerTimeoutSeconds?: number;
  /**
   * What becomes of deliveries while the replay store is out of reach.
   *
   * - `'unavailable'` (default): they are answered 503 with Retry-After. Nothing runs twice, and nothing is lost at senders that
   *   try again for longer than the store is away.
   * - `'local'`: they are claimed in the memory of this process and run. Duplicates that reach the same process are still caught,
   *   other instances may run them too. Better where a delivery that is refused never comes back (GitHub), or not for long, and
   *   running one twice does less harm than losing it.
   */
  onStoreError?: 'unavailable' | 'local';
  /** How secrets are reloaded. Not with a keyring, which has its own. */
  reload?: KeyringOptions;
  /** Sees every outcome. Must not throw; what it throws is dropped. */
  observe?: (event: WebhookEvent) => void;
  /** Default: the machine's clock. */
  clock?: Clock;
}

/** The options as the verifier uses them. */
export interface VerifierSettings<K> {
  readonly scheme: Scheme<K>;
  readonly endpoint: string;
  readonly publicUrl: string | undefined;
  readonly freshness: Freshness;
  readonly keyring: Keyring<K>;
  /** Whether closing the verifier closes the keyring. */
  readonly ownsKeyring: boolean;
  readonly store: ReplayStore | undefined;
  readonly deliveryKey: ((webhook: VerifiedWebhook) => string) | undefined;
  readonly leaseMs: number;
  readonly handlerTimeoutMs: number;
  readonly onStoreError: StoreErrorPolicy;
  readonly observe: ((event: WebhookEvent) => void) | undefined;
  readonly clock: Clock;
}

const KNOWN = [
  'scheme',
  'secrets',
  'endpoint',
  'publicUrl',
  'toleranceSeconds',
  'replay',
  'deliveryKey',
  'leaseSeconds',
  'handlerTimeoutSeconds',
  'onStoreError',
  'reload',
  'observe',
  'clock',
];
const DAY_SECONDS = 86_400;

/**
 * Checks the options and fills in the defaults.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` naming the option; `ERR_WEBHOOK_SECRETS_INVALID` for a secret given directly that can't be used.
 */
export function readOptions<K>(options: VerifierOptions<K>): VerifierSettings<K> {
  checkKeys('createVerifier()', options, KNOWN);
  const { scheme, deliveryKey, observe, publicUrl } = options;
  checkScheme(scheme);
  if (scheme.needsPublicUrl === true && publicUrl === undefined) {
    throw configError(
      `"publicUrl" is missing: ${scheme.name} signs the address it was given, and that is never rebuilt from a request.`,
    );
  }
  checkFunction('deliveryKey', deliveryKey);
  checkFunction('observe', observe);
  const clock = options.clock ?? systemClock;
  const observer = safeObserver(observe);
  const leaseSeconds = checkNumber('leaseSeconds', options.leaseSeconds, {
    min: 1,
    max: DAY_SECONDS,
    fallback: 30,
  });
  const timeoutBounds = { min: 1, max: DAY_SECONDS, fallback: 300 };
  return {
    scheme,
    endpoint: readEndpoint(options.endpoint, scheme.name),
    publicUrl: readPublicUrl(publicUrl),
    freshness: readTolerance(options.toleranceSeconds, scheme),
    store: readStore(options.replay, clock),
    deliveryKey,
    leaseMs: leaseSeconds * 1000,
    handlerTimeoutMs:
      checkNumber('handlerTimeoutSeconds', options.handlerTimeoutSeconds, timeoutBounds) * 1000,
    onStoreError: checkChoice('onStoreError', options.onStoreError, ['unavailable', 'local']),
    observe: observer,
    clock,
    ...readSecrets(options, clock, observer),
  };
}

function checkScheme(scheme: unknown): void {
  const given = scheme as Partial<Scheme> | null | undefined;
  if (typeof given === 'function')
    throw configError('"scheme" is a function: call it, as in `scheme: stripe()`.');
  if (
    typeof given?.parseHead !== 'function' ||
    typeof given.freshness !== 'object' ||
    typeof given.delivery !== 'object' ||
    typeof given.importKey !== 'function' ||
    typeof given.name !== 'string'
  ) {
    throw configError('"scheme" must be a scheme: one of @countersign/schemes, or made with defineScheme().');
  }
}

function readEndpoint(endpoint: unknown, fallback: string): string {
  if (endpoint === undefined) return fallback;
  if (typeof endpoint !== 'string' || endpoint === '' || endpoint.length > 256) {
    throw configError('"endpoint" must be text of 1 to 256 characters.');
  }
  return endpoint;
}

function readPublicUrl(publicUrl: unknown): string | undefined {
  if (publicUrl === undefined) return undefined;
  const url = typeof publicUrl === 'string' && URL.canParse(publicUrl) ? new URL(publicUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.hash !== '') {
    throw configError('"publicUrl" must be the http(s) address that the sender was given.');
  }
  return publicUrl as string;
}

function readTolerance(tolerance: unknown, scheme: Scheme<never> | Scheme<unknown>): Freshness {
  const { freshness } = scheme;
  if (tolerance === undefined) return freshness;
  if (freshness.signed === 'none') {
    throw configError(`"toleranceSeconds" has no meaning here: ${scheme.name} signs no time. Leave it out.`);
  }
  const max = freshness.signed === 'header' ? DAY_SECONDS : 31 * DAY_SECONDS;
  const read = (name: string, value: unknown, fallback: number) =>
    checkNumber(name, value, { min: 1, max, fallback });
  if (typeof tolerance !== 'object') {
    const both = read('toleranceSeconds', tolerance, freshness.past);
    return { signed: freshness.signed, past: both, future: both };
  }
  checkKeys('"toleranceSeconds"', tolerance, ['past', 'future']);
  const { past, future } = tolerance as { past?: unknown; future?: unknown };
  return {
    signed: freshness.signed,
    past: read('toleranceSeconds.past', past, freshness.past),
    future: read('toleranceSeconds.future', future, freshness.future),
  };
}

function readStore(replay: unknown, clock: Clock): ReplayStore | undefined {
  if (replay === undefined) return memoryReplayStore({ clock });
  if (replay === false) return undefined;
  const store = replay as Partial<ReplayStore> | null;
  if (
    typeof store?.claim !== 'function' ||
    typeof store.renew !== 'function' ||
    typeof store.commit !== 'function' ||
    typeof store.release !== 'function'
  ) {
    throw configError('"replay" must be a replay store, or false to let duplicates run.');
  }
  return store as ReplayStore;
}

function readSecrets<K>(
  { secrets, reload, scheme }: VerifierOptions<K>,
  clock: Clock,
  observe: ((event: WebhookEvent) => void) | undefined,
): Pick<VerifierSettings<K>, 'keyring' | 'ownsKeyring'> {
  if (isKeyring<K>(secrets)) {
    if (reload !== undefined)
      throw configError('"reload" belongs to createKeyring() where a keyring is given.');
    if (secrets.keyFormat !== scheme.keyFormat) {
      throw configError(
        `The keyring holds keys of the format "${secrets.keyFormat}", but ${scheme.name} wants "${scheme.keyFormat}".`,
      );
    }
    return { keyring: secrets, ownsKeyring: false };
  }
  const keyring = createKeyring(toProvider(secrets), {
    ...reload,
    scheme,
    clock,
    observe: observe ?? warnOfSecrets,
  });
  return { keyring, ownsKeyring: true };
}

function toProvider(secrets: Exclude<VerifierOptions<never>['secrets'], Keyring<never>>): SecretProvider {
  if (typeof secrets === 'function') return functionSecrets(secrets);
  if (typeof secrets === 'string' || types.isUint8Array(secrets)) return staticSecrets(secrets);
  if (secrets === null || typeof secrets !== 'object') {
    throw configError('"secrets" is missing: give a secret, a set of secrets, or a provider.');
  }
  if ('load' in secrets && typeof secrets.load === 'function') return secrets as SecretProvider;
  return staticSecrets(secrets as SecretSetInput);
}

function isKeyring<K>(secrets: unknown): secrets is Keyring<K> {
  const given = secrets as Partial<Keyring<K>> | null | undefined;
  return (
    typeof given === 'object' &&
    typeof given?.keys === 'function' &&
    typeof given.reloadForMismatch === 'function'
  );
}
