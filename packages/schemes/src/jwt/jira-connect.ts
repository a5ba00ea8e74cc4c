import { checkKeys } from '@countersign/core/extend';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

/** Options of {@link jiraConnect}. */
export interface JiraConnectOptions {
  /** The URL of your app, as its descriptor names it ("baseUrl"). */
  readonly baseUrl: string;
}

/**
 * Atlassian Connect apps (Jira, Confluence): `Authorization: JWT <token>`, HS256 under the shared secret of an installation. The token
 * covers method, path and query, but not the body: `webhook.bodyAuthenticated` is `false`.
 *
 * - Time: `iat`, 300 s, and `exp`.
 * - Identity: method, path and query, which are signed, and the body's bytes, which are not.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 * - Keys: each installation has its own secret. Give each secret the `clientKey` of the installation as `id`.
 * - Needs `publicUrl`: the URL of the webhook.
 *
 * Tokens for pages in a browser, whose "qsh" is "context-qsh", are refused. Requests of the installation itself are signed with
 * Atlassian's own key: this scheme is not for them.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const scheme = jiraConnect({ baseUrl: 'https://app.example.com' })
 * const secrets = { current: { id: clientKey, secret: sharedSecret } }
 * const verifier = createVerifier({ scheme, publicUrl: 'https://app.example.com/webhooks/issue', secrets })
 * ```
 */
export function jiraConnect(options: JiraConnectOptions): JwtScheme {
  options = checkKeys('jiraConnect()', options, ['baseUrl']);
  return defineJwtScheme({
    name: 'jira-connect',
    algorithms: ['HS256'],
    token: { header: 'authorization', prefix: 'JWT ' },
    keyId: 'iss',
    required: ['exp'],
    requestHash: { claim: 'qsh', baseUrl: options.baseUrl },
    time: 'iat',
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Atlassian Connect (Jira, Confluence)',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      sources: [
        'https://developer.atlassian.com/cloud/jira/platform/understanding-jwt-for-connect-apps/',
        'https://www.npmjs.com/package/atlassian-jwt',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation:
        'A new installation of the app brings a new secret; the sender does not document a grace period.',
      notes: [
        'The body is not signed: an attacker who sees one request can send other bodies to the same URL for a few minutes.',
      ],
    },
  });
}
