import { invalid } from './head-values.ts';
import type { UrlRules } from './signature-rule.ts';

// What RFC 3986 allows in a query: a body's first brace or quote can't be moved to the address ahead of it.
const SIGNED_URL = /^[A-Za-z0-9._~%!$'()*+,;:@/?&=[\]-]{1,8192}$/;

const BRACKET_IN_QUERY = /\?.*[[\]]/;

/** The texts that a sender may have signed for an address. */
export interface SignedUrls {
  readonly first: string;
  /** To be tried where the first one is not what was signed. */
  readonly others: readonly string[];
}

/**
 * @param touchesBody The body follows at once: its first bracket must not be moved to the query ahead of it.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` for an address with characters that no sender signs.
 */
export function urlVariants(url: string, rules: UrlRules | undefined, touchesBody: boolean): SignedUrls {
  if (!SIGNED_URL.test(url) || (touchesBody && BRACKET_IN_QUERY.test(url)))
    throw invalid('The address of the request holds characters that must be percent-encoded.');
  const first = rules?.decode === undefined ? url : decoded(url, rules.decode);
  if (rules?.variants !== 'port') return { first, others: [] };
  return {
    first,
    get others() {
      return withAndWithoutPort(first).filter((text) => text !== first);
    },
  };
}

function decoded(url: string, characters: string): string {
  return url.replace(/%[0-9A-Fa-f]{2}/g, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return characters.includes(character) ? character : encoded;
  });
}

function withAndWithoutPort(url: string): readonly string[] {
  const match = /^(https?:\/\/)([^/?:]+|\[[^\]]+\])(:[0-9]+)?(.*)$/.exec(url);
  if (match === null) return [];
  const [, protocol = '', host = '', port, rest = ''] = match;
  const standard = protocol === 'https://' ? ':443' : ':80';
  return [`${protocol}${host}${rest}`, `${protocol}${host}${port ?? standard}${rest}`];
}
