import { type SecretSetInput, WebhookError } from '@countersign/core';

/**
 * Reads a set of secrets from a value that contains it as JSON. The set's content is checked when it is decoded.
 *
 * @param place The value's name in messages.
 * @throws WebhookError `ERR_WEBHOOK_SECRETS_INVALID`, never with anything of the value.
 */
export function parseSet(text: unknown, place: string): SecretSetInput {
  let value: unknown;
  try {
    value = typeof text === 'string' ? JSON.parse(text) : undefined;
  } catch {
    value = undefined;
  }
  if (value !== null && typeof value === 'object' && 'current' in value) return value as SecretSetInput;
  throw new WebhookError(
    'ERR_WEBHOOK_SECRETS_INVALID',
    `${place} contains no set of secrets as JSON. Write the secret that signs now as { "current": "…" }.`,
  );
}
