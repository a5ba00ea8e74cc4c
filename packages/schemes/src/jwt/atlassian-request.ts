import { WebhookError } from '@countersign/core';

/**
 * A request as Atlassian writes it to hash it: method, path below the URL of the app, and sorted query, with `&` between them.
 *
 * @throws `ERR_WEBHOOK_HEADER_INVALID` if the method is missing or the query can't be decoded.
 */
export function atlassianRequest(method: string | undefined, url: string, baseUrl: string): string {
  const [base = '', query = ''] = url.split(/\?(.*)/s, 2);
  if (method === undefined || !/^[A-Za-z]{1,16}$/.test(method) || !isDecodable(query))
    throw new WebhookError(
      'ERR_WEBHOOK_HEADER_INVALID',
      'The method or the query of the request is malformed.',
    );
  return `${method.toUpperCase()}&${pathBelow(pathOf(base), pathOf(baseUrl))}&${sortedQuery(query)}`;
}

function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  return start === -1 ? '' : url.slice(start).replace(/\/$/, '');
}

function pathBelow(path: string, base: string): string {
  const below = path === base || path.startsWith(`${base}/`) ? path.slice(base.length) : path;
  return below === '' ? '/' : below.replaceAll('&', '%26');
}

function sortedQuery(query: string): string {
  const parameters = new URLSearchParams(query);
  // The token itself may be sent as a parameter.
  const names = [...new Set(parameters.keys())].filter((name) => name !== 'jwt').sort();
  return names
    .map((name) => `${encode(name)}=${parameters.getAll(name).sort().map(encode).join(',')}`)
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Two queries that can't be decoded could have the same hash. */
function isDecodable(query: string): boolean {
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}
