import type { RequestHead } from '../request.ts';
import { WebhookError } from '../webhook-error.ts';
import type { ListedHeadersPart, SortedPart } from './content-part.ts';
import { type Parameter, parameterOf, queryParameters } from './request-query.ts';
import { readItem } from './signature-header.ts';
import type { SignatureList } from './signature-rule.ts';
import { compilePair, compileSorted } from './sorted-parameters.ts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,256}$/;
const PRINTABLE_ASCII = /^[\x20-\x7e]{1,1024}$/;
const UUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

/** What a text is read from. The query is parsed once, when it is first asked for. */
export class HeadSource {
  readonly head: RequestHead;
  readonly #signature: string | undefined;
  readonly #list: SignatureList | undefined;
  #query: readonly Parameter[] | undefined;

  constructor(head: RequestHead, signature: string | undefined, list: SignatureList | undefined) {
    this.head = head;
    this.#signature = signature;
    this.#list = list;
  }

  /** The text of an entry of the signature's list. */
  entry(label: string): string | undefined {
    return this.#signature === undefined ? undefined : readItem(this.#signature, this.#list, label);
  }

  get query(): readonly Parameter[] {
    this.#query ??= queryParameters(this.head);
    return this.#query;
  }
}

/** Reads a text of the head; `undefined` where it is absent. */
export type HeadText = (source: HeadSource) => string | undefined;

/** Whether a text can be read in one way only: see {@link unambiguousBetween}. */
export type IsUnambiguous = (text: string) => boolean;

/**
 * Makes the test whether a text can be read in one way only: with the literals beside it, it must not let its border be seen
 * elsewhere. An id `a.1` before `.1700000000.` would sign like the id `a`.
 */
export function unambiguousBetween(before: string, after: string): IsUnambiguous {
  return (text) =>
    (before === '' || (before + text).lastIndexOf(before) === 0) &&
    (after === '' || (text + after).indexOf(after) === text.length);
}

/**
 * The signed id.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function readId(
  head: RequestHead,
  name: string,
  format: 'text' | 'uuid',
  isUnambiguous: IsUnambiguous,
): string {
  const id = head.value(name);
  if (id === undefined) throw invalid(`The request has no "${name}" header, which the signature covers.`);
  if (!VISIBLE_ASCII.test(id))
    throw invalid(`The header "${name}" is not 1 to 256 visible ASCII characters.`);
  if (format === 'uuid' && !UUID.test(id)) throw invalid(`The header "${name}" is no UUID.`);
  if (!isUnambiguous(id)) throw ambiguous(name);
  return id;
}

/** A header's text as received. */
export function headerText(name: string, isUnambiguous: IsUnambiguous): HeadText {
  return ({ head }) => checked(head.value(name), `header "${name}"`, isUnambiguous);
}

/** The decoded value of a query parameter. */
export function queryText(name: string, isUnambiguous: IsUnambiguous): HeadText {
  return ({ query }) => checked(parameterOf(query, name), `parameter "${name}"`, isUnambiguous);
}

/** An entry of the signature's list as received. */
export function entryText(label: string, isUnambiguous: IsUnambiguous): HeadText {
  return (source) => checked(source.entry(label), `entry "${label}" of the signature`, isUnambiguous);
}

/** All query parameters in the order of their names. */
export function sortedQueryText(part: SortedPart): HeadText {
  const write = compileSorted(part);
  return ({ query }) => write(query);
}

/**
 * Headers that the request lists, as far as the definition lets it.
 *
 * @param before The literal ahead of them.
 * @param after The literal behind them.
 */
export function listedHeadersText(part: ListedHeadersPart, before: string, after: string): HeadText {
  const { listedHeaders, separator, join, allow, require: required = [], joinCounts = {} } = part;
  const write = compilePair(part.pair);
  // With the joins counted, the one before the first value and the one behind the last can't be mistaken.
  const isUnambiguous = unambiguousBetween(
    before.endsWith(join) ? '' : before,
    after.startsWith(join) ? '' : after,
  );
  return (source) => {
    const { head } = source;
    const list =
      'entry' in listedHeaders ? source.entry(listedHeaders.entry) : head.value(listedHeaders.header);
    if (list === undefined) return undefined;
    const names = list.split(separator, allow.length + 1);
    const unlisted = required.find((name) => !names.some((each) => each.toLowerCase() === name));
    if (unlisted !== undefined) throw invalid(`The signature must cover the header "${unlisted}".`);
    const text = names
      .map((name) => {
        const lower = name.toLowerCase();
        if (!allow.includes(lower))
          throw invalid('The request lists a header that this scheme does not sign.');
        const value = head.value(lower);
        if (value === undefined || !PRINTABLE_ASCII.test(value))
          throw invalid(`The header "${lower}", which the signature covers, is missing or malformed.`);
        if (value.split(join).length - 1 !== (joinCounts[lower] ?? 0))
          throw invalid(
            `The header "${lower}" holds the separator of the signed headers more or less often than it must: where it ends is not signed.`,
          );
        return write(name, value);
      })
      .join(join);
    if (!isUnambiguous(text)) throw ambiguous('signed headers');
    return text;
  };
}

function checked(text: string | undefined, name: string, isUnambiguous: IsUnambiguous): string | undefined {
  if (text === undefined) return undefined;
  if (!PRINTABLE_ASCII.test(text)) throw invalid(`The ${name} is not 1 to 1024 printable ASCII characters.`);
  if (!isUnambiguous(text)) throw ambiguous(name);
  return text;
}

function ambiguous(name: string): WebhookError {
  return invalid(
    `The text of "${name}" holds the separator of the signed content, which could then be read in two ways.`,
  );
}

/** Makes the error of headers that can't be read. */
export function invalid(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_HEADER_INVALID', message);
}
