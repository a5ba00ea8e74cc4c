import type { Match, ParsedHead } from './scheme/scheme.ts';
import type { KeySet, MismatchResult } from './secrets/keyring.ts';
import { isThenable } from './util/promises.ts';
import type { VerifierSettings } from './verifier-options.ts';
import { WebhookError } from './webhook-error.ts';

type Outcome = Match | WebhookError;
type Settings<K> = Pick<VerifierSettings<K>, 'keys' | 'scheme' | 'mismatchMessage'>;

/**
 * Handles a request that no key of `tried` matches. It may be signed with a secret that this process does not have yet, so the secrets
 * are reloaded, once for all such requests. If the set has changed, the request is checked again.
 *
 * @returns The match, or the error to refuse the request with.
 */
export function reloadAndMatch<K>(
  settings: Settings<K>,
  head: ParsedHead<K>,
  body: Uint8Array,
  tried: KeySet<K>,
): Outcome | Promise<Outcome> {
  const { timeoutSeconds } = settings.scheme.delivery;
  const keyId = head.keyId ?? head.keyIdIn?.(body);
  const reloaded = settings.keys.reloadForMismatch(tried, {
    // A sender that waits only briefly must get a response before it gives up: a reload may take a fifth of that time.
    ...(timeoutSeconds === undefined ? {} : { waitMs: timeoutSeconds * 200 }),
    ...(keyId === undefined ? {} : { keyId }),
  });
  if (!isThenable(reloaded)) return matchAgain(settings, head, body, tried, reloaded);
  return Promise.resolve(reloaded).then((result) => matchAgain(settings, head, body, tried, result));
}

function matchAgain<K>(
  { keys: keyring, mismatchMessage }: Settings<K>,
  head: ParsedHead<K>,
  body: Uint8Array,
  tried: KeySet<K>,
  reloaded: MismatchResult<K>,
): Outcome | Promise<Outcome> {
  const { keys } = reloaded.state === 'changed' ? reloaded.set : tried;
  if (keys.length === 0 && !keyring.isReadyWithoutKeys) {
    return new WebhookError(
      'ERR_WEBHOOK_NOT_READY',
      'No valid set of secrets is loaded. See health() for the reason.',
    );
  }
  const match = keys === tried.keys || keys.length === 0 ? undefined : head.match(body, keys);
  if (!isThenable(match)) return match ?? mismatch(reloaded, mismatchMessage);
  return Promise.resolve(match).then((found) => found ?? mismatch(reloaded, mismatchMessage));
}

function mismatch(reloaded: MismatchResult<never> | MismatchResult<unknown>, message: string): WebhookError {
  const doubt = reloaded.state === 'uncertain' ? reloaded.message : undefined;
  const reason = reloaded.state === 'changed' ? reloaded.doubt : doubt;
  if (reason !== undefined) return new WebhookError('ERR_WEBHOOK_SECRETS_UNCERTAIN', reason);
  return new WebhookError('ERR_WEBHOOK_SIGNATURE_MISMATCH', message);
}
