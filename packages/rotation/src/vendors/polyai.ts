import { checkChoice } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import type { RotationVendor } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { callVendor, textField } from './http.ts';

/** Options of `vendors.polyai()`. */
export interface PolyaiOptions extends VendorApiOptions {
  /** `whe_…` */
  endpointId: string;
  /** Sent as `x-api-key`. */
  apiKey: string | undefined;
  /** Which of PolyAI's APIs. Default: `'us'`. */
  region?: 'us' | 'uk' | 'eu';
}

const OWNER = 'vendors.polyai()';
const TOLERANCE_SECONDS = 300;

/**
 * A webhook endpoint at PolyAI. The old secret is invalid at once. The response contains the new one.
 *
 * Errors: 401, 404, 422, 500.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.polyai({ endpointId: 'whe_9ZtRcXw3nByK5pVqMaEfJs', apiKey: process.env.POLYAI_API_KEY, region: 'uk' })
 * ```
 */
export function polyai(options: PolyaiOptions): RotationVendor {
  const region = checkChoice('region', options?.region, ['us', 'uk', 'eu']);
  const api = {
    ...readApi(OWNER, options, {
      name: 'polyai',
      baseUrl: `https://api.${region}.poly.ai`,
      known: ['endpointId', 'apiKey', 'region'],
    }),
    headers: { 'x-api-key': checkHeaderText(OWNER, 'apiKey', options.apiKey) },
  };
  const endpointId = checkPathPart(OWNER, 'endpointId', options.endpointId);
  const path = `/v1/webhook-endpoints/${endpointId}/rotate-secret`;
  return {
    name: 'polyai',
    endpointId,
    secret: { encoding: 'utf8' },
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: TOLERANCE_SECONDS,
    rotateCall: `POST ${api.baseUrl}${path}`,
    async rotate({ signal }) {
      const response = await callVendor(api, { method: 'POST', path, signal });
      return { secret: textField(response, 'signing_secret') };
    },
  };
}
