import type { SecretInput, SecretProvider } from '@countersign/core';
import { listOf } from '../key-ids.ts';
import { nameOfError } from '../rotation-error.ts';
import { RecoveryError } from './recovery-error.ts';

const LOAD_TIMEOUT_MS = 30_000;

/**
 * The secret with which the sender signs now: the first `current` one that is valid.
 *
 * @throws RecoveryError `ERR_RECOVERY_SECRET_UNAVAILABLE`
 */
export async function currentSecret(
  secrets: string | SecretProvider,
  now: number,
): Promise<string | Uint8Array> {
  if (typeof secrets === 'string') return secrets;
  let found: SecretInput | undefined;
  try {
    const signal = AbortSignal.timeout(LOAD_TIMEOUT_MS);
    const set = await secrets.load({ signal, reason: 'manual' });
    const current = 'current' in set ? listOf(set.current) : [];
    found = current.find((entry) => isValid(entry, now));
  } catch (error) {
    throw unavailable(`The secrets of ${secrets.name} can't be loaded (${nameOfError(error)}).`);
  }
  if (found === undefined) throw unavailable(`${secrets.name} has no current secret that is valid now.`);
  return typeof found === 'object' && 'secret' in found ? found.secret : found;
}

function isValid(entry: SecretInput, now: number): boolean {
  if (typeof entry !== 'object' || entry instanceof Uint8Array) return true;
  const { notBefore, notAfter } = entry;
  const begun = notBefore === undefined || new Date(notBefore).getTime() <= now;
  return begun && (notAfter === undefined || new Date(notAfter).getTime() >= now);
}

function unavailable(what: string): RecoveryError {
  return new RecoveryError('ERR_RECOVERY_SECRET_UNAVAILABLE', what, {
    todo: 'Pass the source from which your receivers load their secrets.',
  });
}
