import { createHash } from 'node:crypto';
import { type DefinedScheme, defineScheme, type SchemeDefinition, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';

/** Settings of {@link meta}. */
export interface MetaOptions {
  /** The verify token that you gave to Meta. With it, adapters respond to Meta's check of the URL. It is kept as a hash. */
  readonly verifyToken?: string | undefined;
}

const definition: SchemeDefinition = {
  name: 'meta',
  secret: {
    encoding: 'utf8',
    mistakenFor: {
      EAA: 'an access token of Meta. Paste the app secret',
    },
  },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-hub-signature-256', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  eventType: { bodyField: 'object' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 604_800,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Meta (Facebook, Instagram, Messenger, WhatsApp)',
    confidence: 'sender-docs',
    testedWith: 'published-vectors',
    retryRules: 'documented',
    checkedOn: '2026-12-01',
    notFound:
      'The signature was compared, with published signatures. The page about webhooks was read in part, and retries, timeout and rotation were not found in it.',
    sources: [
      'https://developers.facebook.com/docs/graph-api/webhooks',
      'https://developers.facebook.com/docs/graph-api/webhooks/getting-started',
      'https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks',
    ],
    assumptions: [
      'Deliveries are retried for 36 hours, those of WhatsApp for 7 days: the longer time is used for all.',
    ],
    secretFrom: 'In the App Dashboard under Settings, Basic: the app secret.',
    rotation: 'Resetting the app secret replaces it at once.',
    notes: [
      'The body escapes non-ASCII characters, and the signature covers it as it is sent: only the bytes as received match.',
      'The older X-Hub-Signature (SHA-1) is not read.',
      'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
    ],
  },
};
const scheme = lazily(() => defineScheme(definition));

/**
 * Meta (Facebook, Instagram, Messenger, WhatsApp): `X-Hub-Signature-256: sha256=<hex>` over the body.
 *
 * - Secret: the app secret.
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for up to 7 days; a bad signature gets 401.
 * - With `verifyToken`, every adapter responds to the check of the URL, a GET with `hub.challenge`: route GET to it.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for an empty token.
 * @example
 * ```ts
 * const scheme = meta({ verifyToken: process.env.META_VERIFY_TOKEN })
 * const verifier = createVerifier({ scheme, secrets: envSecrets('META_APP_SECRET') })
 * ```
 */
export function meta({ verifyToken }: MetaOptions = {}): DefinedScheme {
  if (verifyToken === undefined) return scheme();
  if (typeof verifyToken !== 'string' || verifyToken === '') {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      '"verifyToken" of meta() must be the text that you gave to Meta.',
    );
  }
  return defineScheme({
    ...definition,
    handshake: {
      signed: false,
      when: { method: 'GET', query: { 'hub.mode': 'subscribe' } },
      token: { query: 'hub.verify_token', sha256: createHash('sha256').update(verifyToken).digest('hex') },
      challenge: { query: 'hub.challenge', characters: 'word', maxLength: 128 },
      response: { text: '{challenge}' },
    },
  });
}
