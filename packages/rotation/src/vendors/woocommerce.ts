import { checkHeaderText, checkNumericId } from '../options.ts';
import type { RotationVendor } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { fieldAt, type RefusedResponse } from './error-details.ts';
import { callVendor } from './http.ts';
import { makeTextSecret } from './own-secret.ts';
import type { Refusal } from './refusals.ts';

// Read on 2026-12-01:
// - the call, and "secret": https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/
// - what an update changes, and the codes of its errors: WooCommerce's own code,
//   plugins/woocommerce/includes/rest-api/Controllers/Version1/class-wc-rest-webhooks-v1-controller.php
// Assumed: the new secret signs from the next delivery on, because a delivery is signed when it is sent.

/** Options of `vendors.wooCommerce()`. */
export interface WooCommerceOptions extends VendorApiOptions {
  /** The URL of your shop: `https://shop.example`. */
  baseUrl: string;
  webhookId: number | string;
  /** `ck_…`, of a key with the permission Read/Write. */
  consumerKey: string | undefined;
  /** `cs_…` */
  consumerSecret: string | undefined;
}

const OWNER = 'vendors.wooCommerce()';
const OVERLAP_SECONDS = 300;

/**
 * A webhook of a WooCommerce shop. WooCommerce accepts your own secret, so the new one is published before the shop signs with
 * it, and there is no gap. WooCommerce never retries: deliveries would otherwise be lost.
 *
 * Errors: 400 (also for an unknown webhook), 401, 403, 404 (no such API at this URL).
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.wooCommerce({ baseUrl: 'https://shop.example', webhookId: 12, consumerKey, consumerSecret })
 * ```
 */
export function wooCommerce(options: WooCommerceOptions): RotationVendor {
  const own = readApi(OWNER, options, {
    name: 'woocommerce',
    baseUrl: undefined,
    known: ['webhookId', 'consumerKey', 'consumerSecret'],
  });
  const user = checkHeaderText(OWNER, 'consumerKey', options.consumerKey);
  const password = checkHeaderText(OWNER, 'consumerSecret', options.consumerSecret);
  const api = {
    ...own,
    headers: { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
    permission:
      'Use a key with the permission "Read/Write" of a user who may manage webhooks: a shop manager or an administrator.',
    explain,
  };
  const webhookId = checkNumericId(OWNER, 'webhookId', options.webhookId);
  const path = `/wp-json/wc/v3/webhooks/${webhookId}`;
  return {
    name: 'woocommerce',
    endpointId: webhookId,
    secret: { encoding: 'utf8' },
    retriesRefusals: false,
    graceSeconds: 0,
    overlapSeconds: OVERLAP_SECONDS,
    rotateCall: `PUT ${api.baseUrl}${path}`,
    makeKey: makeTextSecret,
    async rotate({ key, signal }) {
      await callVendor(api, { method: 'PUT', path, body: { secret: key }, signal });
      return { secret: key };
    },
  };
}

function explain({ status, body }: RefusedResponse): Refusal | undefined {
  const code = fieldAt(body, ['code']);
  if (status === 400 && code === 'woocommerce_rest_shop_webhook_invalid_id') {
    return ['ERR_ROTATION_NOT_FOUND', 'has no such webhook', "Check the webhook's id."];
  }
  if (status === 401 && code === 'woocommerce_rest_cannot_edit') {
    return ['ERR_ROTATION_FORBIDDEN', 'reports that the credentials have no permission', ''];
  }
  if (status !== 404) return undefined;
  return [
    'ERR_ROTATION_NOT_FOUND',
    'has no such API',
    'Check "baseUrl": it is the URL of the shop, and permalinks must be on.',
  ];
}
