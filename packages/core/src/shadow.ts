import {
  type AdapterOptions,
  type BodySource,
  readAdapterOptions,
  type VerifierSource,
} from './adapter-options.ts';
import { readObserver } from './events.ts';
import type { WebhookRequest } from './request.ts';
import { configError } from './util/options.ts';
import { warn } from './util/warnings.ts';
import { isWebhookError, type WebhookErrorCode } from './webhook-error.ts';

/** What `shadow()` found out about a request, which it let pass in any case. Contains no secret, no computed signature and no body. */
export interface ShadowReport {
  /**
   * What the adapter would do with the request. `unchecked`: it can't be said, because the body was read before `shadow()` or not to its
   * end, or because a function of yours failed.
   */
  readonly outcome: 'accepted' | 'refused' | 'handshake' | 'unchecked';
  /** The verifier's endpoint. `undefined` if no verifier was found. */
  readonly endpoint: string | undefined;
  /** For `refused` and `unchecked`: why. */
  readonly code?: WebhookErrorCode | undefined;
  /** For `refused`: the status that the sender would get. */
  readonly status?: number | undefined;
  /** For `refused` and `unchecked`: what to change, for the operator. */
  readonly message?: string | undefined;
  /** What `identifyRequest` returned for the request. */
  readonly request?: string | undefined;
}

/** The options of every adapter's `shadow()`. They mean what they mean for the adapter. */
export type ShadowOptions<Request, Context extends unknown[] = []> = Pick<
  AdapterOptions<Request, Context>,
  'maxBodyBytes' | 'contentEncoding' | 'rawBody' | 'identifyRequest' | 'observe'
>;

/** Judges one request and reports the outcome. It never rejects, and it does not wait for the report. */
export type Shadow<Request, Context extends unknown[]> = (
  head: Pick<WebhookRequest, 'method' | 'url' | 'headers'>,
  body: BodySource,
  request: Request,
  ...context: Context
) => Promise<void>;

/** The body could not be seen, so nothing is known of its signature. */
const UNCHECKED: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_BODY_CONSUMED',
  'ERR_WEBHOOK_BODY_INCOMPLETE',
]);

/**
 * Returns the function that judges requests without refusing any: the common part of every adapter's `shadow()`. Warns that nothing is
 * enforced.
 *
 * @param owner The function's name in messages: `shadow() of @countersign/express`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * const judge = createShadow('shadow()', verifier, report, options)
 * void judge({ method, url, headers }, { read: (limits) => readCopy(request, limits) }, request)
 * ```
 */
export function createShadow<Request, Context extends unknown[] = []>(
  owner: string,
  source: VerifierSource<Request, Context>,
  report: (report: ShadowReport) => unknown,
  options?: ShadowOptions<Request, Context>,
): Shadow<Request, Context> {
  const settings = readAdapterOptions(owner, source, options);
  if (typeof report !== 'function') throw configError(`${owner} needs a function that gets the reports.`);
  const tell = readObserver<ShadowReport>(report);
  const where = typeof source === 'function' ? 'your endpoints' : `"${source.endpoint}"`;
  warn(
    `${owner} lets every request to ${where} pass without verification, and only reports what would be refused. Replace it with the adapter once the reports are right.`,
    'COUNTERSIGN_SHADOW',
  );
  return async (head, body, request, ...context) => {
    const requestId = settings.identify?.(request, ...context);
    let endpoint: string | undefined;
    try {
      const verifier = await settings.choose(request, ...context);
      endpoint = verifier.endpoint;
      const received = await verifier.receive(
        {
          ...head,
          requestId,
          body: (reserve) => settings.body(verifier, body, reserve, request, ...context),
        },
        { claim: 'manual' },
      );
      // Nothing was claimed in the store: this only ends the claim's timer.
      if (received.state === 'claimed') await received.claim.release();
      const outcome = received.state === 'handshake' ? 'handshake' : 'accepted';
      tell?.({ outcome, endpoint, request: requestId });
    } catch (error) {
      const { code, status, message } = isWebhookError(error) ? error : {};
      const isUnchecked = code === undefined || UNCHECKED.has(code);
      tell?.({
        outcome: isUnchecked ? 'unchecked' : 'refused',
        endpoint,
        code,
        status: isUnchecked ? undefined : status,
        message: message ?? (error instanceof Error ? error.message : String(error)),
        request: requestId,
      });
    }
  };
}
