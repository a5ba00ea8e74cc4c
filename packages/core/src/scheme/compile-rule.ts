import { isUtf8 } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHead } from '../request.ts';
import { BodyReader } from './body-reader.ts';
import { compileAnswerTest } from './challenge-answer.ts';
import type { ContentTexts, ContentWriter } from './content-compiler.ts';
import { HeadSource, invalid, readId } from './head-values.ts';
import { describeMatch } from './match.ts';
import type { Message } from './message.ts';
import { parameterOf, queryParameters, signedUrl } from './request-query.ts';
import { coversBody } from './rule-facts.ts';
import type { Key, Match, ParsedHead } from './scheme.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import {
  compileSignatureCheck,
  DIGEST_BYTES,
  keysNamed,
  type Signatures,
  signatureLength,
} from './signature-check.ts';
import { MAX_HEADER_LENGTH } from './signature-header.ts';
import { bodySignatures, headSignatures, isInBody } from './signature-location.ts';
import type { RuleConditions, SignatureRule, TimestampLocation } from './signature-rule.ts';
import { compileContent } from './signed-content.ts';
import { parseSignedTime } from './signed-time.ts';
import { decodeDigest } from './strict-encoding.ts';
import { type SignedUrls, urlVariants } from './url-variants.ts';

const MAX_TIME_LENGTH = 64;
const METHOD = /^[A-Z]{1,16}$/;
const NOTHING_UNSIGNED: Readonly<Record<string, string>> = Object.freeze({});
const NO_URLS: SignedUrls = { first: '', others: [] };
const EMPTY: Message = { feed: () => undefined };
const writeNothing: ContentWriter = () => EMPTY;
const NO_SLOTS: readonly undefined[] = Object.freeze([]);
const NO_TEXTS: ContentTexts = Object.freeze({ timestamp: '', id: '', method: '', slots: NO_SLOTS });

/** What matched, and how it was written. */
interface Matched {
  readonly key: Key;
  readonly write: ContentWriter;
  readonly url: string;
  readonly content: Message;
}

/** A form as a function: `undefined` where the request has no signature of this form. */
export type FormReader = (head: RequestHead) => FormOpened | undefined;

/** A request that has a signature of the form, or, where that stands in the body, may have one. */
export interface FormOpened extends ParsedHead {
  /** `null`: the body holds no signature of this form. Never given where signatures stand in the head. */
  tryBody?(body: Uint8Array, keys: readonly Key[]): Match | undefined | null;
}

/**
 * Makes the function of one form. Everything that can be decided is decided here; a request only looks it up.
 *
 * @param isShared Another form behind this one reads the same header.
 */
export function compileRule(
  form: SignatureRule,
  definition: SchemeDefinition,
  isShared: boolean,
): FormReader {
  const content = form.content === undefined ? undefined : compileContent(form);
  const { alternatives: writings } = content ?? { alternatives: [writeNothing] };
  const prove = compileSignatureCheck(form);
  const context = { scheme: definition.name, length: signatureLength(form), isShared };
  const inBody = isInBody(form);
  const readHead = inBody ? undefined : headSignatures(form, context);
  const readBody = inBody ? bodySignatures(form, context) : undefined;
  const covers = coversBody(form);
  const { timestamp: place, id: idPlace, keyId: keyIdPlace, bodyDigest, arrayLengths } = form;
  const { list } = form.signature;
  const { unsignedHeaders } = definition;
  const isAnswer = compileAnswerTest(definition);
  const isExtensible = beginsWithSecret(form);
  const check = compileConditions(form);

  return (head) => {
    if (check !== undefined && !check(head)) return undefined;
    const found = readHead?.(head);
    if (readHead !== undefined && found === undefined) return undefined;

    const id =
      idPlace === undefined || content === undefined
        ? ''
        : readId(head, idPlace.header, idPlace.format ?? 'text', content.idBorders);
    const timestamp = place === undefined ? '' : readTime(head, place, found?.entry);
    let signedAt: number | undefined;
    if (place !== undefined) {
      signedAt = parseSignedTime(timestamp, place.unit);
      if (signedAt === undefined || (content?.refusesLeadingZero === true && /^0[0-9]*$/.test(timestamp))) {
        throw invalid('The signed timestamp is not in its form.');
      }
    }
    const texts: ContentTexts =
      content === undefined
        ? NO_TEXTS
        : {
            id,
            timestamp,
            method: content.namesMethod ? readMethod(head) : '',
            slots:
              content.readSlots === undefined
                ? NO_SLOTS
                : content.readSlots(new HeadSource(head, found?.text, list)),
          };
    const urls =
      content?.namesUrl === true ? urlVariants(signedUrl(head), form.url, content.urlTouchesBody) : NO_URLS;
    const keyId = keyIdPlace === undefined ? found?.keyIds?.[0] : head.value(keyIdPlace.header);
    const digest = bodyDigest === undefined ? undefined : readDigest(head, bodyDigest);

    const judge = (
      bytes: Uint8Array,
      keys: readonly Key[],
      signatures: Signatures,
      body: BodyReader,
    ): Match | undefined => {
      if (arrayLengths !== undefined) checkArrays(arrayLengths, body);
      if (digest !== undefined && !digest(bytes)) return undefined;
      if (isExtensible && !isUtf8(bytes)) return undefined;
      const candidates = keysNamed(keys, keyIdPlace === undefined ? undefined : keyId);
      const proveFor = (url: string): Matched | undefined => {
        let proof: Matched | undefined;
        for (const write of writings) {
          const content = write(texts, url, body, head);
          const key = prove(candidates, signatures, content);
          if (key !== undefined) proof ??= { key, write, url, content };
        }
        return proof;
      };
      let proof = proveFor(urls.first);
      if (proof === undefined) for (const url of urls.others) proof ??= proveFor(url);
      if (proof === undefined || isAnswer?.(proof.content) === true) return undefined;
      const { key, write, url } = proof;
      return describeMatch(
        {
          key,
          id: idPlace === undefined ? undefined : id,
          body,
          coversBody: covers,
          // As it was signed: of several ways to write a delivery, one alone fits its signature.
          content: () => write({ ...texts, timestamp: '' }, url, body, head),
          readUnsigned: () => readUnsigned(head, unsignedHeaders),
        },
        definition,
      );
    };
    const readerOf = (bytes: Uint8Array) => new BodyReader(bytes, head, definition.multipartField);
    if (found !== undefined) {
      return { signedAt, keyId, match: (bytes, keys) => judge(bytes, keys, found, readerOf(bytes)) };
    }
    const tryBody = (bytes: Uint8Array, keys: readonly Key[]) => {
      const body = readerOf(bytes);
      const inside = readBody?.(body);
      return inside === undefined ? null : judge(bytes, keys, inside, body);
    };
    return { signedAt, keyId, tryBody, match: (bytes, keys) => tryBody(bytes, keys) ?? undefined };
  };
}

function compileConditions({
  when,
  requiredHeaders: guards,
}: RuleConditions): ((head: RequestHead) => boolean) | undefined {
  if (when === undefined && guards === undefined) return undefined;
  const headers = Object.entries(when?.header ?? {});
  const parameters = Object.entries(when?.query ?? {});
  const guarded = Object.entries(guards ?? {});
  const holds = (value: string | undefined, wanted: string | true) =>
    wanted === true ? value !== undefined : value === wanted;
  return (head) => {
    if (!headers.every(([name, wanted]) => holds(head.value(name), wanted))) return false;
    if (parameters.length > 0) {
      const query = queryParameters(head);
      if (!parameters.every(([name, wanted]) => holds(parameterOf(query, name), wanted))) return false;
    }
    for (const [name, wanted] of guarded) {
      if (head.value(name) !== wanted) throw invalid(`The header "${name}" is not what this scheme expects.`);
    }
    return true;
  };
}

/**
 * Whether the secret is hashed ahead of the rest: a hash can be continued by who knows its end, which writes padding behind what was
 * signed. That padding is no UTF-8, and what these senders send is.
 */
function beginsWithSecret({ algorithm, content = '' }: SignatureRule): boolean {
  if (!('hash' in algorithm) || 'publicKey' in algorithm) return false;
  return [content].flat().some((template) => template.startsWith('{secret}'));
}

function readTime(head: RequestHead, place: TimestampLocation, entry: string | undefined): string {
  const { header, entry: label, query } = place;
  if (query !== undefined) {
    const text = parameterOf(queryParameters(head), query);
    if (text === undefined || text.length > MAX_TIME_LENGTH)
      throw invalid(`The request has no well-formed parameter "${query}".`);
    return text;
  }
  if (label !== undefined && entry === undefined) throw invalid('The signature header has no timestamp.');
  const text = header === undefined ? entry : head.value(header);
  if (text === undefined || text.length > MAX_TIME_LENGTH)
    throw invalid(`The request has no well-formed "${header}" header.`);
  if (label !== undefined && entry !== text)
    throw invalid(`The header "${header}" and the timestamp of the signature header differ.`);
  return text;
}

function readMethod({ method }: RequestHead): string {
  if (method === undefined || !METHOD.test(method)) {
    throw invalid('This sender signs the method of a request, and the request has none that can be signed.');
  }
  return method;
}

function readDigest(
  head: RequestHead,
  { hash, encoding, query }: NonNullable<Exclude<SignatureRule['bodyDigest'], undefined>>,
): (body: Uint8Array) => boolean {
  const parameters = queryParameters(head);
  const text = parameterOf(parameters, query);
  // Senders add it at the end. Elsewhere it may be part of a text that somebody wrote and the sender signed.
  if (parameters.at(-1)?.name !== query)
    throw invalid(`The parameter "${query}" is not the last one of the query.`);
  const given = text === undefined ? undefined : decodeDigest(text, encoding, DIGEST_BYTES[hash]);
  if (given === undefined) throw invalid(`The parameter "${query}" is no digest of the body.`);
  return (body) => timingSafeEqual(createHash(hash).update(body).digest(), given);
}

/** What lies beyond the elements that are signed could be anybody's. */
function checkArrays(guards: Readonly<Record<string, number>>, body: BodyReader): void {
  for (const [path, length] of Object.entries(guards)) {
    const array = body.field(path);
    if (!Array.isArray(array) || array.length !== length)
      throw invalid(`The field "${path}" of the body does not have ${length} element(s).`);
  }
}

/** Labels only: what is repeated or odd is left out rather than refused, since nothing is decided by it. */
function readUnsigned(
  head: RequestHead,
  names: SchemeDefinition['unsignedHeaders'],
): Readonly<Record<string, string>> {
  if (names === undefined) return NOTHING_UNSIGNED;
  const found: Record<string, string> = {};
  for (const label of Object.keys(names)) {
    const values = head.values(names[label] ?? '');
    const value = values[0];
    if (values.length === 1 && value !== undefined && value.length <= MAX_HEADER_LENGTH) found[label] = value;
  }
  return found;
}
