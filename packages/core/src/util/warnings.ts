import type { WebhookError } from '../webhook-error.ts';
import { pageOfCode } from './docs.ts';

const warned = new Set<string>();
/** Some messages contain text from a source, which may differ each time. After this many messages, earlier ones may be repeated. */
const MAX_REMEMBERED = 1000;

/** Warns once about a likely mistake in the receiver. The sender must not see it, so it is a process warning. */
export function warnOfSetup(error: WebhookError): void {
  warnOnce(error.message, error.code);
}

/** Warns once with a message. */
function warnOnce(message: string, code: string): void {
  if (warned.has(message)) return;
  if (warned.size >= MAX_REMEMBERED) warned.clear();
  warned.add(message);
  warn(message, code);
}

/** Two endpoints with the same name on one replay store treat each other's deliveries as duplicates. */
export function warnOfSharedEndpoint(endpoint: string): void {
  warn(
    `Two verifiers use the endpoint name "${endpoint}" on one replay store. What one has handled counts as a duplicate for the other and never runs there. Give each verifier its own "endpoint".`,
    'COUNTERSIGN_ENDPOINT_SHARED',
  );
}

let saidDuplicate = false;

/** Says it once: a developer who sends a delivery again would otherwise look for the reason why nothing runs. */
export function warnOfDuplicate(endpoint: string): void {
  if (saidDuplicate || process.env.NODE_ENV === 'production') return;
  saidDuplicate = true;
  warn(
    `A delivery to "${endpoint}" is a duplicate of one that was handled before, so it was not run, and the sender got 200. To run it again on purpose, call verifier.forget(webhook.id) first: see "Running a delivery again" in the documentation. Further duplicates are not reported; pass "observe" to see them.`,
    'COUNTERSIGN_DUPLICATE',
  );
}

/** Without an observer, the operator would never see why a handler fails. */
export function warnOfHandler(endpoint: string, error: unknown): void {
  warn(`The webhook handler of "${endpoint}" failed: ${traceOf(error)}`, 'COUNTERSIGN_HANDLER_FAILED');
}

/** Without an observer, the operator would never see that payloads don't fit. */
export function warnOfPayload(endpoint: string, paths: readonly string[], error: unknown): void {
  const reason =
    error === undefined
      ? ['does not fit "schema"', ...paths].join(' ')
      : `made "schema" throw: ${traceOf(error)}`;
  warnOnce(`The payload of a webhook for "${endpoint}" ${reason}`, 'COUNTERSIGN_PAYLOAD_INVALID');
}

/** Without an observer, the operator would never see that a set of secrets can't be loaded or used. */
export function warnOfSecrets(event: { readonly type: string; readonly error?: WebhookError }): void {
  if (event.type === 'secrets-failed' && event.error !== undefined) warnOfSetup(event.error);
}

/** An observer that fails once will fail again, so its owner learns of it once. */
export function warnOfObserver(error: unknown): void {
  warn(
    `An observer of webhook events failed; the deliveries went on: ${traceOf(error)}`,
    'COUNTERSIGN_OBSERVER_FAILED',
  );
}

function traceOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Warns the operator. Node writes the link to the code's page on a line of its own. */
export function warn(message: string, code: string): void {
  process.emitWarning(message, { code, detail: `See ${pageOfCode(code)}` });
}
