import { isUtf8 } from 'node:buffer';
import { malformedTime, parseSignedTime, readTime } from '../freshness.ts';
import type { RequestHead } from '../request.ts';
import { headerInvalid, isWebhookError, WebhookError } from '../webhook-error.ts';
import { BodyReader } from './content/body-reader.ts';
import {
  type ContentTexts,
  type ContentWriter,
  compileContent,
  endOf,
  type Message,
} from './content/content-compiler.ts';
import { HeadSource, type ReplacedHeader, readDigest, readId, readMethod } from './content/head-values.ts';
import { parameterOf, queryParameters, signedUrl } from './content/request-query.ts';
import { type SignedUrl, type SignedUrls, urlVariants } from './content/url-variants.ts';
import { coversBody, rulesOf, signsField, signsHeader } from './definition/rule-facts.ts';
import type { SchemeDefinition } from './definition/scheme-definition.ts';
import type { RuleConditions, SignatureRule } from './definition/signature-rule.ts';
import { compileChallengeTest } from './handshake/handshake.ts';
import type { Key, Match, ParsedHead } from './scheme.ts';
import {
  compileSignatureCheck,
  keysNamed,
  type Signatures,
  SignedMatch,
  signatureLength,
} from './signature/match.ts';
import { bodySignatures, headSignatures, isInBody, locationText } from './signature/read-signatures.ts';

/**
 * Replaces the timestamp if the signed content identifies a delivery. Neither a timestamp nor the text beside it contains this
 * character.
 */
const NO_TIME = '\0';
const NO_URLS: SignedUrls = { first: { text: '', given: '' }, others: [] };
const EMPTY: Message = { feed: () => undefined };
const writeNothing: ContentWriter = () => EMPTY;
const NO_SLOTS: readonly undefined[] = Object.freeze([]);
const NO_TEXTS: ContentTexts = Object.freeze({ timestamp: '', id: '', method: '', slots: NO_SLOTS });

/** A rule as a function. It returns `undefined` if the request has no signature of this rule. */
type RuleReader = (head: RequestHead) => ParsedRule | undefined;

/** A request that has a signature of the rule, or may have one in its body. */
interface ParsedRule extends ParsedHead {
  /** Returns `null` if the body contains no signature of this rule. Absent if the rule's signatures are in the head. */
  tryBody?(body: Uint8Array, keys: readonly Key[]): Match | undefined | null;
}

/** Compiles the rules of a definition, once for all requests. The first rule of which a request has a signature decides. */
export function compileRules(definition: SchemeDefinition): (head: RequestHead) => ParsedHead {
  const all = rulesOf(definition);
  const rules = all.map((rule, index) => compileRule(rule, definition, isSharedBehind(all, index)));
  const parseHead = (head: RequestHead): ParsedHead => {
    for (let index = 0; index < rules.length; index++) {
      const parsed = rules[index]?.(head);
      if (parsed === undefined) continue;
      return parsed.tryBody === undefined
        ? parsed
        : matchInBody(parsed, rules.slice(index + 1), head, definition);
    }
    throw missing(definition);
  };
  return definition.delivery.demands401 === true
    ? (head) => respondWith401(() => parseHead(head))
    : parseHead;
}

/** A sender that demands 401 for a wrong signature demands it for a malformed one, too. */
function respondWith401(parse: () => ParsedHead): ParsedHead {
  try {
    return parse();
  } catch (error) {
    if (!isWebhookError(error) || error.code !== 'ERR_WEBHOOK_HEADER_INVALID') throw error;
    throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', error.message);
  }
}

/** Matches a request whose signature may be in its body: when the body has been read, the rules look for a signature one by one. */
function matchInBody(
  first: ParsedRule,
  others: readonly RuleReader[],
  head: RequestHead,
  definition: SchemeDefinition,
): ParsedHead {
  return {
    signedAt: first.signedAt,
    keyId: first.keyId,
    match(body: Uint8Array, keys: readonly Key[]): Match | undefined {
      for (const read of [() => first, ...others]) {
        const parsed = read(head);
        if (parsed === undefined) continue;
        const result = parsed.tryBody === undefined ? parsed.match(body, keys) : parsed.tryBody(body, keys);
        if (result !== null) return result as Match | undefined;
      }
      throw missing(definition);
    },
  };
}

/** Whether a later rule reads the same header, so that a signature of another label may be for that rule. */
function isSharedBehind(rules: readonly SignatureRule[], index: number): boolean {
  const header = rules[index]?.signature.header;
  return (
    header !== undefined &&
    rules.slice(index + 1).some(({ signature }) => String(signature.header) === String(header))
  );
}

function missing(definition: SchemeDefinition): WebhookError {
  const places = [...new Set(rulesOf(definition).map(locationText))];
  return new WebhookError(
    'ERR_WEBHOOK_SIGNATURE_MISSING',
    `The request has no ${definition.name} signature: it has no ${places.join(', and no ')}.`,
  );
}

/** What the head of a request contains for a rule. */
interface RuleHead {
  readonly head: RequestHead;
  readonly texts: ContentTexts;
  readonly urls: SignedUrls;
  readonly keyId: string | undefined;
  /** The text of the signature's header. */
  readonly signature: string | undefined;
  /** Whether a body has the digest that the head contains. */
  readonly hasDigest: ((body: Uint8Array) => boolean) | undefined;
}

/** What matched, and how its content was written. */
interface Matched {
  readonly key: Key;
  readonly write: ContentWriter;
  readonly url: SignedUrl;
  readonly content: Message;
}

/**
 * Compiles one rule into a function. Everything that does not depend on the request is decided here, once.
 *
 * @param isShared Whether a later rule reads the same header.
 */
function compileRule(rule: SignatureRule, definition: SchemeDefinition, isShared: boolean): RuleReader {
  const content = rule.content === undefined ? undefined : compileContent(rule);
  const { alternatives } = content ?? { alternatives: [writeNothing] };
  const findKey = compileSignatureCheck(rule, alternativePrefix(definition));
  const context = { length: signatureLength(rule), isShared };
  const inBody = isInBody(rule);
  const readHead = inBody ? undefined : headSignatures(rule, context);
  const readBody = inBody ? bodySignatures(rule, context) : undefined;
  const covers = coversBody(rule);
  const { timestamp: timeLocation, id: idLocation, keyId: keyIdLocation, bodyDigest, arrayLengths } = rule;
  const where = locationText(rule);
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
    let timestamp = '';
    let signedAt: number | undefined;
    if (timeLocation !== undefined) {
      timestamp = readTime(head, timeLocation, found?.entry, where);
      signedAt = parseSignedTime(timestamp, timeLocation.unit);
      if (signedAt === undefined || (content?.refusesLeadingZero === true && /^0[0-9]*$/.test(timestamp)))
        throw malformedTime(timeLocation, where);
    }
    const texts: ContentTexts =
      content === undefined
        ? NO_TEXTS
        : {
            id,
            timestamp,
            method: content.namesMethod ? readMethod(head) : '',
            slots: content.readSlots === undefined ? NO_SLOTS : slotsOf(head, found?.text),
          };
    const urls =
      content?.namesUrl === true
        ? urlVariants(signedUrl(head), head.publicUrl ?? '', rule.url, content.urlTouchesBody)
        : NO_URLS;
    const keyId = keyIdLocation === undefined ? found?.keyIds?.[0] : head.value(keyIdLocation.header);
    const hasDigest = bodyDigest === undefined ? undefined : readDigest(head, bodyDigest);
    const given: RuleHead = { head, texts, urls, keyId, signature: found?.text, hasDigest };
    if (found !== undefined)
      return { signedAt, keyId, match: (bytes, keys) => matchOf(given, bodyOf(given, bytes), found, keys) };
    const tryBody = (bytes: Uint8Array, keys: readonly Key[]) => {
      const body = bodyOf(given, bytes);
      const inside = readBody?.(body);
      return inside === undefined ? null : matchOf(given, body, inside, keys);
    };
    return { signedAt, keyId, tryBody, match: (bytes, keys) => tryBody(bytes, keys) ?? undefined };
  };

  function bodyOf({ head }: RuleHead, bytes: Uint8Array): BodyReader {
    return new BodyReader(bytes, head, definition);
  }

  function slotsOf(
    head: RequestHead,
    signature: string | undefined,
    replaced?: ReplacedHeader,
  ): ContentTexts['slots'] {
    return content?.readSlots?.(new HeadSource(head, signature, rule.signature.list, replaced)) ?? NO_SLOTS;
  }

  /** Describes what a key of the set has signed, or returns `undefined`. */
  function matchOf(
    given: RuleHead,
    body: BodyReader,
    signatures: Signatures,
    keys: readonly Key[],
  ): Match | undefined {
    if (arrayLengths !== undefined) checkArrays(arrayLengths, body);
    if (given.hasDigest?.(body.bytes) === false) return undefined;
    if (isExtensible && !isUtf8(body.bytes)) return undefined;
    const candidates = keyIdLocation === undefined ? keys : keysNamed(keys, given.keyId);
    let matched = matchedBy(given, given.urls.first, body, signatures, candidates);
    if (matched === undefined)
      for (const url of given.urls.others) matched ??= matchedBy(given, url, body, signatures, candidates);
    if (matched === undefined || isChallenge?.(matched.content) === true) return undefined;
    if (isOfOtherRule?.(matched.content) === true) return undefined;
    const { key, write, url } = matched;
    body.isTrusted = covers;
    const { head, texts } = given;
    return new SignedMatch(
      {
        key,
        head,
        body,
        id: idLocation === undefined ? undefined : texts.id,
        coversBody: covers && !(content?.urlTouchesForm === true && url.text !== url.given),
        signsType,
        // In the form that was signed: a delivery may be written in several ways, but its signature matches only one.
        content:
          definition.identity === 'content' ? () => write(withoutTime(given), url, body, head) : undefined,
      },
      definition,
    );
  }

  /** Tries every way in which the sender may have written the content, also after a match, so that the time taken shows nothing. */
  function matchedBy(
    { texts, head }: RuleHead,
    url: SignedUrl,
    body: BodyReader,
    signatures: Signatures,
    keys: readonly Key[],
  ): Matched | undefined {
    let matched: Matched | undefined;
    for (const write of alternatives) {
      const content = write(texts, url, body, head);
      const key = findKey(keys, signatures, content);
      if (key !== undefined) matched ??= { key, write, url, content };
    }
    return matched;
  }

  /** The time may also be signed as one of the headers that the request lists. */
  function withoutTime({ head, texts, signature }: RuleHead): ContentTexts {
    const header = timeLocation?.header;
    const slots =
      header === undefined || !listsHeaders
        ? texts.slots
        : slotsOf(head, signature, { header, text: NO_TIME });
    return { ...texts, timestamp: NO_TIME, slots };
  }
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
