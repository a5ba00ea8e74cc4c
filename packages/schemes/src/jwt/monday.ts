import { checkKeys } from '@countersign/core/extend';
import { ONLY_PUBLIC_CODE } from '../senders/shared-facts.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

/** Options of {@link monday}. */
export interface MondayOptions {
  /** The URL that you gave monday.com, which its tokens name as their audience. */
  readonly audience: string;
}

/**
 * monday.com apps: `Authorization: <JWT>`, HS256 under the signing secret of the app. The token identifies the sender but does not cover
 * the body: `webhook.bodyAuthenticated` is `false`.
 *
 * - Time: `exp`, and `iat` if the token has one.
 * - Identity: the body's bytes, which are not signed.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 *
 * Webhooks that are made in the interface or with a personal token are not signed. The challenge that monday.com sends when a webhook
 * is made must be answered before this scheme: it is not signed, and stands in the body.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const scheme = monday({ audience: 'https://example.com/hooks/monday' })
 * const verifier = createVerifier({ scheme, secrets: envSecrets('MONDAY_SIGNING_SECRET') })
 * ```
 */
export function monday(options: MondayOptions): JwtScheme {
  options = checkKeys('monday()', options, ['audience']);
  return defineJwtScheme({
    name: 'monday',
    algorithms: ['HS256'],
    token: { header: 'authorization' },
    // Without the option, an empty list refuses.
    audience: options.audience ?? [],
    required: ['exp'],
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'monday.com',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound: ONLY_PUBLIC_CODE,
      sources: [
        'https://developer.monday.com/apps/docs/integration-authorization',
        'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/bespoke/monday.ts',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The body is not signed: an attacker who sees one request can send others while its token is valid.',
      ],
    },
  });
}
