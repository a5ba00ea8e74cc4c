import type { SecretProvider } from './secrets.ts';

/** A few keyrings on one provider may be on purpose: other options, other schemes. */
const MANY = 5;
const keyringsOf = new WeakMap<SecretProvider, number>();

/**
 * Counts a keyring that begins to load a provider; the returned function ends that.
 *
 * Each keyring loads its provider by itself, so many verifiers on one provider ask its source many times. The process warns of that,
 * because nothing else shows it until the source throttles.
 */
export function countKeyring(provider: SecretProvider): () => void {
  const count = (keyringsOf.get(provider) ?? 0) + 1;
  keyringsOf.set(provider, count);
  if (count === MANY) {
    process.emitWarning(
      `${MANY} verifiers use the provider "${provider.name}", and each loads it by itself. Make one keyring of it with createKeyring(), and pass this keyring as "secrets" to all of them.`,
      { code: 'COUNTERSIGN_PROVIDER_SHARED' },
    );
  }
  return () => keyringsOf.set(provider, (keyringsOf.get(provider) ?? 1) - 1);
}
