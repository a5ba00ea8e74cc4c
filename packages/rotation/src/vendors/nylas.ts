import { checkChoice } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import type { RotationVendor } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { fieldAt } from './error-details.ts';
import { callVendor, textField } from './http.ts';

// Read on 2026-12-01:
// - the call, and that the old secret stops at once: https://developer.nylas.com/docs/reference/api/webhook-notifications/post-new-secret/
//   and npm nylas 8.4.0 (webhooks.rotateSecret)
// - three attempts, the last one 10 to 20 minutes after the first:
//   https://developer.nylas.com/docs/cookbook/use-cases/build/retry-failed-webhooks/
// Assumed: a retry may repeat its first signature.

/** Options of `vendors.nylas()`. */
export interface NylasOptions extends VendorApiOptions {
  webhookId: string;
  /** The API key of the application, sent as `Authorization: Bearer`. */
  apiKey: string | undefined;
  /** Which of Nylas' APIs. Default: `'us'`. */
  region?: 'us' | 'eu';
}

const OWNER = 'vendors.nylas()';
/** The longest span of the retries, and some time for the last of them. */
const RETRY_SECONDS = 1800;

/**
 * A webhook destination at Nylas, API version 3. The old secret is invalid at once. The response contains the new one.
 *
 * Nylas does not document which statuses it retries. So the announcement must reach the instances before Nylas is called: then
 * every delivery that matches no key gets 503, without a limit.
 *
 * Errors: 400 (also for an unknown webhook), 401, 404, 429.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.nylas({ webhookId, apiKey: process.env.NYLAS_API_KEY, region: 'eu' })
 * ```
 */
export function nylas(options: NylasOptions): RotationVendor {
  const region = checkChoice('region', options?.region, ['us', 'eu']);
  const api = {
    ...readApi(OWNER, options, {
      name: 'nylas',
      baseUrl: `https://api.${region}.nylas.com`,
      known: ['webhookId', 'apiKey', 'region'],
    }),
    headers: { Authorization: `Bearer ${checkHeaderText(OWNER, 'apiKey', options.apiKey)}` },
    permission: "Use an API key of the webhook's application.",
  };
  const webhookId = checkPathPart(OWNER, 'webhookId', options.webhookId);
  const path = `/v3/webhooks/rotate-secret/${webhookId}`;
  return {
    name: 'nylas',
    endpointId: webhookId,
    secret: { encoding: 'utf8' },
    retriesRefusals: false,
    graceSeconds: 0,
    overlapSeconds: RETRY_SECONDS,
    rotateCall: `POST ${api.baseUrl}${path}`,
    async rotate({ signal }) {
      const response = await callVendor(api, { method: 'POST', path, body: {}, signal });
      return { secret: textField(fieldAt(response, ['data']), 'webhook_secret') };
    },
  };
}
