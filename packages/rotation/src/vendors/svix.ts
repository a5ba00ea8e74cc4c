import { randomBytes } from 'node:crypto';
import { checkChoice, checkNumber, configError } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import { type RotationVendor, VendorError } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import type { RefusedResponse } from './error-details.ts';
import { callVendor, textField } from './http.ts';
import type { Refusal } from './refusals.ts';

// Sources, read on 2026-12-01: svix 1.99.1 on npm (paths, bodies, regions and `gracePeriodSeconds`; it is generated from Svix's
// OpenAPI document), github.com/svix/svix-webhooks server/svix-server/src/v1/endpoints/endpoint/secrets.rs (204; every key of the last
// 24 hours signs; at most 10 of them, then 400 `limit_reached`), https://docs.svix.com/receiving/verifying-payloads/how-manual.
//
// Assumed: 0 to 7 days are allowed for `gracePeriodSeconds`, as in the server's source.

/** Options of `vendors.svix()`. */
export interface SvixOptions extends VendorApiOptions {
  /** `app_…`, or the uid of the application. */
  appId: string;
  /** `ep_…`, or the uid of the endpoint. */
  endpointId: string;
  /** An API token of the sender, or one of its application portal. Sent as `Authorization: Bearer`. */
  token: string | undefined;
  /**
   * Which side makes the new secret.
   *
   * - `'custom'`, the default: this package. It is published before Svix signs with it.
   * - `'generated'`: Svix. It is read back after the rotation.
   */
  key?: 'custom' | 'generated';
  /** How long Svix also signs with the replaced secret, in seconds, up to 604800. Default: Svix's own, 86400. */
  graceSeconds?: number;
  /** The type of an example event to send after the rotation. Your handler gets it like a real one. Default: none is sent. */
  testEvent?: string;
}

const OWNER = 'vendors.svix()';
const TOLERANCE_SECONDS = 300;
const DAY_SECONDS = 86_400;
const KEY_BYTES = 32;
const REGIONS = new Set(['us', 'eu', 'in', 'ca', 'au']);

/**
 * An endpoint at Svix, or at a sender that runs Svix itself (`baseUrl`). For 24 hours, every delivery is signed with both secrets.
 * The secret can be read, so it is never lost, and every rotation is checked by reading it.
 *
 * Errors: 400, 401, 403, 404, 409, 422, 429, with Svix's code.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.svix({ appId: 'app_1srOrx2ZWZBpBUvZwXKQmoEYga2', endpointId: 'ep_2f1', token: process.env.SVIX_TOKEN })
 * ```
 */
export function svix(options: SvixOptions): RotationVendor {
  const token = checkHeaderText(OWNER, 'token', options?.token);
  const region = token.split('.')[1] ?? '';
  const api = {
    ...readApi(OWNER, options, {
      name: 'svix',
      baseUrl: REGIONS.has(region) ? `https://api.${region}.svix.com` : 'https://api.svix.com',
      known: ['appId', 'endpointId', 'token', 'key', 'graceSeconds', 'testEvent'],
    }),
    headers: { Authorization: `Bearer ${token}` },
    permission: 'Use a token of the sender, or one of the application portal of this application.',
    explain: ({ status, body }: RefusedResponse): Refusal | undefined =>
      status === 400 && textField(body, 'code') === 'limit_reached'
        ? [
            'ERR_ROTATION_RATE_LIMITED',
            'allows 10 rotations in 24 hours',
            'Run again when the first of them is a day ago.',
          ]
        : undefined,
  };
  const key = checkChoice('key', options.key, ['custom', 'generated']);
  const { testEvent } = options;
  if (testEvent !== undefined && (typeof testEvent !== 'string' || testEvent === '')) {
    throw configError(`"testEvent" of ${OWNER} must be the name of an event type.`);
  }
  const graceSeconds = checkNumber('graceSeconds', options.graceSeconds, {
    min: 0,
    max: 7 * DAY_SECONDS,
    fallback: DAY_SECONDS,
  });
  const appId = checkPathPart(OWNER, 'appId', options.appId);
  const endpointId = checkPathPart(OWNER, 'endpointId', options.endpointId);
  const endpointPath = `/api/v1/app/${appId}/endpoint/${endpointId}`;
  const path = `${endpointPath}/secret/rotate`;
  return {
    name: 'svix',
    endpointId,
    secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
    retriesRefusals: true,
    graceSeconds,
    overlapSeconds: TOLERANCE_SECONDS,
    rotateCall: `POST ${api.baseUrl}${path}`,
    ...(key === 'custom' ? { makeKey } : {}),
    async rotate({ key: asked, compromised = false, signal }) {
      const body = {
        ...(asked === undefined ? {} : { key: asked }),
        ...(compromised
          ? { gracePeriodSeconds: 0 }
          : options.graceSeconds === undefined
            ? {}
            : { gracePeriodSeconds: graceSeconds }),
      };
      await callVendor(api, { method: 'POST', path, body, signal });
      return { secret: asked };
    },
    async readSecret({ signal }) {
      const response = await callVendor(api, { method: 'GET', path: `${endpointPath}/secret`, signal });
      const secret = textField(response, 'key');
      if (secret !== undefined) return secret;
      throw new VendorError('ERR_ROTATION_ANSWER_INVALID', 'svix did not return the secret.', {
        effect: 'none',
        todo: 'Run again.',
      });
    },
    ...(testEvent === undefined
      ? {}
      : {
          async test({ signal }) {
            const body = { eventType: testEvent };
            await callVendor(api, { method: 'POST', path: `${endpointPath}/send-example`, body, signal });
            return { delivered: 'unknown' };
          },
        }),
  };
}

/** In Svix's format for your own keys. */
function makeKey(): string {
  return `whsec_${randomBytes(KEY_BYTES).toString('base64')}`;
}
