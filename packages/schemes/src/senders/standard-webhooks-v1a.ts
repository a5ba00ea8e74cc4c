import { type DefinedScheme, defineScheme, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';

/** Settings of {@link standardWebhooksV1a}. */
export interface StandardWebhooksV1aOptions {
  /** How the names of the sender's headers begin: as in the specification, or as in Svix. Default: `'webhook'`. */
  readonly headers?: 'webhook' | 'svix';
}

const scheme = lazily(() => define('webhook'));

function define(family: 'webhook' | 'svix'): DefinedScheme {
  return defineScheme({
    name: 'standard-webhooks-v1a',
    secret: { publicKey: 'ed25519', encoding: 'raw-base64', prefix: 'whpk_' },
    signed: {
      algorithm: { publicKey: 'ed25519' },
      signature: {
        header: `${family}-signature`,
        list: { separator: ' ', assign: ',', label: 'v1a' },
        encoding: 'base64',
      },
      timestamp: { header: `${family}-timestamp`, unit: 's' },
      id: { header: `${family}-id` },
      content: '{id}.{timestamp}.{body}',
    },
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 272_105,
      timeoutSeconds: 15,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about: {
      sender: 'Standard Webhooks (v1a, public key)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://www.standardwebhooks.com',
        'github.com/standard-webhooks/standard-webhooks spec/standard-webhooks.md at b2fa7b8',
        'github.com/svix/svix-webhooks server/svix-server/src/worker.rs',
      ],
      assumptions: [
        'The specification shows a schedule of 75.6 hours as an example and recommends timeouts of 15 to 30 s; each sender decides for itself.',
      ],
      rotation:
        'The sender signs with the old and the new key for a while, with two entries in one header. The sender decides for how long.',
      notes: [
        'The secret is the public key, whpk_…: never give a receiver the private key, whsk_…',
        "Svix names its headers svix-*: `standardWebhooksV1a({ headers: 'svix' })`.",
        'Symmetric signatures (v1) in the same header are ignored: standardWebhooks() reads those.',
      ],
    },
  });
}

/**
 * Standard Webhooks with a public key: `webhook-signature: v1a,<base64> …`, Ed25519 over
 * `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Secret: the sender's public key, base64 after `whpk_`.
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown option, or unknown `headers`.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: standardWebhooksV1a(), secrets: envSecrets('WEBHOOK_PUBLIC_KEY') })
 * ```
 */
export function standardWebhooksV1a(options: StandardWebhooksV1aOptions = {}): DefinedScheme {
  const { headers = 'webhook', ...unknown } = options;
  const [key] = Object.keys(unknown);
  if (key !== undefined || (headers !== 'webhook' && headers !== 'svix'))
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      `standardWebhooksV1a() takes "headers", which must be "webhook" or "svix"${key === undefined ? '' : `, and no option "${key}"`}.`,
    );
  return headers === 'webhook' ? scheme() : define(headers);
}
