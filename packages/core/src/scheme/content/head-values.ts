import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHead } from '../../request.ts';
import { headerInvalid, type WebhookError } from '../../webhook-error.ts';
import type {
  ListedHeadersPart,
  SignatureList,
  SignatureRule,
  SortedPart,
} from '../definition/signature-rule.ts';
import { DIGEST_BYTES, decodeDigest, readEntry } from '../signature/read-signatures.ts';
import { isNamed, piecesOfEveryRequest, type TemplatePiece } from './content-template.ts';
import { compilePair, compileSorted, type Parameter, parameterOf, queryParameters } from './request-query.ts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,256}$/;
const PRINTABLE_ASCII = /^[\x20-\x7e]{1,1024}$/;
const METHOD = /^[A-Z]{1,16}$/;
const UUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

/** The header of the signed time, and the text that takes its place if the content identifies a delivery. */
export interface ReplacedHeader {
  readonly header: string;
  readonly text: string;
}

/** The head of one request. Its query is parsed once, when a text of it is first needed. */
export class HeadSource {
  readonly head: RequestHead;
  readonly #signature: string | undefined;
  readonly #list: SignatureList | undefined;
  readonly #replaced: ReplacedHeader | undefined;
  #query: readonly Parameter[] | undefined;

  constructor(
    head: RequestHead,
    signature: string | undefined,
    list: SignatureList | undefined,
    replaced?: ReplacedHeader,
  ) {
    this.head = head;
    this.#signature = signature;
    this.#list = list;
    this.#replaced = replaced;
  }

  /** What the signed content contains instead of a listed header's value; `undefined` if it contains the value. */
  replacementOf(header: string): string | undefined {
    return this.#replaced?.header === header ? this.#replaced.text : undefined;
  }

  /** The text of an entry of the signature's list. */
  entry(label: string): string | undefined {
    return this.#signature === undefined ? undefined : readEntry(this.#signature, this.#list, label);
  }

  get query(): readonly Parameter[] {
    this.#query ??= queryParameters(this.head);
    return this.#query;
  }
}

/** Reads a text of the head. Returns `undefined` if the text is absent. */
export type HeadText = (source: HeadSource) => string | undefined;

/** Whether a text can be read in one way only: see {@link unambiguousBetween}. */
export type IsUnambiguous = (text: string) => boolean;

/** The literals on both sides of a text in the signed content. */
interface Border {
  readonly before: string;
  readonly after: string;
  /** Whether a date follows at once. */
  readonly precedesDate: boolean;
}

const DATE = /[0-9]{4}-[0-9]{2}-[0-9]{2}T|[A-Z][a-z]{2}, [0-9]{2} [A-Z]/;

/**
 * Makes a test of whether a text can be read in one way only: together with the literals beside it, the text must not contain its own
 * border. An id `a.1` before `.1700000000.` would have the same signature as the id `a`.
 */
export function unambiguousBetween(borders: readonly Border[]): IsUnambiguous {
  const tests = [...new Map(borders.map((border) => [JSON.stringify(border), testOf(border)])).values()];
  return (text) => tests.every((test) => test(text));
}

function testOf({ before, after, precedesDate }: Border): IsUnambiguous {
  return (text) =>
    (before === '' || (before + text).lastIndexOf(before) === 0) &&
    (after === '' || (text + after).indexOf(after) === text.length) &&
    !(precedesDate && DATE.test(text));
}

/** The literals that may be on both sides of a part, with and without the brackets beside it. */
export function bordersIn(template: string, rule: SignatureRule, name: string, of = ''): readonly Border[] {
  return piecesOfEveryRequest(template, Object.keys(rule.parts ?? {})).flatMap((pieces) =>
    pieces.flatMap((piece, at) =>
      isNamed(piece, [name]) && (piece.of ?? '') === of
        ? [
            {
              before: literalAt(pieces, at - 1),
              after: literalAt(pieces, at + 1),
              // Before a time that is a number, a text needs a literal: see endIsKnown().
              precedesDate: isNamed(pieces[at + 1], ['timestamp']),
            },
          ]
        : [],
    ),
  );
}

function literalAt(pieces: readonly TemplatePiece[], index: number): string {
  const piece = pieces[index];
  return piece !== undefined && 'literal' in piece ? piece.literal : '';
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
  if (id === undefined)
    throw headerInvalid(`The request has no "${name}" header, which the signature covers.`);
  if (!VISIBLE_ASCII.test(id))
    throw headerInvalid(`The header "${name}" is not 1 to 256 visible ASCII characters.`);
  if (format === 'uuid' && !UUID.test(id)) throw headerInvalid(`The header "${name}" is not a UUID.`);
  if (!isUnambiguous(id)) throw ambiguous(`header "${name}"`);
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

/** The headers that the request lists. It may list only headers that the definition allows. */
export function listedHeadersText(part: ListedHeadersPart, borders: readonly Border[]): HeadText {
  const { listedHeaders, separator, join, allow, require: required = [], joinCounts = {} } = part;
  const write = compilePair(part.pair);
  // The joins are counted, so the one before the first value and the one after the last don't make the text ambiguous.
  const isUnambiguous = unambiguousBetween(
    borders.map((border) => ({
      ...border,
      before: border.before.endsWith(join) ? '' : border.before,
      after: border.after.startsWith(join) ? '' : border.after,
    })),
  );
  return (source) => {
    const { head } = source;
    const list =
      'entry' in listedHeaders ? source.entry(listedHeaders.entry) : head.value(listedHeaders.header);
    if (list === undefined) return undefined;
    const names = list.split(separator, allow.length + 1);
    const unlisted = required.find((name) => !names.some((each) => each.toLowerCase() === name));
    if (unlisted !== undefined) throw headerInvalid(`The signature must cover the header "${unlisted}".`);
    const text = names
      .map((name) => {
        const lower = name.toLowerCase();
        if (!allow.includes(lower))
          throw headerInvalid('The request lists a header that this scheme does not sign.');
        const value = head.value(lower);
        if (value === undefined || !PRINTABLE_ASCII.test(value))
          throw headerInvalid(`The header "${lower}", which the signature covers, is missing or malformed.`);
        if (value.split(join).length - 1 !== (joinCounts[lower] ?? 0))
          throw headerInvalid(
            `The header "${lower}" contains the separator of the signed headers more or less often than "joinCounts" says, so the signature does not show where it ends.`,
          );
        return write(name, source.replacementOf(lower) ?? value);
      })
      .join(join);
    if (!isUnambiguous(text)) throw ambiguous('signed headers');
    return text;
  };
}

function checked(text: string | undefined, name: string, isUnambiguous: IsUnambiguous): string | undefined {
  if (text === undefined) return undefined;
  if (!PRINTABLE_ASCII.test(text))
    throw headerInvalid(`The ${name} is not 1 to 1024 printable ASCII characters.`);
  if (!isUnambiguous(text)) throw ambiguous(name);
  return text;
}

/** Makes the error for a text that contains its own border. */
export function ambiguous(name: string): WebhookError {
  return headerInvalid(
    `The text of the ${name} contains a separator of the signed content, which could then be read in two ways.`,
  );
}

/**
 * The signed method.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function readMethod({ method }: RequestHead): string {
  if (method === undefined || !METHOD.test(method))
    throw headerInvalid(
      'This sender signs the method of a request, but the request has no method that can be signed.',
    );
  return method;
}

/**
 * Makes a test of whether a body has the digest that the query contains.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function readDigest(
  head: RequestHead,
  { hash, encoding, query }: NonNullable<SignatureRule['bodyDigest']>,
): (body: Uint8Array) => boolean {
  const parameters = queryParameters(head);
  const text = parameterOf(parameters, query) ?? '';
  // Senders add it at the end. Elsewhere it may be part of a text that an attacker wrote and the sender signed.
  if (parameters.at(-1)?.name !== query)
    throw headerInvalid(`The parameter "${query}" is not the last one of the query.`);
  const given = decodeDigest(text, encoding, DIGEST_BYTES[hash]);
  if (given === undefined)
    throw headerInvalid(`The parameter "${query}" is not a ${hash} digest in ${encoding}.`);
  return (body) => timingSafeEqual(createHash(hash).update(body).digest(), given);
}
