import { randomBytes } from 'node:crypto';
import { checkHeaderText, checkNumericId } from '../options.ts';
import type { RotationVendor } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { callVendor } from './http.ts';

// Read on 2026-12-01:
// - the call: https://docs.lemonsqueezy.com/api/webhooks/update-webhook, and npm @lemonsqueezy/lemonsqueezy.js 4.0.0 (updateWebhook),
//   which has the path that the page misprints
// - 6 to 40 characters: https://docs.lemonsqueezy.com/help/webhooks
// - 300 calls a minute, 429, media type: https://docs.lemonsqueezy.com/api
// Assumed: the new secret signs from the next delivery on, and a retry may repeat its first signature.

/** Options of `vendors.lemonSqueezy()`. */
export interface LemonSqueezyOptions extends VendorApiOptions {
  webhookId: number | string;
  /** Sent as `Authorization: Bearer`. A key of the test mode sees only webhooks of the test mode. */
  apiKey: string | undefined;
}

const OWNER = 'vendors.lemonSqueezy()';
const MEDIA_TYPE = 'application/vnd.api+json';
/** The retries come within three minutes. */
const RETRY_SECONDS = 300;
/** 32 characters: Lemon Squeezy accepts at most 40. */
const KEY_BYTES = 24;

/**
 * A webhook of a store at Lemon Squeezy. Lemon Squeezy accepts your own secret, so the new one is published before it signs with
 * it, and there is no gap.
 *
 * Errors: 401, 404, 422, 429.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.lemonSqueezy({ webhookId: 1234, apiKey: process.env.LEMON_SQUEEZY_API_KEY })
 * ```
 */
export function lemonSqueezy(options: LemonSqueezyOptions): RotationVendor {
  const api = {
    ...readApi(OWNER, options, {
      name: 'lemon-squeezy',
      baseUrl: 'https://api.lemonsqueezy.com',
      known: ['webhookId', 'apiKey'],
    }),
    headers: {
      Accept: MEDIA_TYPE,
      'Content-Type': MEDIA_TYPE,
      Authorization: `Bearer ${checkHeaderText(OWNER, 'apiKey', options.apiKey)}`,
    },
    permission: "Use an API key of the webhook's store and mode (test or live).",
  };
  const id = checkNumericId(OWNER, 'webhookId', options.webhookId);
  const path = `/v1/webhooks/${id}`;
  return {
    name: 'lemon-squeezy',
    endpointId: id,
    secret: { encoding: 'utf8' },
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: RETRY_SECONDS,
    rotateCall: `PATCH ${api.baseUrl}${path}`,
    makeKey: () => randomBytes(KEY_BYTES).toString('base64url'),
    async rotate({ key, signal }) {
      const body = { data: { type: 'webhooks', id, attributes: { secret: key } } };
      await callVendor(api, { method: 'PATCH', path, body, signal });
      return { secret: key };
    },
  };
}
