import { checkKeys } from '@countersign/core/extend';
import { ONLY_200 } from '../senders/shared-facts.ts';
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
 * - Delivery: the sender retries after any response other than 200, for 30 minutes; a bad token gets 401.
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
    delivery: {
      retries: 'any-failure',
      // Every minute for 30 minutes.
      retrySpanSeconds: 1800,
      timeoutSeconds: 180,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'monday.com',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Not found: whether a retry has a new token, and what happens to a replaced secret.',
      sources: [
        'https://developer.monday.com/apps/docs/integration-authorization',
        'https://developer.monday.com/apps/changelog/clarification-on-retry-policies-for-webhooks-and-custom-actions',
        'https://developer.monday.com/apps/changelog/webhook-integration-new-3-minute-timeout-policy',
        'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/bespoke/monday.ts',
      ],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'monday.com counts every status but 200 as a failure: respond with 200.',
        'The body is not signed: an attacker who sees one request can send others while its token is valid.',
      ],
    },
  });
}
