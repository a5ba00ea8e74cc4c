import type { RequestHead } from '../../request.ts';
import { WebhookError } from '../../webhook-error.ts';

const MAX_PARAMETERS = 1000;

/** One parameter of a query or form body, decoded and as received. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly rawName: string;
  readonly rawValue: string;
}

/**
 * The address as the sender signs it: the one it was given, with the query as received. A sender only adds to the query that it was
 * given; with any other one, signed text from behind the address could be moved into it.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` where the verifier was not told the address; `ERR_WEBHOOK_HEADER_INVALID` for another query.
 */
export function signedUrl(head: RequestHead): string {
  const { publicUrl } = head;
  if (publicUrl === undefined) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      'This sender signs the address it was given: createVerifier() needs it as "publicUrl".',
    );
  }
  const received = queryText(head.url);
  if (received === undefined) return publicUrl;
  const given = queryText(publicUrl);
  if (given !== undefined && received !== given && !received.startsWith(`${given}&`)) {
    throw new WebhookError(
      'ERR_WEBHOOK_HEADER_INVALID',
      'The query of the request does not begin with that of "publicUrl".',
    );
  }
  return `${withoutQuery(publicUrl)}?${received}`;
}

/** An address without its query. */
export function withoutQuery(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? url : url.slice(0, at);
}

/** The path and query of an absolute address. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  return start === -1 ? '/' : url.slice(start);
}

/**
 * The parameters of a request's query, or of the address the sender was given where the request has none.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` where they can't be decoded.
 */
export function queryParameters(head: RequestHead): readonly Parameter[] {
  const text = queryText(head.url) ?? queryText(head.publicUrl);
  const parameters = text === undefined ? [] : parseParameters(text);
  if (parameters === undefined)
    throw new WebhookError('ERR_WEBHOOK_HEADER_INVALID', 'The query of the request is malformed.');
  return parameters;
}

/**
 * The one value of a parameter, or `undefined`.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` where it is repeated.
 */
export function parameterOf(parameters: readonly Parameter[], name: string): string | undefined {
  let found: Parameter | undefined;
  for (const parameter of parameters) {
    if (parameter.name !== name) continue;
    if (found !== undefined)
      throw new WebhookError('ERR_WEBHOOK_HEADER_INVALID', `The request repeats the parameter "${name}".`);
    found = parameter;
  }
  return found?.value;
}

/** Parameters in the order of the text, or `undefined` where a name or value is not UTF-8 under its percent-encoding. */
export function parseParameters(text: string): readonly Parameter[] | undefined {
  const parameters: Parameter[] = [];
  try {
    for (const pair of text.split('&', MAX_PARAMETERS + 1)) {
      if (pair === '') continue;
      if (parameters.length === MAX_PARAMETERS) return undefined;
      const at = pair.indexOf('=');
      const rawName = at === -1 ? pair : pair.slice(0, at);
      const rawValue = at === -1 ? '' : pair.slice(at + 1);
      parameters.push({ name: decode(rawName), value: decode(rawValue), rawName, rawValue });
    }
  } catch {
    return undefined;
  }
  return parameters;
}

function queryText(url: string | undefined): string | undefined {
  const at = url?.indexOf('?') ?? -1;
  return url === undefined || at === -1 ? undefined : url.slice(at + 1);
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return spaced.includes('%') ? decodeURIComponent(spaced) : spaced;
}
