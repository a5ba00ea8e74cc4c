import { AsyncLocalStorage } from 'node:async_hooks';
import {
  createVerifier,
  type Verifier,
  type VerifierOptions,
  type WebhookErrorCode,
  type WebhookEvent,
  type WebhookRequest,
} from '@countersign/core';
import { checkFunction, configError, systemClock } from '@countersign/core/extend';
import { explainRequest } from './explain.ts';

/** The refusals that say something about the request. The others are about the receiver, and their messages say enough. */
const EXPLAINED: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_SIGNATURE_MISMATCH',
  'ERR_WEBHOOK_SECRETS_UNCERTAIN',
  'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
  'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
  'ERR_WEBHOOK_SIGNATURE_MISSING',
  'ERR_WEBHOOK_HEADER_INVALID',
]);

/**
 * Whether a refusal with this code says something about the request, so that it can be explained.
 *
 * @example
 * ```ts
 * if (isExplainable(error.code)) console.log((await explain({ scheme, secrets, request })).text())
 * ```
 */
export function isExplainable(code: WebhookErrorCode): boolean {
  return EXPLAINED.has(code);
}

/** More refusals than this wait only under a flood, which needs no explanation. */
const MAX_WAITING = 10;

/** A request that is being verified, with its body as soon as it is read. */
interface Watched {
  readonly request: WebhookRequest;
  body: Uint8Array | undefined;
}

/**
 * Makes a verifier for development that explains each request that it refuses. Use it in place of `createVerifier()`: it takes the same
 * options, every adapter accepts it, and it responds to the sender as any other verifier does.
 *
 * Explaining a refusal takes up to half a second of the process, after the response.
 *
 * @param log Gets each explanation as text of several lines.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if `NODE_ENV` is `production`; what `createVerifier()` throws.
 * @example
 * ```ts
 * const options = { scheme: stripe(), secrets: envSecrets('STRIPE_SECRET') }
 * const verifier = isDevelopment ? explainRefusals(options, console.warn) : createVerifier(options)
 * ```
 */
export function explainRefusals(options: VerifierOptions, log: (text: string) => void): Verifier {
  if (process.env.NODE_ENV === 'production')
    throw configError(
      'explainRefusals() is for development, but NODE_ENV is "production". Use createVerifier() there, and explain() for single requests.',
    );
  if (log === undefined) throw configError('"log" is missing. Pass a function such as console.warn.');
  checkFunction('log', log);
  const watched = new AsyncLocalStorage<Watched>();
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  const explainLater = (code: WebhookErrorCode, { request, body }: Watched) => {
    if (waiting >= MAX_WAITING) return;
    waiting += 1;
    const { scheme, secrets, toleranceSeconds, clock = systemClock } = options;
    const now = clock.now();
    const { method, url, headers } = request;
    const publicUrl = urlFor(options.publicUrl, url);
    // The sender gets its response first.
    last = last
      .then(() => new Promise((resolve) => setImmediate(resolve)))
      .then(() =>
        explainRequest({
          ...{ scheme, secrets, publicUrl, toleranceSeconds, now },
          request: { method, url, headers, body },
          ...(body === undefined ? { code } : {}),
        }),
      )
      .then((explanation) => log(explanation.text()))
      // A log that throws must not end the process.
      .catch(() => undefined)
      .finally(() => {
        waiting -= 1;
      });
  };
  const explaining = (event: WebhookEvent) => {
    const current = watched.getStore();
    if (event.type === 'refused' && current !== undefined && isExplainable(event.code))
      explainLater(event.code, current);
  };
  // What a verifier without an observer warns of.
  const warning = (event: WebhookEvent) => {
    if (event.type === 'secrets-failed') log(event.error.message);
    if (event.type === 'handler-failed')
      log(`The handler of "${event.endpoint}" failed: ${stackOf(event.error)}`);
  };
  const observe = [explaining, options.observe ?? warning].flat();
  const verifier = createVerifier({ ...options, observe });
  return watch(verifier, watched);
}

/** The URL of one request, if a function makes it of the path. */
function urlFor(publicUrl: VerifierOptions['publicUrl'], target: string | undefined): string | undefined {
  if (typeof publicUrl !== 'function') return publicUrl;
  try {
    return publicUrl((target ?? '/').split('?')[0] ?? '/');
  } catch {
    return undefined;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The same verifier, with each request noted while it is being verified. */
function watch(verifier: Verifier, watched: AsyncLocalStorage<Watched>): Verifier {
  const during = <T>(request: WebhookRequest, run: (request: WebhookRequest) => T): T => {
    const current: Watched = { request, body: undefined };
    const { body } = request;
    if (typeof body !== 'function') {
      current.body = body;
      return watched.run(current, () => run(request));
    }
    const noted: WebhookRequest = {
      ...{ method: request.method, url: request.url, headers: request.headers },
      requestId: request.requestId,
      body: async (reserve) => {
        // Requests of adapters are objects with methods.
        current.body = await body.call(request, reserve);
        return current.body;
      },
    };
    return watched.run(current, () => run(noted));
  };
  return {
    scheme: verifier.scheme,
    endpoint: verifier.endpoint,
    ready: () => verifier.ready(),
    verify: (request) => during(request, (noted) => verifier.verify(noted)),
    claim: (webhook) => verifier.claim(webhook),
    receive: (request, options) => during(request, (noted) => verifier.receive(noted, options)),
    handle: (request, handler, options) =>
      during(request, (noted) =>
        verifier.handle(noted, (webhook) => watched.exit(() => handler(webhook)), options),
      ),
    reload: () => verifier.reload(),
    revoke: (keyId) => verifier.revoke(keyId),
    forget: (delivery) => verifier.forget(delivery),
    health: () => verifier.health(),
    close: () => verifier.close(),
    [Symbol.asyncDispose]: () => verifier[Symbol.asyncDispose](),
  };
}
