import { createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { RequestHead } from '../request.ts';
import { WebhookError } from '../webhook-error.ts';
import { checkDefinition, formsOf } from './check-definition.ts';
import { describeMatch } from './match.ts';
import type { DefinedScheme, Freshness, Key, Opened } from './scheme.ts';
import type { SchemeDefinition, SecretFormat, SignedForm } from './scheme-definition.ts';
import { MAX_HEADER_LENGTH, MAX_SIGNATURES, readSignatures } from './signature-header.ts';
import { type ContentTexts, compileContent, idBorders, parseContent } from './signed-content.ts';
import { parseSignedTime } from './signed-time.ts';
import { decodeSecret } from './strict-encoding.ts';

const DIGEST_BYTES = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;
const VISIBLE_ASCII = /^[\x21-\x7e]{1,256}$/;
const MAX_TIME_LENGTH = 64;
const NOTHING_UNSIGNED: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Makes a scheme of a definition. Everything that can be decided is decided here; a request only looks it up.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a definition that contradicts itself, naming the field.
 * @example
 * ```ts
 * const acme = defineScheme({
 *   name: 'acme',
 *   secret: { encoding: 'utf8' },
 *   signed: {
 *     algorithm: { hmac: 'sha256' },
 *     signature: { header: 'x-acme-signature', prefix: 'sha256=', encoding: 'hex' },
 *     content: '{body}',
 *   },
 *   identity: 'body',
 *   delivery: { retries: [429, '5xx'], idStableOverRetries: 'unknown', retrySignature: 'repeated' },
 * })
 * ```
 */
export function defineScheme(definition: SchemeDefinition): DefinedScheme {
  checkDefinition(definition);
  const fixed = deepFreeze(structuredClone(definition));
  const forms = formsOf(fixed).map((form) => compileForm(form, fixed));
  const { secret } = fixed;
  return Object.freeze({
    name: fixed.name,
    keyFormat: keyFormatOf(secret),
    delivery: fixed.delivery,
    freshness: Object.freeze(freshnessOf(fixed)),
    definition: fixed,
    importKey: (input: string | Uint8Array) => importHmacKey(input, secret),
    open(head: RequestHead) {
      for (const form of forms) {
        const opened = form(head);
        if (opened !== undefined) return opened;
      }
      throw new WebhookError(
        'ERR_WEBHOOK_SIGNATURE_MISSING',
        `The request has no ${fixed.name} signature header.`,
      );
    },
  });
}

/** A form as a function: `undefined` where the request has no signature of this form. */
function compileForm(
  form: SignedForm,
  definition: SchemeDefinition,
): (head: RequestHead) => Opened | undefined {
  const parts = parseContent(form.content);
  const mac = compileContent(form.algorithm.hmac, parts);
  const isUnambiguous = idBorders(parts);
  // Digits could then be moved between the two: a leading zero changes the text of a time but not its value.
  const refusesLeadingZero = form.content.includes('{body}{timestamp}');
  const length = DIGEST_BYTES[form.algorithm.hmac];
  const headers = typeof form.signature.header === 'string' ? [form.signature.header] : form.signature.header;
  const timeItem = form.timestamp?.item;

  return (head) => {
    let item: string | undefined;
    let present = false;
    let signatures: readonly Buffer[] = [];
    for (const name of headers) {
      const text = head.value(name);
      if (text === undefined) continue;
      present = true;
      if (text.length > MAX_HEADER_LENGTH)
        throw invalid(`The header "${name}" is longer than ${MAX_HEADER_LENGTH} characters.`);
      const read = readSignatures(text, form.signature, length, timeItem);
      signatures = signatures.length === 0 ? read.signatures : [...signatures, ...read.signatures];
      item = read.item;
      if (read.excess || signatures.length > MAX_SIGNATURES) {
        throw invalid(
          `The header "${name}" repeats what must stand once, or holds more than ${MAX_SIGNATURES} signatures.`,
        );
      }
    }
    if (!present) return undefined;
    if (signatures.length === 0)
      throw invalid(`The ${definition.name} signature header holds no well-formed signature.`);

    const id = form.id === undefined ? '' : readId(head, form.id.header, isUnambiguous);
    const timestamp =
      form.timestamp === undefined ? '' : readTime(head, form.timestamp.header, item, timeItem !== undefined);
    let signedAt: number | undefined;
    if (form.timestamp !== undefined) {
      signedAt = parseSignedTime(timestamp, form.timestamp.unit);
      if (signedAt === undefined || (refusesLeadingZero && timestamp.startsWith('0'))) {
        throw invalid('The signed timestamp is not a whole number.');
      }
    }
    const texts: ContentTexts = { id, timestamp };
    return {
      signedAt,
      match(body, keys) {
        const key = firstMatch(keys, signatures, (each) => mac(each, texts, body));
        return (
          key &&
          describeMatch(
            key,
            form.id === undefined ? undefined : id,
            body,
            () => readUnsigned(head, definition.unsigned),
            definition,
          )
        );
      },
    };
  };
}

/** Tries every signature against every key, without early exit: the time taken does not tell which key signed. */
function firstMatch(
  keys: readonly Key[],
  signatures: readonly Buffer[],
  mac: (key: KeyObject) => Buffer,
): Key | undefined {
  let match: Key | undefined;
  for (const key of keys) {
    const expected = mac(key.key);
    for (const signature of signatures) {
      if (timingSafeEqual(expected, signature) && match === undefined) match = key;
    }
  }
  return match;
}

function readId(head: RequestHead, name: string, isUnambiguous: (id: string) => boolean): string {
  const id = head.value(name);
  if (id === undefined) throw invalid(`The request has no "${name}" header, which the signature covers.`);
  if (!VISIBLE_ASCII.test(id))
    throw invalid(`The header "${name}" is not 1 to 256 visible ASCII characters.`);
  if (!isUnambiguous(id)) {
    throw invalid(
      `The header "${name}" holds the separator of the signed content, which could then be read in two ways.`,
    );
  }
  return id;
}

function readTime(
  head: RequestHead,
  name: string | undefined,
  item: string | undefined,
  wantsItem: boolean,
): string {
  if (wantsItem && item === undefined) throw invalid('The signature header has no timestamp.');
  const text = name === undefined ? item : head.value(name);
  if (text === undefined || text.length > MAX_TIME_LENGTH)
    throw invalid(`The request has no well-formed "${name}" header.`);
  if (wantsItem && item !== text)
    throw invalid(`The header "${name}" and the timestamp of the signature header differ.`);
  return text;
}

/** Labels only: what is repeated or odd is left out rather than refused, since nothing is decided by it. */
function readUnsigned(
  head: RequestHead,
  names: SchemeDefinition['unsigned'],
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

/** The least length belongs to it: a shared keyring must not admit what one of its schemes would refuse. */
function keyFormatOf({ encoding, prefix, prefixOptional, minBytes = 16 }: SecretFormat): string {
  const after =
    prefix === undefined ? '' : ` after ${prefixOptional === true ? 'an optional ' : ''}${prefix}`;
  return `hmac ${encoding}${after}, ${minBytes} bytes or more`;
}

function importHmacKey(secret: string | Uint8Array, format: SecretFormat): KeyObject {
  const bytes = typeof secret === 'string' ? decodeText(secret, format) : secret;
  const minBytes = format.minBytes ?? 16;
  if (bytes.length < minBytes) {
    throw secretError(`the key has ${bytes.length} bytes; at least ${minBytes} are wanted`);
  }
  return createSecretKey(bytes);
}

function decodeText(secret: string, { encoding, prefix, prefixOptional }: SecretFormat): Uint8Array {
  const prefixed = prefix !== undefined && secret.startsWith(prefix);
  if (prefix !== undefined && !prefixed && prefixOptional !== true)
    throw secretError(`the text does not begin with "${prefix}"`);
  const bytes = decodeSecret(prefixed ? secret.slice(prefix.length) : secret, encoding);
  if (bytes === undefined) throw secretError(`the text is not ${encoding}, or not in its canonical form`);
  return bytes;
}

function freshnessOf({ signed, tolerance, bodyTime }: SchemeDefinition): Freshness {
  if (bodyTime !== undefined) return { signed: 'body', past: bodyTime.past, future: bodyTime.future };
  const forms = Array.isArray(signed) ? signed : [signed];
  if (forms.some((form: SignedForm) => form.timestamp === undefined)) return { signed: 'none' };
  return { signed: 'header', past: tolerance?.past ?? 300, future: tolerance?.future ?? 300 };
}

function invalid(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_HEADER_INVALID', message);
}

function secretError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', message);
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object') {
    for (const each of Object.values(value)) deepFreeze(each);
    Object.freeze(value);
  }
  return value;
}
