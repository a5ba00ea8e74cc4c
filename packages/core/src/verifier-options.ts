import { types } from 'node:util';
import { type Observer, readObserver, type WebhookEvent } from './events.ts';
import { memoryReplayStore } from './replay/memory-replay-store.ts';
import type { ReplayStore } from './replay/replay-store.ts';
import type { StoreErrorPolicy } from './replay/store-policy.ts';
import type { PublicUrl } from './request.ts';
import { isSignableUrl } from './scheme/content/url-variants.ts';
import type { Freshness, Scheme } from './scheme/scheme.ts';
import { createKeyring } from './secrets/create-keyring.ts';
import { KEYRING, type Keyring, type VerifierKeyring, verifierKeyring } from './secrets/keyring.ts';
import {
  functionSecrets,
  type SecretProvider,
  type SecretSetInput,
  staticSecrets,
} from './secrets/secrets.ts';
import { type Clock, systemClock } from './util/clock.ts';
import {
  checkChoice,
  checkClock,
  checkFunction,
  checkKeys,
  checkNumber,
  configError,
} from './util/options.ts';
import { warnOfSecrets } from './util/warnings.ts';
import type { DisabledVerifierOptions, VerifierOptions } from './verifier-types.ts';
import type { VerifiedWebhook } from './webhook.ts';
import { WebhookError } from './webhook-error.ts';

/** The options as the verifier uses them. */
export interface VerifierSettings<K> {
  readonly disabled: false;
  readonly scheme: Scheme<K>;
  readonly endpoint: string;
  readonly publicUrl: PublicUrl | undefined;
  readonly freshness: Freshness;
  readonly keyring: Keyring<K>;
  /** What verifiers call on the keyring. */
  readonly keys: VerifierKeyring<K>;
  /** Whether closing the verifier closes the keyring. */
  readonly ownsKeyring: boolean;
  readonly store: ReplayStore | undefined;
  readonly deliveryKey: ((webhook: VerifiedWebhook) => string) | undefined;
  /** The least time for which a handled delivery is remembered. */
  readonly rememberMs: number;
  readonly leaseMs: number;
  readonly handlerTimeoutMs: number;
  readonly onStoreError: StoreErrorPolicy;
  readonly maxPendingBytes: number;
  /** What an operator reads if no key matches. */
  readonly mismatchMessage: string;
  readonly observe: Observer<WebhookEvent> | undefined;
  readonly clock: Clock;
}

/** The settings of an endpoint that is switched off. */
export interface DisabledSettings {
  readonly disabled: true;
  readonly scheme: Pick<Scheme, 'name' | 'delivery'>;
  readonly endpoint: string;
}

// Written as an object, so that the compiler reports an option that is missing here.
const KNOWN = Object.keys({
  scheme: true,
  secrets: true,
  endpoint: true,
  publicUrl: true,
  toleranceSeconds: true,
  replay: true,
  deliveryKey: true,
  rememberSeconds: true,
  leaseSeconds: true,
  handlerTimeoutSeconds: true,
  onStoreError: true,
  maxPendingBytes: true,
  reload: true,
  observe: true,
  clock: true,
  disabled: true,
} satisfies Record<keyof VerifierOptions, true>);
const DAY_SECONDS = 86_400;
const MOST_REMEMBERED_SECONDS = 366 * DAY_SECONDS;
const MIB = 1024 * 1024;

/**
 * Checks the options and fills in the defaults.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` naming the option; `ERR_WEBHOOK_SECRETS_INVALID` if a secret that is passed directly can't be used.
 */
export function readOptions<K>(
  given: VerifierOptions<K> | DisabledVerifierOptions<K>,
): VerifierSettings<K> | DisabledSettings {
  const options = checkKeys('createVerifier()', given, KNOWN);
  const { scheme, publicUrl, disabled } = options;
  checkScheme(scheme);
  const endpoint = readEndpoint(options.endpoint, scheme.name);
  if (disabled !== undefined && typeof disabled !== 'boolean') {
    throw configError('"disabled" must be true or false.');
  }
  if (disabled === true) return { disabled, scheme, endpoint };
  if (scheme.needsPublicUrl === true && publicUrl === undefined) {
    throw configError(
      `"publicUrl" is missing: ${scheme.name} signs the URL of the webhook, and Countersign never takes it from a request. Set it to exactly the URL that you gave the sender.`,
    );
  }
  checkFunction('deliveryKey', options.deliveryKey);
  checkClock(options.clock);
  const clock = options.clock ?? systemClock;
  const observe = readObserver(options.observe);
  const seconds = (name: 'leaseSeconds' | 'handlerTimeoutSeconds', fallback: number) =>
    checkNumber(name, options[name], { min: 1, max: DAY_SECONDS, fallback });
  return {
    disabled: false,
    scheme,
    endpoint,
    publicUrl: readPublicUrl(publicUrl),
    freshness: readTolerance(options.toleranceSeconds, scheme),
    store: readStore(options.replay ?? (scheme.delivery.usesResponse === true ? false : undefined), clock),
    deliveryKey: options.deliveryKey,
    rememberMs:
      checkNumber('rememberSeconds', options.rememberSeconds, {
        min: 1,
        max: MOST_REMEMBERED_SECONDS,
        fallback: 0,
      }) * 1000,
    leaseMs: seconds('leaseSeconds', 30) * 1000,
    handlerTimeoutMs: seconds('handlerTimeoutSeconds', 300) * 1000,
    onStoreError: checkChoice('onStoreError', options.onStoreError, ['unavailable', 'local']),
    maxPendingBytes: checkNumber('maxPendingBytes', options.maxPendingBytes, {
      min: 64 * 1024,
      max: 1024 * 1024 * MIB,
      fallback: 64 * MIB,
    }),
    mismatchMessage: mismatchMessage(endpoint, scheme),
    observe,
    clock,
    ...readSecrets(options as VerifierOptions<K>, endpoint, clock, observe),
  };
}

function mismatchMessage(endpoint: string, { needsPublicUrl }: Pick<Scheme, 'needsPublicUrl'>): string {
  const url =
    needsPublicUrl === true
      ? ' Check also that "publicUrl" is exactly the URL that you gave the sender.'
      : '';
  return `The signature matches no key of the endpoint "${endpoint}". Check that the secret is the one in the sender's dashboard and that no proxy changes the body; otherwise the request is forged.${url}`;
}

function checkScheme(scheme: unknown): void {
  const given = scheme as Partial<Scheme> | null | undefined;
  if (typeof given === 'function') throw configError('"scheme" is a function. Call it: `scheme: stripe()`.');
  if (
    typeof given?.parseHead !== 'function' ||
    typeof given.freshness !== 'object' ||
    typeof given.delivery !== 'object' ||
    typeof given.importKey !== 'function' ||
    typeof given.name !== 'string'
  ) {
    throw configError(
      '"scheme" must be a scheme. Take one from @countersign/schemes, or make one with defineScheme().',
    );
  }
}

function readEndpoint(endpoint: unknown, fallback: string): string {
  if (endpoint === undefined) return fallback;
  if (typeof endpoint !== 'string' || endpoint === '' || endpoint.length > 256) {
    throw configError('"endpoint" must be text of 1 to 256 characters.');
  }
  return endpoint;
}

function readPublicUrl(publicUrl: unknown): PublicUrl | undefined {
  if (publicUrl === undefined) return undefined;
  if (typeof publicUrl !== 'function') return checkPublicUrl(publicUrl);
  return (path) => {
    let url: unknown;
    try {
      url = publicUrl(path);
    } catch (error) {
      throw new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', '"publicUrl" threw an error. See "cause".', {
        cause: error,
      });
    }
    return checkPublicUrl(url);
  };
}

/** A URL without its fragment, which no request contains: Twilio reads connection overrides from it. */
function checkPublicUrl(given: unknown): string {
  if (typeof given !== 'string' || !URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol))
    throw configError(
      '"publicUrl" must be the http(s) URL that you gave the sender, or a function that returns it.',
    );
  const url = given.split('#', 1)[0] ?? '';
  if (!isSignableUrl(url))
    throw configError(
      '"publicUrl" contains characters that a URL must percent-encode, such as "ñ" or a space. Write it as `new URL(publicUrl).href` does.',
    );
  return url;
}

function readTolerance(tolerance: unknown, scheme: Scheme<never> | Scheme<unknown>): Freshness {
  const { freshness } = scheme;
  if (tolerance === undefined) return freshness;
  if (freshness.signed === 'none') {
    throw configError(`"toleranceSeconds" must be left out: ${scheme.name} does not sign a timestamp.`);
  }
  const max = freshness.signed === 'header' ? DAY_SECONDS : 31 * DAY_SECONDS;
  const read = (name: string, value: unknown, fallback: number) =>
    checkNumber(name, value, { min: 1, max, fallback });
  if (typeof tolerance !== 'object') {
    const both = read('toleranceSeconds', tolerance, freshness.past);
    return { signed: freshness.signed, past: both, future: both };
  }
  const { past, future } = checkKeys('"toleranceSeconds"', tolerance, ['past', 'future']) as {
    past?: unknown;
    future?: unknown;
  };
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
    throw configError('"replay" must be a replay store, or false if duplicates may run.');
  }
  return store as ReplayStore;
}

function readSecrets<K>(
  { secrets, reload, scheme }: VerifierOptions<K>,
  endpoint: string,
  clock: Clock,
  observe: Observer<WebhookEvent> | undefined,
): Pick<VerifierSettings<K>, 'keyring' | 'keys' | 'ownsKeyring'> {
  if (isKeyring<K>(secrets)) {
    if (reload !== undefined)
      throw configError('"reload" must be left out if "secrets" is a keyring. Pass it to createKeyring().');
    if (secrets.keyFormat !== scheme.keyFormat) {
      throw configError(
        `The keyring contains keys of the format "${secrets.keyFormat}", but ${scheme.name} needs "${scheme.keyFormat}". Make a keyring with this scheme.`,
      );
    }
    return { keyring: secrets, keys: secrets[KEYRING], ownsKeyring: false };
  }
  const keyring = createKeyring(toProvider(secrets), {
    ...reload,
    ...{ scheme, endpoint, clock },
    observe: observe ?? warnOfSecrets,
  });
  return { keyring, keys: keyring[KEYRING], ownsKeyring: true };
}

function toProvider(secrets: Exclude<VerifierOptions<never>['secrets'], Keyring<never>>): SecretProvider {
  if (typeof secrets === 'function') return functionSecrets(secrets);
  if (typeof secrets === 'string' || types.isUint8Array(secrets)) return staticSecrets(secrets);
  if (secrets === null || typeof secrets !== 'object') {
    throw configError('"secrets" is missing. Pass a secret, a set of secrets, or a provider.');
  }
  if ('load' in secrets && typeof secrets.load === 'function') return secrets as SecretProvider;
  return staticSecrets(secrets as SecretSetInput);
}

function isKeyring<K>(secrets: unknown): secrets is Keyring<K> {
  return verifierKeyring(secrets) !== undefined;
}
