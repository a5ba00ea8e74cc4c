import type { KeyringEvent } from '../events.ts';
import type { WebhookError } from '../webhook-error.ts';

const warned = new Set<string>();
/** A source's own words stand in some messages, and may differ each time: what was said long ago may be said again. */
const MAX_REMEMBERED = 1000;

/** What may be a mistake in the receiver, and the sender must not read about: so the process says it, once. */
export function warnOfSetup(error: WebhookError): void {
  if (warned.has(error.message)) return;
  if (warned.size >= MAX_REMEMBERED) warned.clear();
  warned.add(error.message);
  process.emitWarning(error.message, { code: error.code });
}

/** Two endpoints under one name on one replay store take each other's deliveries. */
export function warnOfSharedEndpoint(endpoint: string): void {
  process.emitWarning(
    `Two verifiers call their endpoint "${endpoint}" on one replay store: what one has handled is a duplicate to the other, and never runs there. Give each endpoint of a sender a name of its own, as "endpoint".`,
    { code: 'COUNTERSIGN_ENDPOINT_SHARED' },
  );
}

/** Without an observer nobody would ever see why a handler fails. */
export function warnOfHandler(endpoint: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`The webhook handler of "${endpoint}" failed: ${text}`, {
    code: 'COUNTERSIGN_HANDLER_FAILED',
  });
}

/** The same for a set of secrets that can't be loaded or used. */
export function warnOfSecrets(event: KeyringEvent): void {
  if (event.type === 'secrets-failed') warnOfSetup(event.error);
}
