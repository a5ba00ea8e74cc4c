import { createVerifier, type Observer, type VerifierOptions, type WebhookEvent } from '@countersign/core';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { onTestFinished } from 'vitest';

export const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
export const FOREIGN = 'whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2Vk';

const scheme = standardWebhooks();

export function verifierWith(observe: Observer<WebhookEvent>, options: Partial<VerifierOptions> = {}) {
  const verifier = createVerifier({ scheme, secrets: SECRET, endpoint: 'orders', observe, ...options });
  onTestFinished(() => verifier.close());
  return verifier;
}

/** A delivery that no other is a duplicate of. */
export function delivery({ secret = SECRET, timestamp = new Date() } = {}) {
  const id = `msg_${crypto.randomUUID()}`;
  return { id, ...sign(scheme, { secret, id, body: '{"total":12}', timestamp }) };
}
