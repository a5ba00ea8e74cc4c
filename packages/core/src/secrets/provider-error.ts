import { isWebhookError, WebhookError } from '../webhook-error.ts';

/** Makes the error of a provider that did not give a set. */
export function providerError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', message);
}

/**
 * Turns what a provider threw into an error that is safe to show. Messages of foreign errors quote what they choke on (a JSON
 * parser its text, a URL parser the password in it), so only their names and codes are kept, and those only if they look like
 * names and codes.
 */
export function fromProvider(thrown: unknown, provider: string): WebhookError {
  if (isWebhookError(thrown)) {
    const invalid = thrown.code === 'ERR_WEBHOOK_SECRETS_INVALID';
    const message = thrown.message.includes(provider) ? thrown.message : `${provider}: ${thrown.message}`;
    return invalid ? new WebhookError(thrown.code, message) : providerError(message);
  }
  const facts = describe(thrown);
  const what = facts === '' ? '' : ` (${facts})`;
  return providerError(
    `${provider}: loading the secrets failed${what}. Check that the source is there and may be read.`,
  );
}

function describe(thrown: unknown): string {
  try {
    const { name, code } = thrown as { name?: unknown; code?: unknown };
    const facts: string[] = [];
    if (typeof name === 'string' && /^[A-Z][A-Za-z]{0,60}(?:Error|Exception)$/.test(name)) facts.push(name);
    if (typeof code === 'string' && /^E[A-Z_]{2,50}$/.test(code)) facts.push(code);
    if (typeof code === 'number' && Number.isInteger(code) && code >= 0 && code < 1000)
      facts.push(`code ${code}`);
    return facts.join(', ');
  } catch {
    // `undefined` was thrown, or a getter threw.
    return '';
  }
}
