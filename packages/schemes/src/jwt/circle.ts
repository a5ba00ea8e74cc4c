import { type DefinedScheme, defineScheme, type SecretProvider, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { type KeysByIdOptions, keysById } from '../remote/keys-by-id.ts';
import { fitsAlgorithm } from './jwt-algorithm.ts';
import { pemOf, publicKeyOfText } from './public-jwk.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'circle',
    secret: { publicKey: 'ecdsa-p256', encoding: 'pem' },
    signed: {
      algorithm: { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'der' },
      signature: { header: 'x-circle-signature', encoding: 'base64' },
      keyId: { header: 'x-circle-key-id' },
      content: '{body}',
    },
    identity: { bodyField: 'notificationId' },
    delivery: {
      retries: 'any-failure',
      // 1 s + 10 s + 30 s + 1 min + 15 min + 1 h + 3 h + 5 h + 6 h + 10 h + 11 h.
      retrySpanSeconds: 130_601,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Circle',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: "Of the sender's own pages, only the one about retries was compared.",
      sources: [
        'https://developers.circle.com/wallets/webhook-notifications',
        'https://developers.circle.com/cpn/references/webhook-retries',
      ],
      assumptions: [
        "The body's notificationId is the same in every try: the name says so.",
        'Retries are those of the payments network, which is the only product whose retries are documented.',
      ],
      rotation: 'A new key signs under a new id. Known keys are asked for again at each reload.',
      notes: ['Notifications of version 1 come through Amazon SNS: awsSns() is for them.'],
    },
  }),
);

/**
 * Circle: `X-Circle-Signature: <base64>`, ECDSA over the body, under the key that `X-Circle-Key-Id` names. Its keys come from
 * {@link circleKeys}.
 *
 * - Identity: the body's `notificationId`.
 * - Delivery: the sender retries after any response other than 2xx, for 36 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: circle(), secrets: circleKeys({ fetchKey }) })
 * ```
 */
export function circle(): DefinedScheme {
  return scheme();
}

/** The `data` that Circle's `/v2/notifications/publicKey/{id}` returns. */
export interface CircleKey {
  readonly id?: string;
  readonly algorithm?: string;
  readonly publicKey?: string;
}

/**
 * Circle's keys, each fetched by its id when a delivery first names it. Your function fetches it, because that needs your API key.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const secrets = circleKeys({
 *   fetchKey: async (id, { signal }) => {
 *     const response = await fetch(`https://api.circle.com/v2/notifications/publicKey/${id}`, { headers, signal })
 *     return response.ok ? (await response.json()).data : undefined
 *   },
 * })
 * ```
 */
export function circleKeys(options: KeysByIdOptions<CircleKey>): SecretProvider {
  return keysById('circleKeys()', options, readKey);
}

function readKey({ id, algorithm, publicKey }: CircleKey, keyId: string): string {
  const key = typeof publicKey === 'string' ? publicKeyOfText(publicKey) : undefined;
  if (
    key !== undefined &&
    fitsAlgorithm(key, 'ES256') &&
    algorithm === 'ECDSA_SHA_256' &&
    (id ?? keyId) === keyId
  )
    return pemOf(key);
  throw new WebhookError(
    'ERR_WEBHOOK_PROVIDER_FAILED',
    '"fetchKey" did not return an ECDSA_SHA_256 key with the requested id. Return the "data" of Circle\'s response.',
  );
}
