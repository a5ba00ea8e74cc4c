import { type DefinedScheme, defineScheme, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED, UNDOCUMENTED } from './shared-facts.ts';

/** Settings of {@link contentful}. */
export interface ContentfulOptions {
  /**
   * Further headers that your webhook sends and Contentful signs, in lower case, each with the number of semicolons in its value.
   * Default: none.
   */
  readonly headers?: Readonly<Record<string, number>>;
}

const OWN_HEADERS = [
  'content-type',
  'x-contentful-app-id',
  'x-contentful-crn',
  'x-contentful-environment-id',
  'x-contentful-event-datetime',
  'x-contentful-signed-headers',
  'x-contentful-space-id',
  'x-contentful-timestamp',
  'x-contentful-topic',
  'x-contentful-user-id',
  'x-contentful-webhook-name',
] as const;

const scheme = lazily(() => define({}));

function define(headers: Readonly<Record<string, number>>): DefinedScheme {
  return defineScheme({
    name: 'contentful',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-contentful-signature', encoding: 'hex' },
      timestamp: { header: 'x-contentful-timestamp', unit: 'ms' },
      parts: {
        headers: {
          listedHeaders: { header: 'x-contentful-signed-headers' },
          separator: ',',
          pair: '{name}:{value}',
          join: ';',
          allow: [...OWN_HEADERS, ...Object.keys(headers)],
          require: ['x-contentful-signed-headers', 'x-contentful-timestamp'],
          joinCounts: headers,
        },
      },
      content: '{method}\n{path}\n{headers}\n{body}',
    },
    identity: 'content',
    tolerance: { past: 300, future: 300 },
    delivery: UNDOCUMENTED,
    about: {
      sender: 'Contentful',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      sources: [
        'https://www.contentful.com/developers/docs/webhooks/request-verification/',
        'github.com/contentful/node-apps-toolkit src/requests',
      ],
      assumptions: [
        'A retry has a new time, and every other signed header is the same: the sender does not document it.',
        'The names of the signed headers are in lower case and sorted, as its library makes them.',
        RETRIES_UNDOCUMENTED,
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Contentful signs the headers that your webhook adds. Name them: `contentful({ headers: { authorization: 0 } })`.',
        "Contentful's library accepts a time for 30 s and any time in the future; here the tolerance is 300 s each way.",
        'Give Contentful a URL without a query: its library encodes a query twice before it signs it.',
      ],
    },
  });
}

/**
 * Contentful: `x-contentful-signature: <hex>` over method, path, the headers that `x-contentful-signed-headers` lists, and the body.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Needs `publicUrl`: the URL that you gave Contentful.
 * - A delivery that lists a header which is neither Contentful's own nor named in `headers` is refused.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown option, or `headers` that are not names with numbers.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: contentful(), publicUrl, secrets: envSecrets('CONTENTFUL_SIGNING_SECRET') })
 * ```
 */
export function contentful(options: ContentfulOptions = {}): DefinedScheme {
  const { headers = {}, ...unknown } = options;
  const [key] = Object.keys(unknown);
  if (key !== undefined)
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      `contentful() has no option "${key}". It takes "headers".`,
    );
  if (headers === null || typeof headers !== 'object' || Array.isArray(headers))
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      '"headers" of contentful() must be an object: the name of each header with the number of semicolons in its value.',
    );
  return Object.keys(headers).length === 0 ? scheme() : define(headers);
}
