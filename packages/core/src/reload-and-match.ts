import type { Match, ParsedHead } from './scheme/scheme.ts';
import type { KeySet } from './secrets/keyring.ts';
import type { VerifierSettings } from './verifier-options.ts';
import { WebhookError } from './webhook-error.ts';

/**
 * Handles a request that no key of `tried` matches. It may be signed with a secret that this process does not have yet, so the secrets
 * are reloaded, once for all such requests. If the set has changed, the request is checked again.
 *
 * @returns The match, or the error to refuse the request with.
 */
export async function reloadAndMatch<K>(
  settings: Pick<VerifierSettings<K>, 'keys' | 'scheme' | 'mismatchMessage'>,
  head: ParsedHead<K>,
  body: Uint8Array,
  tried: KeySet<K>,
): Promise<Match | WebhookError> {
  const { timeoutSeconds } = settings.scheme.delivery;
  const keyId = head.keyId ?? head.keyIdIn?.(body);
  const reloaded = await settings.keys.reloadForMismatch(tried, {
    // A sender that waits only briefly must get a response before it gives up: a reload may take a fifth of that time.
    ...(timeoutSeconds === undefined ? {} : { waitMs: timeoutSeconds * 200 }),
    ...(keyId === undefined ? {} : { keyId }),
  });
  const { keys } = reloaded.state === 'changed' ? reloaded.set : tried;
  if (keys.length === 0 && !settings.keys.isReadyWithoutKeys) {
    return new WebhookError(
      'ERR_WEBHOOK_NOT_READY',
      'No valid set of secrets is loaded. See health() for the reason.',
    );
  }
  const match = keys === tried.keys || keys.length === 0 ? undefined : await head.match(body, keys);
  if (match !== undefined) return match;
  const doubt = reloaded.state === 'uncertain' ? reloaded.message : undefined;
  const reason = reloaded.state === 'changed' ? reloaded.doubt : doubt;
  if (reason !== undefined) return new WebhookError('ERR_WEBHOOK_SECRETS_UNCERTAIN', reason);
  return new WebhookError('ERR_WEBHOOK_SIGNATURE_MISMATCH', settings.mismatchMessage);
}
