import type { KeyObject } from 'node:crypto';
import {
  createVerifier,
  isWebhookError,
  type VerifiedWebhook,
  type VerifierOptions,
  type WebhookError,
  type WebhookRequest,
} from '@countersign/core';
import { clockAt } from '../../../../../test/support/outcome.ts';

/** What one request comes to at a moment: the delivery, or the error it is refused with. */
export async function judgeAt<K = KeyObject>(
  seconds: number,
  options: Omit<VerifierOptions<K>, 'clock' | 'replay'>,
  request: WebhookRequest,
): Promise<VerifiedWebhook | WebhookError> {
  await using verifier = createVerifier({ ...options, clock: clockAt(seconds), replay: false });
  try {
    await verifier.ready();
    return await verifier.verify(request);
  } catch (error) {
    if (isWebhookError(error)) return error;
    throw error;
  }
}

/** The same in one word: `accepted`, or the code without what all codes begin with. */
export async function outcomeAt<K = KeyObject>(...given: Parameters<typeof judgeAt<K>>): Promise<string> {
  const outcome = await judgeAt<K>(...given);
  return isWebhookError(outcome) ? outcome.code.replace('ERR_WEBHOOK_', '') : 'accepted';
}
