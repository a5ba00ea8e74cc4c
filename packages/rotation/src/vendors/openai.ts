import { configError } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import type { RotationVendor } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { fieldAt } from './error-details.ts';
import { callVendor, textField } from './http.ts';

// Read on 2026-12-01:
// - rotate_secret, and that the old secret is valid for 24 hours if asked for:
//   https://developers.openai.com/api/reference/typescript/resources/webhooks/methods/rotate_secret/
// - test: https://developers.openai.com/api/reference/typescript/resources/webhooks/methods/test/
// - header x-request-id: https://developers.openai.com/api/reference/overview
// Assumed: both secrets sign during these 24 hours, as the format of the signature allows. Receivers accept either.

/** Options of `vendors.openai()`. */
export interface OpenaiOptions extends VendorApiOptions {
  /** `whe_…` */
  webhookEndpointId: string;
  /** An API key of the webhook's project, sent as `Authorization: Bearer`. */
  apiKey: string | undefined;
  /**
   * The type of a sample event to send after the rotation: for example `'response.completed'`. **Your handler can't distinguish it
   * from a real event**, so none is sent by default.
   */
  testEvent?: string;
}

const OWNER = 'vendors.openai()';
const TOLERANCE_SECONDS = 300;
const GRACE_SECONDS = 86_400;

/**
 * A webhook endpoint of a project at OpenAI. The response contains the new secret, and the old one stays valid for 24 hours, or
 * not at all with `compromised: true`.
 *
 * Errors: 401, 403, 404, 429, 500.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.openai({ webhookEndpointId: 'whe_123', apiKey: process.env.OPENAI_API_KEY })
 * ```
 */
export function openai(options: OpenaiOptions): RotationVendor {
  const { testEvent } = options;
  const api = {
    ...readApi(OWNER, options, {
      name: 'openai',
      baseUrl: 'https://api.openai.com/v1',
      known: ['webhookEndpointId', 'apiKey', 'testEvent'],
    }),
    headers: { Authorization: `Bearer ${checkHeaderText(OWNER, 'apiKey', options.apiKey)}` },
    permission: "Use an API key of the webhook's project that may manage webhooks.",
  };
  if (testEvent !== undefined && (typeof testEvent !== 'string' || testEvent === '')) {
    throw configError(`"testEvent" of ${OWNER} must be the name of an event type.`);
  }
  const endpointId = checkPathPart(OWNER, 'webhookEndpointId', options.webhookEndpointId);
  const endpoint = `/webhook_endpoints/${endpointId}`;
  const path = `${endpoint}/rotate_secret`;
  return {
    name: 'openai',
    endpointId,
    secret: { encoding: 'base64', prefix: 'whsec_' },
    retriesRefusals: true,
    graceSeconds: GRACE_SECONDS,
    overlapSeconds: TOLERANCE_SECONDS,
    rotateCall: `POST ${api.baseUrl}${path}`,
    async rotate({ signal, compromised }) {
      const body = { keep_old_secret_active_for_24_hours: compromised !== true };
      const response = await callVendor(api, { method: 'POST', path, body, signal });
      return { secret: textField(response, 'signing_secret') };
    },
    ...(testEvent === undefined
      ? {}
      : {
          async test({ signal }) {
            const body = { event_type: testEvent };
            const response = await callVendor(api, {
              method: 'POST',
              path: `${endpoint}/test`,
              body,
              signal,
            });
            const status = fieldAt(response, ['status_code']);
            if (typeof status !== 'number') return { delivered: 'unknown' };
            return { delivered: status >= 200 && status < 300, status };
          },
        }),
  };
}
