import { checkHeaderText, checkPathPart } from '../options.ts';
import { type RotationVendor, VendorError } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import type { RefusedResponse } from './error-details.ts';
import { callVendor, textField } from './http.ts';
import type { Refusal } from './refusals.ts';

// Sources, read on 2026-12-01: https://resend.com/docs/api-reference/webhooks/rotate-signing-secret (both secrets sign for 24 hours),
// https://resend.com/docs/api-reference/errors, https://resend.com/docs/api-reference/introduction (a User-Agent is required), and
// resend 6.38.0 on npm (paths and fields; `GET /webhooks/:id` returns the secret).

/** Options of `vendors.resend()`. */
export interface ResendOptions extends VendorApiOptions {
  /** The webhook, a UUID. */
  webhookId: string;
  /** `re_…`, with full access: a key that may only send emails is refused. */
  apiKey: string | undefined;
}

const OWNER = 'vendors.resend()';
const TOLERANCE_SECONDS = 300;
const DAY_SECONDS = 86_400;
const FULL_ACCESS = 'Use an API key with "Full access".';

/**
 * A webhook at Resend. For 24 hours, every delivery is signed with both secrets. The response contains the new secret, which can
 * also be read, so it is never lost, and every rotation is checked by reading it.
 *
 * Errors: 400 (also for a wrong API key), 401, 403, 404, 429, 500, with Resend's name for the error.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.resend({ webhookId: '4dd369bc-aa82-4ff3-97de-514ae3000ee0', apiKey: process.env.RESEND_API_KEY })
 * ```
 */
export function resend(options: ResendOptions): RotationVendor {
  const api = {
    ...readApi(OWNER, options, {
      name: 'resend',
      baseUrl: 'https://api.resend.com',
      known: ['webhookId', 'apiKey'],
    }),
    headers: {
      Authorization: `Bearer ${checkHeaderText(OWNER, 'apiKey', options.apiKey)}`,
      'User-Agent': 'countersign',
    },
    explain: ({ status, body }: RefusedResponse): Refusal | undefined => {
      if (textField(body, 'name') === 'restricted_api_key') {
        return ['ERR_ROTATION_FORBIDDEN', 'reports that the API key may only send emails', FULL_ACCESS];
      }
      // A wrong key gets 400, too.
      return status === 400
        ? [
            'ERR_ROTATION_REFUSED',
            'reports an error in the call',
            'Check the API key and the id of the webhook.',
          ]
        : undefined;
    },
  };
  const webhookId = checkPathPart(OWNER, 'webhookId', options.webhookId);
  const path = `/webhooks/${webhookId}/signing-secret/rotate`;
  return {
    name: 'resend',
    endpointId: webhookId,
    secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
    retriesRefusals: true,
    graceSeconds: DAY_SECONDS,
    overlapSeconds: TOLERANCE_SECONDS,
    rotateCall: `POST ${api.baseUrl}${path}`,
    async rotate({ signal }) {
      const response = await callVendor(api, { method: 'POST', path, signal });
      return { secret: textField(response, 'signing_secret') };
    },
    async readSecret({ signal }) {
      const response = await callVendor(api, { method: 'GET', path: `/webhooks/${webhookId}`, signal });
      const secret = textField(response, 'signing_secret');
      if (secret !== undefined) return secret;
      throw new VendorError('ERR_ROTATION_ANSWER_INVALID', 'resend did not return the secret.', {
        effect: 'none',
        todo: 'Run again.',
      });
    },
  };
}
