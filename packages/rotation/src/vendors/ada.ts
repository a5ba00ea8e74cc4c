import { randomBytes } from 'node:crypto';
import { checkChoice, checkNumber } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import { type RotationVendor, VendorError } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { callVendor, textField } from './http.ts';

/** Options of `vendors.ada()`. */
export interface AdaOptions extends VendorApiOptions {
  /** Your own host at Ada: `https://example.ada.support`. */
  baseUrl: string;
  /** `ep_…` */
  webhookId: string;
  /** Sent as `Authorization: Bearer`. */
  token: string | undefined;
  /**
   * Which side makes the new secret.
   *
   * - `'custom'`, the default: this package. It is published before Ada signs with it, so there is no gap.
   * - `'generated'`: Ada. It is read back after the rotation.
   */
  key?: 'custom' | 'generated';
  /** How long Ada also signs with the replaced secret, in seconds. Ada doesn't say. Default: 86400, as at Svix. */
  graceSeconds?: number;
}

const OWNER = 'vendors.ada()';
const TOLERANCE_SECONDS = 300;
const DAY_SECONDS = 86_400;
const KEY_BYTES = 32;

/**
 * A webhook at Ada. The response to a rotation does not contain the secret, but the secret can be read. So it is never lost, and
 * every rotation is checked by reading it.
 *
 * Ada does not document how long the old secret still signs. Svix, through which Ada sends, signs with both for 24 hours.
 *
 * Errors: 401, 404.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.ada({ baseUrl: 'https://example.ada.support', webhookId: 'ep_2f1', token: process.env.ADA_TOKEN })
 * ```
 */
export function ada(options: AdaOptions): RotationVendor {
  const api = {
    ...readApi(OWNER, options, {
      name: 'ada',
      baseUrl: undefined,
      known: ['webhookId', 'token', 'key', 'graceSeconds'],
    }),
    headers: { Authorization: `Bearer ${checkHeaderText(OWNER, 'token', options.token)}` },
  };
  const key = checkChoice('key', options.key, ['custom', 'generated']);
  const graceSeconds = checkNumber('graceSeconds', options.graceSeconds, {
    min: 0,
    max: 7 * DAY_SECONDS,
    fallback: DAY_SECONDS,
  });
  const webhookId = checkPathPart(OWNER, 'webhookId', options.webhookId);
  const secretPath = `/api/v2/webhooks/${webhookId}/secret/`;
  const path = `${secretPath}rotate/`;
  return {
    name: 'ada',
    endpointId: webhookId,
    secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
    retriesRefusals: true,
    graceSeconds,
    overlapSeconds: TOLERANCE_SECONDS,
    rotateCall: `POST ${api.baseUrl}${path}`,
    ...(key === 'custom' ? { makeKey } : {}),
    async rotate({ key: asked, signal }) {
      const body = asked === undefined ? {} : { key: asked };
      await callVendor(api, { method: 'POST', path, body, signal });
      return { secret: asked };
    },
    async readSecret({ signal }) {
      const secret = textField(await callVendor(api, { method: 'GET', path: secretPath, signal }), 'key');
      if (secret !== undefined) return secret;
      throw new VendorError('ERR_ROTATION_ANSWER_INVALID', 'ada did not return the secret.', {
        effect: 'none',
        todo: 'Run again.',
      });
    },
  };
}

/** In Svix's format for your own keys. */
function makeKey(): string {
  return `whsec_${randomBytes(KEY_BYTES).toString('base64')}`;
}
