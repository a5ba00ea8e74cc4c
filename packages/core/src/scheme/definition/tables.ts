import { configError } from '../../util/options.ts';
import { isOwnPart } from '../content/content-template.ts';
import type { DeliveryRules } from '../delivery-rules.ts';
import type {
  BodyTimestamp,
  EventTypeLocation,
  HandshakeRule,
  SchemeDefinition,
  SchemeSource,
  SplitBy,
} from './scheme-definition.ts';
import type { PublicKey, SharedSecret } from './secret-format.ts';
import {
  absent,
  anyText,
  either,
  expectedText,
  expectedValue,
  field,
  header,
  headerText,
  integer,
  listOf,
  object,
  oneOf,
  oneOrMore,
  optional,
  recordOf,
  type Shape,
  seconds,
  text,
  textLike,
  yes,
} from './shape.ts';
import type {
  BodyDigestPart,
  FieldContainingJoin,
  FieldsPart,
  HmacRule,
  ListedHeadersPart,
  SignatureList,
  SignatureLocation,
  SortedPart,
  TimestampLocation,
  TokenLocation,
  TokenRule,
  UrlRules,
} from './signature-rule.ts';

// Every field of the scheme language, each by itself. Conditions on several fields are in check-definition.ts and check-rule.ts.

const hash = oneOf('md5', 'sha1', 'sha256', 'sha384', 'sha512');

// Secrets

const prefix = textLike(/^(?!\*)(?!.*\*\*)[\s\S]+$/, 'text that does not begin with "*" nor contain "**"');
const mistakenFor = recordOf(text, text);
const sharedSecret = object<SharedSecret>({
  encoding: oneOf('utf8', 'base64', 'base64url', 'hex'),
  prefix: optional(prefix),
  prefixOptional: optional(oneOf(true, false)),
  normalize: optional(oneOf('NFC', 'NFKD')),
  derive: optional(
    listOf(
      either(({ hmac }) =>
        hmac === undefined
          ? object({ hash, hmac: absent('has no meaning with "hash"'), over: absent('needs "hmac"') })
          : object({ hash: absent('has no meaning with "hmac"'), hmac: hash, over: text }),
      ),
    ),
  ),
  minBytes: optional(integer(1, 4096)),
  alsoBase64After: optional(text),
  mistakenFor: optional(mistakenFor),
  publicKey: absent('has no meaning in a shared secret'),
});
const publicKey = object<PublicKey>({
  publicKey: oneOf('ed25519', 'ecdsa-p256', 'rsa'),
  encoding: oneOf('pem', 'spki', 'raw-hex', 'raw-base64', 'jwk'),
  prefix: optional(text),
  minBits: optional(integer(1024, 8192)),
  mistakenFor: optional(mistakenFor),
  minBytes: absent('is for shared secrets'),
});
const secret: Shape = (value, name) =>
  (Array.isArray(value)
    ? listOf(sharedSecret, 2)
    : either(({ publicKey: kind }) => (kind === undefined ? sharedSecret : publicKey)))(value, name);

// Signatures

const algorithm = either((given) => {
  if ('token' in given) return object({ token: oneOf('constant-time') });
  if ('publicKey' in given) {
    const { publicKey: kind } = given;
    if (kind === 'ed25519') return object({ publicKey: oneOf('ed25519') });
    if (kind === 'rsa')
      return object({ publicKey: oneOf('rsa'), hash: oneOf('sha1', 'sha256', 'sha384', 'sha512') });
    return object({
      publicKey: oneOf('ed25519', 'ecdsa-p256', 'rsa'),
      hash: oneOf('sha256'),
      format: oneOf('der', 'p1363'),
    });
  }
  return 'hash' in given ? object({ hash }) : object({ hmac: hash });
});

const oneSeparator = textLike(/^[ -/:-@[-`{-~]$/, 'one character, not a letter or digit');
const label = textLike(/^[A-Za-z0-9_-]{1,32}$/, 'a short word');
const locations = {
  header: optional(oneOrMore(header)),
  numberedHeader: optional(header),
  query: optional(text),
  field: optional(field),
  formField: optional(text),
  repeated: optional(yes),
};
const signature = object<SignatureLocation>({
  ...locations,
  prefix: optional(text),
  list: optional(
    object<SignatureList>({
      separator: textLike(/^[ -/:-@[-`{-~]{1,2}$/, 'one or two characters, not letters or digits'),
      assign: optional(oneSeparator),
      label: optional(label),
      keyIds: optional(yes),
      groups: optional(oneSeparator),
      blanks: optional(yes),
      start: optional(text),
    }),
  ),
  encoding: oneOf('hex', 'hex-upper', 'hex-any', 'base64', 'base64url'),
});
const noToken = absent('has no meaning with a token');
const token = object<TokenLocation>({
  ...locations,
  numberedHeader: noToken,
  formField: noToken,
  prefix: optional(text),
  encoding: oneOf('text', 'base64'),
  list: noToken,
});

const timestamp = object<TimestampLocation>({
  header: optional(header),
  entry: optional((value, name) => (typeof value === 'number' ? integer(0, 15) : label)(value, name)),
  query: optional(text),
  unit: oneOf('s', 'ms', 's-or-ms', 'iso', 'iso-utc', 'http-date'),
});

// Parts of the signed content

const partName: Shape = (value, name) => {
  textLike(/^[a-z][A-Za-z0-9]{0,31}$/, 'a name in camel case')(value, name);
  if (isOwnPart(String(value)))
    throw configError(`"${name}" has the name of a part of the scheme language: choose another name.`);
};
const pair: Shape = (value, name) => {
  text(value, name);
  if (!String(value).includes('{value}')) throw configError(`"${name}" must contain {value}.`);
  const [unknown] = String(value).match(/\{(?!name\}|value\})[^{}]*\}/) ?? [];
  if (unknown !== undefined)
    throw configError(`"${name}" contains ${unknown}, which does not exist: a pair has {name} and {value}.`);
};
const parts = recordOf(
  partName,
  either((given) => {
    if ('digest' in given)
      return object<BodyDigestPart>({
        digest: hash,
        encoding: oneOf('hex', 'base64', 'base64url', 'binary'),
      });
    if ('sorted' in given)
      return object<SortedPart>({
        sorted: oneOf('query', 'form'),
        pair,
        join: optional(anyText),
        omit: optional(listOf(anyText)),
        unique: optional(yes),
        text: optional(oneOf('decoded', 'as-received')),
        replace: optional(object({ characters: text, with: anyText })),
      });
    if ('fields' in given)
      return object<FieldsPart>({
        fields: listOf(field, 1),
        join: anyText,
        fieldContainingJoin: optional((value, name) =>
          (typeof value === 'string'
            ? field
            : object<FieldContainingJoin>({ by: field, values: recordOf(anyText, field), otherwise: field }))(
            value,
            name,
          ),
        ),
      });
    return object<ListedHeadersPart>({
      listedHeaders: either((list) =>
        'header' in list
          ? object({ header, entry: absent('has no meaning with "header"') })
          : object({ entry: text }),
      ),
      separator: text,
      pair,
      join: text,
      allow: listOf(header, 1),
      require: optional(listOf(header)),
      joinCounts: optional(recordOf(header, integer(0, 1000))),
    });
  }),
);

// Rules

const conditions = {
  algorithm,
  when: optional(
    object({
      header: optional(recordOf(header, expectedText)),
      query: optional(recordOf(anyText, expectedText)),
    }),
  ),
  requiredHeaders: optional(recordOf(header, text)),
  arrayLengths: optional(recordOf(field, integer(0, 10_000))),
  keyId: optional(object({ header })),
};
const signingRule = object<HmacRule>({
  ...conditions,
  signature,
  timestamp: optional(timestamp),
  id: optional(object({ header, format: optional(oneOf('text', 'uuid')) })),
  parts: optional(parts),
  content: oneOrMore(text),
  url: optional(object<UrlRules>({ variants: optional(oneOf('port')), decode: optional(text) })),
  bodyDigest: optional(
    object({ hash: oneOf('sha256', 'sha384', 'sha512'), encoding: oneOf('hex', 'base64'), query: text }),
  ),
  safeBecause: optional(text),
});
const signsNothing = absent('has no meaning with a token, which signs nothing');
const tokenRule = object<TokenRule>({
  ...conditions,
  signature: token,
  timestamp: signsNothing,
  id: signsNothing,
  content: signsNothing,
  parts: signsNothing,
  url: signsNothing,
  bodyDigest: signsNothing,
  safeBecause: signsNothing,
});
const rule = either(({ algorithm: given }) =>
  given !== null && typeof given === 'object' && 'token' in given ? tokenRule : signingRule,
);

// Handshakes

const METHOD = oneOf('GET', 'HEAD', 'OPTIONS', 'POST');
const headConditions = {
  header: optional(recordOf(header, expectedText)),
  query: optional(recordOf(anyText, expectedText)),
};
const limits = {
  characters: oneOf('hex', 'digits', 'base64', 'word', 'visible', 'printable'),
  maxLength: integer(1, 4096),
};
const responseFields = {
  mac: optional(
    object<NonNullable<HandshakeRule['mac']>>({
      hmac: optional(oneOf('sha1', 'sha256', 'sha384', 'sha512')),
      hash: optional(oneOf('sha1', 'sha256', 'sha384', 'sha512')),
      encoding: oneOf('hex', 'base64'),
      over: optional(text),
    }),
  ),
  response: object<HandshakeRule['response']>({
    status: optional(oneOf(200, 204)),
    text: optional(text),
    json: optional(
      recordOf(anyText, (value, name) => {
        if (!['string', 'number', 'boolean'].includes(typeof value))
          throw configError(`"${name}" must be text, a number, true or false.`);
      }),
    ),
    headers: optional(recordOf(header, headerText)),
  }),
};
const handshake = either(({ signed }) =>
  signed === true
    ? object<Extract<HandshakeRule, { signed: true }>>({
        signed: oneOf(true, false),
        when: object({
          method: optional(METHOD),
          ...headConditions,
          field: optional(recordOf(field, expectedValue)),
        }),
        challenge: optional(
          object({ query: optional(text), header: optional(header), field: optional(field), ...limits }),
        ),
        token: absent('has no meaning in a signed handshake: the signature proves who sends it'),
        ...responseFields,
      })
    : object<Extract<HandshakeRule, { signed: false }>>({
        signed: oneOf(true, false),
        when: object({
          method: METHOD,
          ...headConditions,
          form: optional(recordOf(anyText, expectedText)),
        }),
        challenge: optional(
          object({
            query: optional(text),
            header: optional(header),
            field: absent('is in the body, which an unsigned handshake does not read'),
            ...limits,
          }),
        ),
        token: optional(
          object({
            query: text,
            sha256: textLike(/^[0-9a-f]{64}$/, 'the SHA-256 of the token, in lower-case hex'),
          }),
        ),
        ...responseFields,
      }),
);

// The definition

const status: Shape = (value, name) => {
  if (value !== '5xx' && !(Number.isInteger(value) && Number(value) >= 300 && Number(value) <= 599))
    throw configError(`"${name}" must list statuses from 300 to 599, or "5xx".`);
};
const retries: Shape = (value, name) =>
  (Array.isArray(value) ? listOf(status, 1) : oneOf('any-failure', 'never', 'unknown'))(value, name);
const identity: Shape = (value, name) => {
  if (value !== null && typeof value === 'object') object({ bodyField: field })(value, name);
  else if (!['id', 'body', 'content'].some((each) => each === value))
    throw configError(
      `"${name}" must be "id" (the signed id), "body" (its bytes), "content" (all that is signed but the time) or { bodyField: "…" } (a field of the JSON body).`,
    );
};

/** The whole scheme language. */
export const schemeDefinition: Shape = object<SchemeDefinition>({
  name: textLike(/^[a-z0-9][a-z0-9-]{0,63}$/, 'lower-case letters, digits and hyphens'),
  secret,
  signed: oneOrMore(rule),
  identity,
  bodyTimestamp: optional(
    object<BodyTimestamp>({
      field: optional(field),
      formField: optional(text),
      unit: oneOf('s', 'ms', 'iso'),
      past: seconds,
      future: seconds,
    }),
  ),
  tolerance: optional(object({ past: seconds, future: seconds })),
  unsignedHeaders: optional(recordOf(anyText, header)),
  eventType: optional(
    either(({ header: given }) =>
      given === undefined
        ? object<EventTypeLocation>({ header: absent('has no meaning with "bodyField"'), bodyField: field })
        : object<EventTypeLocation>({ header, bodyField: absent('has no meaning with "header"') }),
    ),
  ),
  splitBy: optional(object<SplitBy>({ header, values: listOf(text, 1) })),
  multipartField: optional(text),
  multipartForm: optional(yes),
  handshake: optional(oneOrMore(handshake)),
  delivery: object<DeliveryRules>({
    retries,
    retrySpanSeconds: optional(seconds),
    timeoutSeconds: optional(seconds),
    idStableOverRetries: oneOf(true, false, 'unknown'),
    retrySignature: oneOf('renewed', 'repeated', 'unknown'),
    demands401: optional(oneOf(true, false)),
    suspendsOn4xx: optional(oneOf(true, false)),
    demandsEmptyBody: optional(oneOf(true, false)),
    usesResponse: optional(oneOf(true, false)),
    maxBodyBytes: optional(integer(1, 2 ** 31 - 1, 'a whole number of bytes')),
    acknowledgement: optional(object({ contentType: headerText, body: anyText })),
  }),
  about: optional(
    object<SchemeSource>({
      sender: text,
      confidence: optional(oneOf('sender-code', 'sender-docs', 'third-party')),
      testedWith: optional(oneOf('published-vectors', 'sender-library', 'formula-only')),
      library: optional(text),
      retryRules: optional(oneOf('documented', 'read-in-code', 'unknown')),
      checkedOn: optional(textLike(/^20[0-9]{2}-[01][0-9]-[0-3][0-9]$/, 'a day such as 2026-12-01')),
      notFound: optional(text),
      secretFrom: optional(text),
      sources: listOf(text),
      assumptions: listOf(text),
      rotation: optional(text),
      notes: optional(listOf(text)),
    }),
  ),
});
