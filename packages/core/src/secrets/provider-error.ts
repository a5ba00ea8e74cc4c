import { isWebhookError, safeErrorText, WebhookError, type WebhookErrorOptions } from '../webhook-error.ts';

/** Says that the source has no secret any more. Made by {@link secretsGone}. */
export type SecretsGone = WebhookError & { readonly secretsGone: true };

/**
 * Makes the error of a provider that can't return a set: `ERR_WEBHOOK_PROVIDER_FAILED`. Its message is shown to operators, so it must say
 * what to do and must contain nothing that the source returned. Of any other error that a provider throws, only name and code are shown.
 *
 * @param options `retryAfterSeconds`: how long the source asks to be left alone. Neither the timer nor a mismatch loads before that.
 * @example
 * ```ts
 * if (response.status === 403) throw providerError('The vault refuses the token (403). Check its policy.')
 * ```
 */
export function providerError(message: string, options: WebhookErrorOptions = {}): WebhookError {
  return new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', message, options);
}

/** Marks an error as the source's own answer that there is no secret any more. */
export function markGone(error: WebhookError): SecretsGone {
  // A property and no class: another copy of this package must recognize it.
  return Object.defineProperty(error, 'secretsGone', { value: true }) as SecretsGone;
}

/** Whether a load returned or threw that there is no secret any more. */
export function isGone(value: unknown): value is SecretsGone {
  return isWebhookError(value) && Reflect.get(value, 'secretsGone') === true;
}

/**
 * Turns what a provider threw into an error that is safe to show. Messages of other errors quote what they fail on (a JSON parser its
 * text, a URL parser the password in the URL), so only their names and codes are kept.
 */
export function fromProvider(thrown: unknown, provider: string): WebhookError {
  if (isWebhookError(thrown)) {
    const invalid = thrown.code === 'ERR_WEBHOOK_SECRETS_INVALID';
    const message = thrown.message.includes(provider) ? thrown.message : `${provider}: ${thrown.message}`;
    const { retryAfterSeconds } = thrown;
    const error = new WebhookError(
      invalid ? thrown.code : 'ERR_WEBHOOK_PROVIDER_FAILED',
      message,
      retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
    );
    return isGone(thrown) ? markGone(error) : error;
  }
  const text = safeErrorText(thrown);
  const what = text === '' ? '' : ` (${text})`;
  return providerError(
    `${provider}: loading the secrets failed${what}. Check that the source exists and that this process may read it.`,
  );
}
