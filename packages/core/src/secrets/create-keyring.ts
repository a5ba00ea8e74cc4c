import type { KeyObject } from 'node:crypto';
import { type KeyringEvent, safeObserver } from '../events.ts';
import type { Scheme } from '../scheme/scheme.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { checkClock, checkFunction, checkKeys, configError } from '../util/options.ts';
import type { Keyring } from './keyring.ts';
import { type KeyringOptions, readTiming, TIMING_KEYS } from './keyring-options.ts';
import { SecretKeyring } from './secret-keyring.ts';
import type { SecretProvider } from './secrets.ts';

/**
 * Makes a keyring: one set of secrets, decoded once and kept up to date, that several verifiers can share. Use it if several verifiers
 * need the same secrets, so that the source is asked once for all of them.
 *
 * It loads nothing and starts no timer before it is used, so it may be made at module level. Only static secrets are loaded at once.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option; `ERR_WEBHOOK_SECRETS_INVALID` if static secrets can't be used;
 * `ERR_WEBHOOK_PROVIDER_FAILED` if a static provider fails.
 * @example
 * ```ts
 * const keyring = createKeyring(fileSecrets('/run/secrets/acme.json'), { scheme: acme, intervalSeconds: 60 })
 * const orders = createVerifier({ scheme: acme, secrets: keyring, endpoint: 'orders' })
 * const refunds = createVerifier({ scheme: acme, secrets: keyring, endpoint: 'refunds' })
 * await keyring.ready()
 * ```
 */
export function createKeyring<K = KeyObject>(
  provider: SecretProvider,
  options: { scheme: Scheme<K>; clock?: Clock; observe?: (event: KeyringEvent) => void } & KeyringOptions,
): Keyring<K> {
  options = checkKeys('createKeyring()', options, ['scheme', 'clock', 'observe', ...TIMING_KEYS]);
  checkProvider(provider);
  const { scheme, observe, clock = systemClock } = options;
  checkClock(options.clock);
  if (typeof scheme?.importKey !== 'function') {
    throw configError('"scheme" must be a scheme, because it decodes the secrets.');
  }
  checkFunction('observe', observe);
  return new SecretKeyring(provider, scheme, readTiming(options, provider), clock, safeObserver(observe));
}

function checkProvider(provider: unknown): void {
  const given = provider as Partial<SecretProvider> | null | undefined;
  if (typeof given?.load !== 'function' || typeof given.name !== 'string' || given.name === '') {
    throw configError(
      'createKeyring() needs a provider of secrets. Pass an object with "name" and "load", such as staticSecrets().',
    );
  }
}
