import { type DefinedScheme, defineScheme, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';

/** Settings of {@link cloudinary}. */
export interface CloudinaryOptions {
  /** The account's setting `signature_algorithm`. Default: `'sha1'`, which is Cloudinary's default. */
  readonly algorithm?: 'sha1' | 'sha256';
}

const schemes = { sha1: lazily(() => define('sha1')), sha256: lazily(() => define('sha256')) };

function define(hash: 'sha1' | 'sha256'): DefinedScheme {
  return defineScheme({
    name: 'cloudinary',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hash },
      signature: { header: 'x-cld-signature', encoding: 'hex' },
      timestamp: { header: 'x-cld-timestamp', unit: 's' },
      content: '{body}{timestamp}{secret}',
    },
    identity: 'body',
    tolerance: { past: 7200, future: 300 },
    eventType: { bodyField: 'notification_type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 1080,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Cloudinary',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Only the signature was compared, with published signatures: retries, timeout and rotation were not read again.',
      sources: [
        'https://cloudinary.com/documentation/notification_signatures',
        'https://cloudinary.com/documentation/notifications',
        'github.com/cloudinary/cloudinary_npm lib/utils/index.js',
      ],
      assumptions: [
        "Timestamps more than 300 s in the future are refused, too: Cloudinary's library accepts any.",
        'Three attempts, 3, 6 and 9 minutes apart.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Cloudinary signs with a plain hash with the secret at its end, not with an HMAC.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  });
}

/**
 * Cloudinary: `X-Cld-Signature: <hex>`, SHA-1 or SHA-256 of `{body}{X-Cld-Timestamp}{API secret}`.
 *
 * - Identity: the body's bytes.
 * - Time: two hours, as in Cloudinary's library.
 * - Delivery: the sender retries after any response other than 2xx, for 18 minutes; a bad signature gets 401.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for another algorithm.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: cloudinary({ algorithm: 'sha256' }), secrets: envSecrets('CLOUDINARY_API_SECRET') })
 * ```
 */
export function cloudinary({ algorithm = 'sha1' }: CloudinaryOptions = {}): DefinedScheme {
  const scheme = Object.hasOwn(schemes, algorithm) ? schemes[algorithm] : undefined;
  if (scheme !== undefined) return scheme();
  throw new WebhookError(
    'ERR_WEBHOOK_CONFIG_INVALID',
    '"algorithm" of cloudinary() must be "sha1" or "sha256".',
  );
}
