import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { RequestHead } from '../request.ts';
import { headerInvalid } from '../webhook-error.ts';
import { BodyReader } from './content/body-reader.ts';
import {
  type ContentTexts,
  type ContentWriter,
  compileContent,
  endOf,
  type Message,
} from './content/content-compiler.ts';
import {
  HeadSource,
  parseSignedTime,
  readDigest,
  readId,
  readMethod,
  readTime,
} from './content/head-values.ts';
import { parameterOf, queryParameters, signedUrl } from './content/request-query.ts';
import { type SignedUrl, type SignedUrls, urlVariants } from './content/url-variants.ts';
import { coversBody, rulesOf, signsField, signsHeader } from './definition/rule-facts.ts';
import type { SchemeDefinition } from './definition/scheme-definition.ts';
import type {
  RuleConditions,
  SignatureRule,
  TimestampLocation,
  TimeUnit,
} from './definition/signature-rule.ts';
import { compileChallengeTest } from './handshake/handshake.ts';
import type { Key, Match, ParsedHead } from './scheme.ts';
import {
  bodySignatures,
  headSignatures,
  isInBody,
  locationText,
  MAX_HEADER_LENGTH,
} from './signature/read-signatures.ts';
import {
  compileSignatureCheck,
  keysNamed,
  type Signatures,
  signatureLength,
} from './signature/signature-check.ts';

/**
 * Replaces the timestamp if the signed content identifies a delivery. Neither a timestamp nor the text beside it contains this
 * character.
 */
const NO_TIME = '\0';
const NO_UNSIGNED_HEADERS: Readonly<Record<string, string>> = Object.freeze({});
const NO_URLS: SignedUrls = { first: { text: '', given: '' }, others: [] };
const EMPTY: Message = { feed: () => undefined };
const writeNothing: ContentWriter = () => EMPTY;
const NO_SLOTS: readonly undefined[] = Object.freeze([]);
const NO_TEXTS: ContentTexts = Object.freeze({ timestamp: '', id: '', method: '', slots: NO_SLOTS });

/** The units of a signed time, in words. */
const UNITS: Readonly<Record<TimeUnit, string>> = {
  s: 'a number of seconds since 1970 (up to 15 digits)',
  ms: 'a number of milliseconds since 1970 (up to 15 digits)',
  's-or-ms': 'a number of seconds or milliseconds since 1970 (up to 15 digits)',
  iso: 'a date and time such as 2026-01-31T12:00:00Z',
  'iso-utc': 'a date and time without a zone, such as 2026-01-31T12:00:00',
  'http-date': 'a date such as Sat, 31 Jan 2026 12:00:00 GMT',
};

/** What matched, and how its content was written. */
interface Matched {
  readonly key: Key;
  readonly write: ContentWriter;
  readonly url: SignedUrl;
  readonly content: Message;
}

/** A rule as a function. It returns `undefined` if the request has no signature of this rule. */
export type RuleReader = (head: RequestHead) => ParsedRule | undefined;

/** A request that has a signature of the rule, or may have one in its body. */
export interface ParsedRule extends ParsedHead {
  /** Returns `null` if the body contains no signature of this rule. Absent if the rule's signatures are in the head. */
  tryBody?(body: Uint8Array, keys: readonly Key[]): Match | undefined | null;
}

/**
 * Compiles one rule into a function. Everything that does not depend on the request is decided here, once.
 *
 * @param isShared Whether a later rule reads the same header.
 */
export function compileRule(
  rule: SignatureRule,
  definition: SchemeDefinition,
  isShared: boolean,
): RuleReader {
  const content = rule.content === undefined ? undefined : compileContent(rule);
  const { alternatives } = content ?? { alternatives: [writeNothing] };
  const findKey = compileSignatureCheck(rule, alternativePrefix(definition));
  const context = { length: signatureLength(rule), isShared };
  const inBody = isInBody(rule);
  const readHead = inBody ? undefined : headSignatures(rule, context);
  const readBody = inBody ? bodySignatures(rule, context) : undefined;
  const covers = coversBody(rule);
  const { timestamp: timeLocation, id: idLocation, keyId: keyIdLocation, bodyDigest, arrayLengths } = rule;
  const { list } = rule.signature;
  const where = locationText(rule);
  const timeWhere = timeLocation === undefined ? where : timeText(timeLocation, where);
  const { unsignedHeaders } = definition;
  const { eventType } = definition;
  const signsType =
    eventType?.header === undefined
      ? eventType !== undefined && signsField(rule, eventType.bodyField)
      : signsHeader(rule, eventType.header);
  const isChallenge = compileChallengeTest(definition);
  const isOfOtherRule = bodyDigest === undefined ? compileDigestTest(definition) : undefined;
  const isExtensible = beginsWithSecret(rule);
  const listsHeaders = Object.values(rule.parts ?? {}).some((part) => 'listedHeaders' in part);
  const check = compileConditions(rule);

  return (head) => {
    if (check !== undefined && !check(head)) return undefined;
    const found = readHead?.(head);
    if (readHead !== undefined && found === undefined) return undefined;

    const id =
      idLocation === undefined || content === undefined
        ? ''
        : readId(head, idLocation.header, idLocation.format ?? 'text', content.isIdUnambiguous);
    const timestamp = timeLocation === undefined ? '' : readTime(head, timeLocation, found?.entry, where);
    let signedAt: number | undefined;
    if (timeLocation !== undefined) {
      signedAt = parseSignedTime(timestamp, timeLocation.unit);
      if (signedAt === undefined || (content?.refusesLeadingZero === true && /^0[0-9]*$/.test(timestamp)))
        throw headerInvalid(`The signed time, in the ${timeWhere}, is not ${UNITS[timeLocation.unit]}.`);
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
      content?.namesUrl === true
        ? urlVariants(signedUrl(head), head.publicUrl ?? '', rule.url, content.urlTouchesBody)
        : NO_URLS;
    const keyId = keyIdLocation === undefined ? found?.keyIds?.[0] : head.value(keyIdLocation.header);
    const hasDigest = bodyDigest === undefined ? undefined : readDigest(head, bodyDigest);

    /** The time may also be signed as one of the headers that the request lists. */
    const slotsWithoutTime = (): ContentTexts['slots'] => {
      const header = timeLocation?.header;
      if (header === undefined || content?.readSlots === undefined || !listsHeaders) return texts.slots;
      return content.readSlots(new HeadSource(head, found?.text, list, { header, text: NO_TIME }));
    };
    const judge = (keys: readonly Key[], signatures: Signatures, body: BodyReader): Match | undefined => {
      if (arrayLengths !== undefined) checkArrays(arrayLengths, body);
      if (hasDigest !== undefined && !hasDigest(body.bytes)) return undefined;
      if (isExtensible && !isUtf8(body.bytes)) return undefined;
      const candidates = keysNamed(keys, keyIdLocation === undefined ? undefined : keyId);
      const matchFor = (url: SignedUrl): Matched | undefined => {
        let matched: Matched | undefined;
        for (const write of alternatives) {
          const content = write(texts, url, body, head);
          const key = findKey(candidates, signatures, content);
          if (key !== undefined) matched ??= { key, write, url, content };
        }
        return matched;
      };
      let matched = matchFor(urls.first);
      if (matched === undefined) for (const url of urls.others) matched ??= matchFor(url);
      if (matched === undefined || isChallenge?.(matched.content) === true) return undefined;
      if (isOfOtherRule?.(matched.content) === true) return undefined;
      const { key, write, url } = matched;
      body.isTrusted = covers;
      return describeMatch(
        {
          key,
          id: idLocation === undefined ? undefined : id,
          body,
          coversBody: covers && !(content?.urlTouchesForm === true && url.text !== url.given),
          signsType,
          headText: (name) => onlyValueOf(head, name),
          // In the form that was signed: a delivery may be written in several ways, but its signature matches only one.
          content: () => write({ ...texts, timestamp: NO_TIME, slots: slotsWithoutTime() }, url, body, head),
          readUnsignedHeaders: () => readUnsignedHeaders(head, unsignedHeaders),
        },
        definition,
      );
    };
    const readerOf = (bytes: Uint8Array) => new BodyReader(bytes, head, definition);
    if (found !== undefined)
      return { signedAt, keyId, match: (bytes, keys) => judge(keys, found, readerOf(bytes)) };
    const tryBody = (bytes: Uint8Array, keys: readonly Key[]) => {
      const body = readerOf(bytes);
      const inside = readBody?.(body);
      return inside === undefined ? null : judge(keys, inside, body);
    };
    return { signedAt, keyId, tryBody, match: (bytes, keys) => tryBody(bytes, keys) ?? undefined };
  };
}

function timeText({ header, entry, query }: TimestampLocation, where: string): string {
  if (query !== undefined) return `parameter "${query}"`;
  return header === undefined ? `entry "${entry}" of the ${where}` : `header "${header}"`;
}

function alternativePrefix({ secret }: SchemeDefinition): string | undefined {
  return 'encoding' in secret && 'alsoBase64After' in secret ? secret.alsoBase64After : undefined;
}

function compileConditions({
  when,
  requiredHeaders,
}: RuleConditions): ((head: RequestHead) => boolean) | undefined {
  if (when === undefined && requiredHeaders === undefined) return undefined;
  const headers = Object.entries(when?.header ?? {});
  const parameters = Object.entries(when?.query ?? {});
  const required = Object.entries(requiredHeaders ?? {});
  const holds = (value: string | undefined, expected: string | true) =>
    expected === true ? value !== undefined : value === expected;
  return (head) => {
    if (!headers.every(([name, expected]) => holds(head.value(name), expected))) return false;
    if (parameters.length > 0) {
      const query = queryParameters(head);
      if (!parameters.every(([name, expected]) => holds(parameterOf(query, name), expected))) return false;
    }
    for (const [name, expected] of required) {
      if (head.value(name) !== expected)
        throw headerInvalid(
          `The header "${name}" must be ${JSON.stringify(expected)}, which this sender sends.`,
        );
    }
    return true;
  };
}

/**
 * Makes a test of whether content belongs to a rule that binds the body by a digest in the query. If a rule that signs the body itself
 * read such content, the end of the query could be taken for the body.
 */
function compileDigestTest(definition: SchemeDefinition): ((content: Message) => boolean) | undefined {
  const names = rulesOf(definition).flatMap(({ bodyDigest }) => bodyDigest?.query ?? []);
  if (names.length === 0) return undefined;
  return (content) => {
    const last = endOf(content, 512).split(/[?&]/).at(-1) ?? '';
    return names.some((name) => last.startsWith(`${name}=`));
  };
}

/**
 * Whether the hash begins with the secret. An attacker who knows such a hash can extend it, which adds padding after the signed content.
 * The padding is not UTF-8, but these senders send UTF-8: so a body that is not UTF-8 is refused.
 */
function beginsWithSecret({ algorithm, content = '' }: SignatureRule): boolean {
  if (!('hash' in algorithm) || 'publicKey' in algorithm) return false;
  return [content].flat().some((template) => template.startsWith('{secret}'));
}

/** Elements beyond those that are signed could be an attacker's. */
function checkArrays(lengths: Readonly<Record<string, number>>, body: BodyReader): void {
  for (const [path, length] of Object.entries(lengths)) {
    const array = body.field(path);
    if (!Array.isArray(array) || array.length !== length)
      throw headerInvalid(`The field "${path}" of the body does not have ${length} element(s).`);
  }
}

/** A header that is repeated or is not text is left out rather than refused, because no decision depends on it. */
function readUnsignedHeaders(
  head: RequestHead,
  names: SchemeDefinition['unsignedHeaders'],
): Readonly<Record<string, string>> {
  if (names === undefined) return NO_UNSIGNED_HEADERS;
  const found: Record<string, string> = {};
  for (const [label, name] of Object.entries(names)) {
    const value = onlyValueOf(head, name);
    if (value !== undefined && value.length <= MAX_HEADER_LENGTH) found[label] = value;
  }
  return found;
}

function onlyValueOf(head: RequestHead, name: string): string | undefined {
  try {
    const values = head.values(name);
    return values.length === 1 ? values[0] : undefined;
  } catch {
    return undefined;
  }
}

/** What is known of a delivery whose signature matched. */
interface Signed {
  readonly key: Key;
  readonly id: string | undefined;
  readonly body: BodyReader;
  /** Whether the signature covers the body. */
  readonly coversBody: boolean;
  /** Whether it covers the type of the event. */
  readonly signsType: boolean;
  /** A header's only value. */
  readonly headText: (name: string) => string | undefined;
  /** The signed content without its time. */
  readonly content: () => Message;
  readonly readUnsignedHeaders: () => Match['unsignedHeaders'];
}

/** Describes what the matching key has signed. */
function describeMatch(signed: Signed, definition: SchemeDefinition): Match {
  const { identity, bodyTimestamp, multipartField, eventType } = definition;
  const plain = identity === 'id' || identity === 'body';
  if (
    bodyTimestamp === undefined &&
    multipartField === undefined &&
    eventType?.bodyField === undefined &&
    plain
  )
    return new SignedMatch(signed, definition);
  return new ReadMatch(signed, definition);
}

/** What a matching signature covers. The unsigned headers are read only when needed, because no decision depends on them. */
class SignedMatch implements Match {
  readonly key: Match['key'];
  readonly bodyAuthenticated: boolean;
  readonly #signed: Signed;
  readonly #definition: SchemeDefinition;
  #unsignedHeaders: Match['unsignedHeaders'] | undefined;

  constructor(signed: Signed, definition: SchemeDefinition) {
    this.key = { id: signed.key.id, role: signed.key.role };
    this.bodyAuthenticated = signed.coversBody;
    this.#signed = signed;
    this.#definition = definition;
  }

  get id(): string | undefined {
    return this.#signed.id;
  }
  get identity(): string {
    const { id } = this.#signed;
    return this.#definition.identity === 'id' && id !== undefined ? `id:${id}` : 'body';
  }
  get type(): string | undefined {
    const { eventType } = this.#definition;
    return eventType?.header === undefined ? undefined : this.#signed.headText(eventType.header);
  }
  get typeAuthenticated(): boolean {
    return this.#signed.signsType && this.type !== undefined;
  }
  get splitBy(): string | undefined {
    const { splitBy } = this.#definition;
    const text = splitBy && this.#signed.headText(splitBy.header);
    return text !== undefined && splitBy?.values.includes(text) === true ? text : undefined;
  }
  get unsignedHeaders(): Match['unsignedHeaders'] {
    this.#unsignedHeaders ??= this.#signed.readUnsignedHeaders();
    return this.#unsignedHeaders;
  }
}

/** A match whose id, timestamp or JSON must be read from the body or the signed content. Each is read when it is first needed. */
class ReadMatch extends SignedMatch {
  readonly #read: Signed;
  readonly #definition: SchemeDefinition;
  #content: string | undefined;

  constructor(signed: Signed, definition: SchemeDefinition) {
    super(signed, definition);
    this.#read = signed;
    this.#definition = definition;
  }

  get json(): BodyReader['json'] {
    return this.#read.body.json;
  }
  override get type(): string | undefined {
    const { eventType } = this.#definition;
    if (eventType?.bodyField === undefined) return super.type;
    try {
      return idText(this.#read.body.field(eventType.bodyField));
    } catch {
      // JSON that no signature covers and that is expensive to parse.
      return undefined;
    }
  }
  override get id(): string | undefined {
    return this.#fieldId() ?? super.id ?? (this.#isByContent ? this.#contentDigest() : undefined);
  }
  override get identity(): string {
    const id = this.#fieldId();
    if (id !== undefined) return `id:${id}`;
    return this.#isByContent ? `content:${this.#contentDigest()}` : super.identity;
  }
  get signedAt(): number | null | undefined {
    const { bodyTimestamp } = this.#definition;
    if (bodyTimestamp === undefined) return undefined;
    const { body } = this.#read;
    const value =
      bodyTimestamp.formField === undefined
        ? body.field(bodyTimestamp.field)
        : parameterOf(body.form, bodyTimestamp.formField);
    return parseBodyTime(value, bodyTimestamp.unit) ?? null;
  }

  get #isByContent(): boolean {
    return this.#definition.identity === 'content';
  }
  #contentDigest(): string {
    if (this.#content === undefined) {
      const hash = createHash('sha256');
      this.#read.content().feed(hash);
      this.#content = hash.digest('hex');
    }
    return this.#content;
  }
  #fieldId(): string | undefined {
    const { identity } = this.#definition;
    return typeof identity === 'string' ? undefined : idText(this.#read.body.field(identity.bodyField));
  }
}

function idText(value: unknown): string | undefined {
  // All lone surrogates have the same hash, so an id that contains one does not identify a delivery.
  if (typeof value === 'string' && value !== '' && !/\p{Surrogate}/u.test(value)) return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
}

/** A time in a body: a whole number, or text. */
function parseBodyTime(value: unknown, unit: TimeUnit): number | undefined {
  if (typeof value === 'string') return parseSignedTime(value, unit);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return undefined;
  return parseSignedTime(String(value), unit);
}
