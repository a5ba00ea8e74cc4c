import type { SecretProvider } from '@countersign/core';
import { checkKeys, type RequestHead } from '@countersign/core/extend';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { signedUrl } from './claims.ts';
import { type DetachedJwsScheme, detachedJwsScheme, type SignedHead } from './detached-jws.ts';
import { jwksSecrets } from './jwks-secrets.ts';
import { type Claims, malformed } from './token.ts';

const TIME_HEADER = 'x-tl-webhook-timestamp';
const TIME = /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z$/;
const HEADER_NAMES = /^[A-Za-z0-9-]{1,64}(?:,[A-Za-z0-9-]{1,64}){0,15}$/;
const PRINTABLE = /^[\x20-\x7e]{0,1024}$/;
const METHOD = /^[A-Z]{1,16}$/;

const scheme = detachedJwsScheme(
  {
    name: 'truelayer',
    algorithms: ['ES512'],
    header: 'tl-signature',
    freshness: { signed: 'header', past: 300, future: 300 },
    needsPublicUrl: true,
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_200,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'TrueLayer',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Not found: timeout, and whether a retry has a new time.',
      sources: [
        'https://docs.truelayer.com/docs/configure-webhooks-for-your-integration',
        'https://docs.truelayer.com/docs/payments-v3-webhook-notifications',
        'https://docs.truelayer.com/docs/set-up-webhook-notifications-payments-v2',
        'github.com/TrueLayer/truelayer-signing nodejs/src',
      ],
      assumptions: [
        'A retry has a new time, and the tolerance is 300 s each way: the sender documents neither.',
      ],
      rotation: 'TrueLayer publishes its keys as a set and names the key in each signature.',
      notes: [
        'The URL of the keys that a signature names ("jku") is never fetched.',
        "TrueLayer's library also accepts a path with a slash more or less at its end: give TrueLayer exactly your URL.",
      ],
    },
  },
  readHead,
);

/**
 * TrueLayer: `Tl-Signature: <header>..<signature>`, a detached JWS with ES512 over method, path, the signed headers and the body. Its
 * keys come from {@link trueLayerKeys}.
 *
 * - Time: `X-TL-Webhook-Timestamp`, which must be among the signed headers, 300 s.
 * - Identity: method, path and the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 3 days; a bad signature gets 401.
 * - Needs `publicUrl`: the URL that you gave TrueLayer.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: trueLayer(), publicUrl, secrets: trueLayerKeys() })
 * ```
 */
export function trueLayer(): DetachedJwsScheme {
  return scheme;
}

/**
 * The keys that TrueLayer publishes for its webhooks.
 *
 * @param options.sandbox Whether they are the keys of the sandbox. Default: `false`.
 * @param options.fetch Default: `globalThis.fetch`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * createVerifier({ scheme: trueLayer(), publicUrl, secrets: trueLayerKeys({ sandbox: true }) })
 * ```
 */
export function trueLayerKeys(
  options: { readonly sandbox?: boolean; readonly fetch?: LimitedFetch } = {},
): SecretProvider {
  const { sandbox = false, ...others } = checkKeys('trueLayerKeys()', options, ['sandbox', 'fetch']);
  const host = sandbox ? 'webhooks.truelayer-sandbox.com' : 'webhooks.truelayer.com';
  return jwksSecrets(`https://${host}/.well-known/jwks`, { ...others, algorithms: ['ES512'] });
}

/** `POST /path`, then a line for each signed header, as the token names them. */
function readHead(head: RequestHead, { tl_version: version, tl_headers: names }: Claims): SignedHead {
  if (version !== '2') throw malformed('is not of version 2');
  if (typeof names !== 'string' || !HEADER_NAMES.test(names)) throw malformed('lists no signed headers');
  const list = names.split(',');
  const lower = list.map((name) => name.toLowerCase());
  if (!lower.includes(TIME_HEADER) || new Set(lower).size !== lower.length)
    throw malformed(`does not sign the header "${TIME_HEADER}" once`);
  const time = head.value(TIME_HEADER) ?? '';
  const signedAt = TIME.test(time) ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(signedAt)) throw malformed(`has no well-formed time in the header "${TIME_HEADER}"`);
  const lines = list.map((name) => {
    const value = head.value(name.toLowerCase());
    if (value === undefined || !PRINTABLE.test(value))
      throw malformed(`signs the header "${name.toLowerCase()}", which is missing or malformed`);
    return `${name}: ${value}\n`;
  });
  const method = head.method?.toUpperCase() ?? '';
  if (!METHOD.test(method)) throw malformed('is for a method, which the request does not name');
  const url = signedUrl(head);
  const identity = `${method} ${url.slice(url.indexOf('/', url.indexOf('://') + 3))}\n`;
  return { signedAt, before: `${identity}${lines.join('')}`, identity };
}
