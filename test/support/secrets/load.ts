import {
  isWebhookError,
  type SecretInput,
  type SecretProvider,
  type SecretSetInput,
  type WebhookError,
} from '@countersign/core';

/** Has a provider load once. */
export async function loadSet(provider: SecretProvider): Promise<SecretSetInput> {
  const loaded = await provider.load({ signal: new AbortController().signal, reason: 'manual' });
  if (isWebhookError(loaded)) throw loaded;
  return loaded;
}

/** What a load fails with. */
export async function failureOf(provider: SecretProvider): Promise<WebhookError> {
  const error = await loadSet(provider).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isWebhookError(error)) throw new Error('The load did not fail with a code.', { cause: error });
  return error;
}

/** The secrets of a set as text, by those roles that it has. */
export function rolesOf({ current, previous, next }: SecretSetInput): Record<string, string[]> {
  const roles = Object.entries({ current, previous, next });
  return Object.fromEntries(
    roles.flatMap(([role, listed]) => (listed === undefined ? [] : [[role, [listed].flat().map(textOf)]])),
  );
}

function textOf(given: SecretInput): string {
  const secret = typeof given === 'object' && 'secret' in given ? given.secret : given;
  return typeof secret === 'string' ? secret : Buffer.from(secret).toString('utf8');
}
