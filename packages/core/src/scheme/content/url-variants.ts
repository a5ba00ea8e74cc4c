import { headerInvalid } from '../../webhook-error.ts';
import type { UrlRules } from '../definition/signature-rule.ts';

// The characters that RFC 3986 allows. The brace and the quotation mark with which a JSON body may begin are not among them.
const SIGNED_URL = /^[A-Za-z0-9._~%!$'()*+,;:@/?&=[\]-]{1,8192}$/;
const URL_CHARACTER = /[A-Za-z0-9._~%!$'()*+,;:@/?&=-]/;
const BRACKET_IN_QUERY = /\?.*[[\]]/;

/** Whether a URL consists of characters that senders sign. */
export function isSignableUrl(url: string): boolean {
  return SIGNED_URL.test(url);
}

/** A URL as the sender may have signed it. */
export interface SignedUrl {
  readonly text: string;
  /** The same for `publicUrl` alone. A request can only add a query to it. */
  readonly given: string;
}

/** The texts that a sender may have signed for a URL. */
export interface SignedUrls {
  readonly first: SignedUrl;
  /** To be tried if the first one is not what the sender signed. */
  readonly others: readonly SignedUrl[];
}

/**
 * Returns the texts that the sender may have signed for a URL.
 *
 * @param url The URL with the query of the request.
 * @param given The verifier's `publicUrl`.
 * @param touchesBody Whether the body is right beside the URL. Then its first bracket must not be moved to the query.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` if the URL contains characters that no sender signs.
 */
export function urlVariants(
  url: string,
  given: string,
  rules: UrlRules | undefined,
  touchesBody: boolean,
): SignedUrls {
  if (!SIGNED_URL.test(url) || (touchesBody && BRACKET_IN_QUERY.test(url)))
    throw headerInvalid('The URL of the request contains characters that must be percent-encoded.');
  const { decode } = rules ?? {};
  const textOf = (text: string) => (decode === undefined ? text : decoded(text, decode));
  const first = { text: textOf(url), given: textOf(given) };
  return {
    first,
    get others() {
      const spellings = [
        first,
        ...APOSTROPHES.map((respell) => mapped({ text: url, given }, respell, textOf)),
      ];
      const all = rules?.variants === 'port' ? spellings.flatMap(portSpellings) : spellings;
      return all.filter(({ text }, at) => at > 0 && text !== first.text);
    },
  };
}

/**
 * A Web `Request` writes "'" in a query as "%27", whatever the sender sent and signed, and some senders sign the one although they send
 * the other. Both stand for the same text.
 */
const APOSTROPHES = [
  (query: string) => query.replaceAll('%27', "'"),
  (query: string) => query.replaceAll("'", '%27'),
] as const;

function mapped(
  { text, given }: SignedUrl,
  respell: (query: string) => string,
  textOf: (url: string) => string,
): SignedUrl {
  const each = (url: string) => {
    const at = url.indexOf('?');
    return textOf(at === -1 ? url : url.slice(0, at) + respell(url.slice(at)));
  };
  return { text: each(text), given: each(given) };
}

function portSpellings(url: SignedUrl): readonly SignedUrl[] {
  const givens = withAndWithoutPort(url.given);
  return [url, ...withAndWithoutPort(url.text).map((text, at) => ({ text, given: givens[at] ?? url.given }))];
}

/**
 * Checks that the signed content shows where a URL ends. If the URL is `publicUrl`, its end is known. A query that the request adds to it
 * ends at the first character that no URL contains.
 *
 * @param next What follows the URL in the signed content.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function checkUrlBorder({ text, given }: SignedUrl, next: Uint8Array, kind: 'body' | 'form'): void {
  const first = next[0];
  if (first === undefined) return;
  const character = String.fromCharCode(first);
  const isClear =
    text === given
      ? character !== (given.includes('?') ? '&' : '?')
      : !URL_CHARACTER.test(character) || (kind === 'form' && /[A-Za-z_]/.test(character));
  if (!isClear)
    throw headerInvalid(
      'The signed content does not show where the URL ends and the body begins: text could be moved between the two.',
    );
}

/**
 * The same for a URL after a body.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function checkBodyBorder(body: Uint8Array, { given }: SignedUrl): void {
  const last = body.at(-1);
  if (last === undefined || !URL_CHARACTER.test(String.fromCharCode(last))) return;
  if (Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes(given))
    throw headerInvalid(
      'The signed content does not show where the body ends and the URL begins: text could be moved between the two.',
    );
}

function decoded(url: string, characters: string): string {
  return url.replace(/%[0-9A-Fa-f]{2}/g, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return characters.includes(character) ? character : encoded;
  });
}

function withAndWithoutPort(url: string): readonly string[] {
  const match = /^(https?:\/\/(?:[^/?@]*@)?)([^/?:@[]+|\[[^\]]+\])(:[0-9]+)?(.*)$/.exec(url);
  if (match === null) return [];
  const [, protocol = '', host = '', port, rest = ''] = match;
  const standard = protocol.startsWith('https:') ? ':443' : ':80';
  return [`${protocol}${host}${rest}`, `${protocol}${host}${port ?? standard}${rest}`];
}
