import type { KeyObject } from 'node:crypto';
import { types } from 'node:util';
import {
  createVerifier,
  isWebhookError,
  type Keyring,
  type LoadContext,
  type SecretProvider,
  type VerifierOptions,
  type WebhookErrorCode,
  type WebhookRequest,
} from '@countersign/core';
import { KEYRING, systemClock } from '@countersign/core/extend';
import { givenKeys, type ListedSecret, listSecrets } from './secret-variants.ts';
import type { TriedKey } from './trials.ts';

/** What a verifier needs to judge a request as it would have when the request arrived. */
export type BaselineOptions = Pick<VerifierOptions, 'scheme' | 'secrets' | 'publicUrl' | 'toleranceSeconds'>;

/** What a verifier says to a request, and the secrets that it used. */
export interface Baseline {
  /** `undefined` if it accepts the request. */
  readonly code: WebhookErrorCode | undefined;
  readonly secrets: readonly ListedSecret[];
  readonly keys: readonly TriedKey[];
}

/**
 * Judges a request with a verifier.
 *
 * @param request `undefined` if the request has no body that could be judged: then only the secrets are loaded.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`, `ERR_WEBHOOK_PROVIDER_FAILED`
 */
export async function judge(
  options: BaselineOptions,
  request: WebhookRequest | undefined,
  now: number,
): Promise<Baseline> {
  const { scheme } = options;
  const source = noted(options.secrets);
  let code: WebhookErrorCode | undefined;
  if (scheme.needsPublicUrl === true && options.publicUrl === undefined) {
    // Without the URL no verifier can be made. The secrets are still needed to find the URL.
    code = 'ERR_WEBHOOK_CONFIG_INVALID';
    await source.load();
  } else code = await codeOf({ ...options, secrets: source.secrets }, request, now);
  const keyring = keyringOf(options.secrets);
  const secrets = keyring === undefined ? listSecrets(source.set()) : listKeyring(keyring);
  const keys =
    keyring === undefined
      ? givenKeys(scheme, secrets, now)
      : keyring[KEYRING].keys().keys.map(({ id, role, key }) => ({ id, role, key, findings: [] }));
  return { code, secrets, keys };
}

async function codeOf(
  options: BaselineOptions,
  request: WebhookRequest | undefined,
  now: number,
): Promise<WebhookErrorCode | undefined> {
  try {
    await using verifier = createVerifier({
      ...options,
      replay: false,
      observe: () => undefined,
      clock: { ...systemClock, now: () => now },
    });
    await verifier.ready();
    if (request !== undefined) await verifier.receive(request, { claim: 'manual' });
    return undefined;
  } catch (error) {
    if (
      !isWebhookError(error) ||
      error.code === 'ERR_WEBHOOK_PROVIDER_FAILED' ||
      error.code === 'ERR_WEBHOOK_CONFIG_INVALID'
    )
      throw error;
    return error.code;
  }
}

/** Notes the set that a source returns, so that its secrets can be tried in other ways. */
function noted(given: VerifierOptions['secrets']): {
  secrets: VerifierOptions['secrets'];
  set: () => unknown;
  load: () => Promise<void>;
} {
  let seen: unknown;
  const note = <T>(set: T): T => {
    seen = set;
    return set;
  };
  const noteLoaded = <T>(loaded: T | Promise<T>): T | Promise<T> =>
    loaded instanceof Promise ? loaded.then(note) : note(loaded);
  const direct = { secrets: given, set: () => given, load: () => Promise.resolve() };
  if (keyringOf(given) !== undefined) return direct;
  if (typeof given === 'function') {
    const load = (context: LoadContext) => noteLoaded(given(context));
    return { secrets: load, set: () => seen, load: async () => void (await load(loadContext())) };
  }
  if (typeof given === 'string' || types.isUint8Array(given) || !('load' in given)) return direct;
  const provider: SecretProvider = given;
  const load = (context: LoadContext) => noteLoaded(provider.load(context));
  const secrets: SecretProvider = {
    name: provider.name,
    ...(provider.static === undefined ? {} : { static: provider.static }),
    ...(provider.onDemand === undefined ? {} : { onDemand: provider.onDemand }),
    load,
  };
  return { secrets, set: () => seen, load: async () => void (await load(loadContext())) };
}

const LOAD_TIMEOUT_MS = 3000;

function loadContext(): LoadContext {
  return { signal: AbortSignal.timeout(LOAD_TIMEOUT_MS), reason: 'manual' };
}

function keyringOf(secrets: unknown): Keyring<KeyObject> | undefined {
  return typeof secrets === 'object' && secrets !== null && KEYRING in secrets
    ? (secrets as Keyring<KeyObject>)
    : undefined;
}

/** A keyring does not show its secrets as text, only as keys. */
function listKeyring(keyring: Keyring<KeyObject>): readonly ListedSecret[] {
  return keyring[KEYRING].keys().keys.map(({ id, role, key }) => ({
    position: id,
    role,
    secret: key.type === 'secret' ? key.export() : undefined,
    notBefore: undefined,
    notAfter: undefined,
  }));
}
