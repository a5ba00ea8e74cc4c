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
   * Who makes the new secret.
   *
   * - `'custom'`, the default: this package. It is published before Ada signs with it, so there is no gap.
   * - `'generated'`: Ada. It is read back after the rotation.
   */
  key?: 'custom' | 'generated';
  /** How long Ada signs with the replaced secret too, in seconds. Ada doesn't say. Default: 86400, which is Svix's own. */
  graceSeconds?: number;
}

const OWNER = 'vendors.ada()';
const TOLERANCE_SECONDS = 300;
const DAY_SECONDS = 86_400;
const KEY_BYTES = 32;

/**
 * A webhook at Ada. The answer to a rotation does not show the secret, but it can be read: so nothing is ever lost here, and every
 * rotation is checked by reading it.
 *
 * How long the old secret goes on signing is not documented; Svix, which Ada sends through, signs with both for 24 hours.
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
      throw new VendorError('ERR_ROTATION_ANSWER_INVALID', 'ada did not show the secret when asked for it.', {
        effect: 'none',
        todo: 'Run again.',
      });
    },
  };
}

/** In Svix's form for keys of one's own. */
function makeKey(): string {
  return `whsec_${randomBytes(KEY_BYTES).toString('base64')}`;
}
