import { type DefinedScheme, defineScheme, type SignatureRule, WebhookError } from '@countersign/core';
import type { HashName, HashRule, HmacRule } from '@countersign/core/extend';
import { lazily } from '../lazily.ts';

/** Settings of {@link vonageSms}. */
export interface VonageSmsOptions {
  /** The signature method of the account. Default: `'sha256'`. */
  readonly method?: 'md5hash' | 'md5' | 'sha1' | 'sha256' | 'sha512';
}

const schemes = {
  md5hash: lazily(() => define('{parameters}{secret}', { hash: 'md5' })),
  md5: lazily(() => hmac('md5')),
  sha1: lazily(() => hmac('sha1')),
  sha256: lazily(() => hmac('sha256')),
  sha512: lazily(() => hmac('sha512')),
};

function hmac(hash: HashName): DefinedScheme {
  return define('{parameters}', { hmac: hash });
}

function define(content: string, algorithm: HmacRule['algorithm'] | HashRule['algorithm']): DefinedScheme {
  const signed = {
    algorithm,
    signature: { query: 'sig', encoding: 'hex-any' },
    timestamp: { query: 'timestamp', unit: 's' },
    parts: {
      parameters: {
        sorted: 'query',
        pair: '&{name}={value}',
        omit: ['sig'],
        replace: { characters: '&=', with: '_' },
      },
    },
    content,
  } as SignatureRule;
  return defineScheme({
    name: 'vonage-sms',
    secret: { encoding: 'utf8' },
    signed,
    identity: 'content',
    tolerance: { past: 300, future: 300 },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Vonage (SMS)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with published signatures. Looked for, but not found: the page about the retries of SMS, timeout and rotation.',
      sources: [
        'https://developer.vonage.com/en/getting-started/concepts/signing-messages',
        'github.com/Vonage/vonage-node-sdk packages/sms',
      ],
      assumptions: ['The sender documents no tolerance: 300 s each way are assumed.'],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Only deliveries by GET are supported: choose GET in the account. Deliveries by POST are signed in the body.',
        'A retry that repeats its timestamp is refused after 300 s: if you see that, raise `toleranceSeconds`.',
      ],
    },
  });
}

/**
 * Vonage, SMS: the query parameter `sig`, over all others sorted by name.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - Messages and Voice carry a JWT instead: see `@countersign/schemes/jwt`.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for another method.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: vonageSms({ method: 'sha512' }), secrets: envSecrets('VONAGE_SIGNATURE_SECRET') })
 * ```
 */
export function vonageSms({ method = 'sha256' }: VonageSmsOptions = {}): DefinedScheme {
  const scheme = Object.hasOwn(schemes, method) ? schemes[method] : undefined;
  if (scheme !== undefined) return scheme();
  throw new WebhookError(
    'ERR_WEBHOOK_CONFIG_INVALID',
    `"method" of vonageSms() must be one of ${Object.keys(schemes).join(', ')}.`,
  );
}
