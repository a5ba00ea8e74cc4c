import { isWebhookError, safeErrorText, WebhookError } from '../webhook-error.ts';

/**
 * Makes the error of a provider that did not give a set: `ERR_WEBHOOK_PROVIDER_FAILED`. Its message is shown to operators, so it must say
 * what to do and hold nothing of what the source answered. Of any other error that a provider throws only name and code are shown.
 *
 * @example
 * ```ts
 * if (response.status === 404) throw providerError('The vault knows no such secret. Check its name.')
 * ```
 */
export function providerError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', message);
}

/**
 * Turns what a provider threw into an error that is safe to show. Messages of foreign errors quote what they choke on (a JSON
 * parser its text, a URL parser the password in it), so only their names and codes are kept.
 */
export function fromProvider(thrown: unknown, provider: string): WebhookError {
  if (isWebhookError(thrown)) {
    const invalid = thrown.code === 'ERR_WEBHOOK_SECRETS_INVALID';
    const message = thrown.message.includes(provider) ? thrown.message : `${provider}: ${thrown.message}`;
    return invalid ? new WebhookError(thrown.code, message) : providerError(message);
  }
  const facts = safeErrorText(thrown);
  const what = facts === '' ? '' : ` (${facts})`;
  return providerError(
    `${provider}: loading the secrets failed${what}. Check that the source is there and may be read.`,
  );
}
