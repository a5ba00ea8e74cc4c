import { configError } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import type { RotationVendor } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { callVendor, textField } from './http.ts';

/** Options of `vendors.anchorBrowser()`. */
export interface AnchorBrowserOptions extends VendorApiOptions {
  /** `wh_…` */
  webhookId: string;
  /** Sent as `anchor-api-key`. */
  apiKey: string | undefined;
  /**
   * The type of a test event to send after the rotation: for example `'session.completed'`. **Your handler can't distinguish it
   * from a real event**, so none is sent by default. `rotate()` sees its arrival through `health`.
   */
  testEvent?: string;
}

const OWNER = 'vendors.anchorBrowser()';
const TOLERANCE_SECONDS = 120;
const GRACE_SECONDS = 86_400;

/**
 * A webhook at Anchor Browser. The old secret stays valid for 24 hours, and the response contains the new one. Anchor Browser
 * does not document which of the two signs in that time: receivers accept both.
 *
 * Errors: 404, 500; a wrong API key is assumed to get 401.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.anchorBrowser({ webhookId: 'wh_01HXJ4MZ7K9P3Q6R8S2T4V5W7Y', apiKey: process.env.ANCHOR_API_KEY })
 * ```
 */
export function anchorBrowser(options: AnchorBrowserOptions): RotationVendor {
  const { testEvent } = options;
  const api = {
    ...readApi(OWNER, options, {
      name: 'anchor-browser',
      baseUrl: 'https://api.anchorbrowser.io',
      known: ['webhookId', 'apiKey', 'testEvent'],
    }),
    headers: { 'anchor-api-key': checkHeaderText(OWNER, 'apiKey', options.apiKey) },
  };
  if (testEvent !== undefined && (typeof testEvent !== 'string' || testEvent === '')) {
    throw configError(`"testEvent" of ${OWNER} must be the name of an event type.`);
  }
  const webhookId = checkPathPart(OWNER, 'webhookId', options.webhookId);
  const path = `/v1/webhooks/${webhookId}/rotate-secret`;
  return {
    name: 'anchor-browser',
    endpointId: webhookId,
    secret: { encoding: 'utf8' },
    retriesRefusals: true,
    graceSeconds: GRACE_SECONDS,
    overlapSeconds: TOLERANCE_SECONDS,
    rotateCall: `POST ${api.baseUrl}${path}`,
    async rotate({ signal }) {
      const response = await callVendor(api, { method: 'POST', path, signal });
      return { secret: textField(response, 'secret') };
    },
    ...(testEvent === undefined
      ? {}
      : {
          async test({ signal }) {
            await callVendor(api, {
              method: 'POST',
              path: `/v1/webhooks/${webhookId}/test`,
              body: { event_type: testEvent },
              signal,
            });
            return { delivered: 'unknown' };
          },
        }),
  };
}
