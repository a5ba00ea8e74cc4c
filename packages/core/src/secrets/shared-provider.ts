import type { SecretProvider } from './secrets.ts';

/** A few keyrings on one provider may be on purpose: other options, other schemes. */
const MANY = 5;
const keyringsOf = new WeakMap<SecretProvider, number>();

/**
 * Each keyring loads its provider by itself, so many verifiers on one provider ask its source many times. The process warns once for
 * each provider, because nothing else shows it until the source throttles.
 */
export function warnOfSharedProvider(provider: SecretProvider): void {
  if (provider.static === true) return;
  const count = (keyringsOf.get(provider) ?? 0) + 1;
  keyringsOf.set(provider, count);
  if (count !== MANY) return;
  process.emitWarning(
    `${MANY} verifiers use the provider "${provider.name}", and each loads it by itself. Make one keyring of it with createKeyring(), and pass this keyring as "secrets" to all of them.`,
    { code: 'COUNTERSIGN_PROVIDER_SHARED' },
  );
}
