import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { RequestHead } from '../../request.ts';
import type { WebhookResponse } from '../../response.ts';
import { WebhookError } from '../../webhook-error.ts';
import { fieldOf } from '../content/body-reader.ts';
import type { Message } from '../content/content-compiler.ts';
import { type Parameter, parameterOf, parseParameters, queryParameters } from '../content/request-query.ts';
import { handshakesOf, rulesOf } from '../definition/rule-facts.ts';
import type {
  HandshakeConditions,
  HandshakeRule,
  SchemeDefinition,
} from '../definition/scheme-definition.ts';
import type { Handshake, Key } from '../scheme.ts';

const CHARACTERS = {
  hex: /^[0-9a-f]+$/,
  digits: /^[0-9]+$/,
  base64: /^[A-Za-z0-9+/=_-]+$/,
  word: /^[A-Za-z0-9_.-]+$/,
  visible: /^[\x21-\x7e]+$/,
  printable: /^[\x20-\x7e]+$/,
} as const;

/** The most that is read of a body whose sender signs nothing. */
const MAX_FORM_BYTES = 1024;

/** Compiles the handshake rules of a definition. Returns `undefined` if it has none. */
export function compileHandshake(definition: SchemeDefinition): Handshake | undefined {
  const rules = handshakesOf(definition);
  if (definition.handshake === undefined) return undefined;
  const { name } = definition;
  const signed = rules.filter((rule) => rule.signed);
  const unsigned = rules.filter((rule) => !rule.signed);
  const open = unsigned.filter(({ when }) => when.form === undefined);
  const forms = unsigned.filter(({ when }) => when.form !== undefined);
  const signatureHeaders = rulesOf(definition).flatMap(({ signature }) => signature.header ?? []);
  return Object.freeze({
    respondToUnsigned(head: RequestHead, keys: readonly Key[]) {
      const rule = open.find((each) => headFits(head, each.when));
      if (rule === undefined) return undefined;
      checkToken(rule, head, name);
      return respond(
        rule,
        readChallenge(rule, head, undefined, name),
        keys.find(({ role }) => role === 'current') ?? keys[0],
        head,
      );
    },
    ...(forms.length === 0
      ? {}
      : {
          mayBeForm: (head: RequestHead) =>
            isSmallForm(head) &&
            signatureHeaders.every((name) => head.values(name).length === 0) &&
            forms.some(({ when }) => headFits(head, when)),
          respondToForm(head: RequestHead, body: Uint8Array) {
            const fields = parseParameters(Buffer.from(body).toString('latin1')) ?? [];
            const rule = forms.find(
              ({ when }) => headFits(head, when) && parametersFit(fields, when.form ?? {}),
            );
            return rule === undefined ? undefined : respond(rule, '', undefined, head);
          },
        }),
    respondToSigned(head: RequestHead, body: () => unknown, key: Key | undefined) {
      const rule = signed.find((each) => headFits(head, each.when) && bodyFits(body, each));
      if (rule === undefined) return undefined;
      return respond(rule, readChallenge(rule, head, body, name), key, head);
    },
  });
}

function headFits(head: RequestHead, { method, header = {}, query = {} }: HandshakeConditions): boolean {
  if (method !== undefined && head.method?.toUpperCase() !== method) return false;
  const fits = (values: readonly (string | undefined)[], expected: string | true) =>
    values.length === 1 && (expected === true || values[0] === expected);
  if (!Object.entries(header).every(([name, expected]) => fits(head.values(name), expected))) return false;
  if (Object.keys(query).length === 0) return true;
  return parametersFit(queryParameters(head), query);
}

function parametersFit(
  parameters: readonly Parameter[],
  expected: Readonly<Record<string, string | true>>,
): boolean {
  return Object.entries(expected).every(([name, text]) => {
    const values = parameters.filter((each) => each.name === name).map(({ value }) => value);
    return values.length === 1 && (text === true || values[0] === text);
  });
}

/** Whether a request says that its body is a form, and is small enough to be read without a signature. */
function isSmallForm(head: RequestHead): boolean {
  const [type = ''] = head.values('content-type');
  const [length = ''] = head.values('content-length');
  return (
    /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type) &&
    /^[0-9]{1,4}$/.test(length) &&
    Number(length) <= MAX_FORM_BYTES
  );
}

function bodyFits(body: () => unknown, rule: HandshakeRule): boolean {
  const fields = rule.signed ? Object.entries(rule.when.field ?? {}) : [];
  return fields.length === 0 || fields.every(([path, expected]) => fieldOf(body(), path) === expected);
}

function readChallenge(
  rule: HandshakeRule,
  head: RequestHead,
  body: (() => unknown) | undefined,
  scheme: string,
): string {
  const { challenge } = rule;
  if (challenge === undefined) return '';
  const { header, query, field, characters, maxLength } = challenge;
  const text =
    header !== undefined
      ? head.value(header)
      : query !== undefined
        ? parameterOf(queryParameters(head), query)
        : fieldOf(body?.(), field ?? '');
  if (typeof text === 'string' && text.length <= maxLength && CHARACTERS[characters].test(text)) return text;
  throw new WebhookError(
    'ERR_WEBHOOK_HEADER_INVALID',
    `The ${scheme} challenge is missing, longer than ${maxLength} characters, or contains other characters than "${characters}".`,
  );
}

function checkToken(rule: HandshakeRule, head: RequestHead, scheme: string): void {
  if (rule.token === undefined) return;
  const given = parameterOf(queryParameters(head), rule.token.query) ?? '';
  const digest = createHash('sha256').update(given, 'utf8').digest();
  if (!timingSafeEqual(digest, Buffer.from(rule.token.sha256, 'hex'))) {
    throw new WebhookError(
      'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      `The ${scheme} handshake contains another verification token than this endpoint expects.`,
    );
  }
}

function respond(
  rule: HandshakeRule,
  challenge: string,
  key: Key | undefined,
  head: RequestHead,
): WebhookResponse {
  const { status = 200, text, json, headers } = rule.response;
  if (rule.mac !== undefined && key === undefined) {
    throw new WebhookError(
      'ERR_WEBHOOK_NOT_READY',
      'No valid set of secrets is loaded. See health() for the reason.',
    );
  }
  const mac = rule.mac === undefined || key === undefined ? '' : macOf(rule.mac, key.key, challenge, head);
  const fill = (template: string) =>
    template.replace(/\{(challenge|mac|keyId)\}/g, (_, name: string) =>
      name === 'challenge' ? challenge : name === 'mac' ? mac : (key?.id ?? ''),
    );
  const sent: Record<string, string> = { 'x-content-type-options': 'nosniff' };
  for (const [name, template] of Object.entries(headers ?? {})) sent[name] = fill(template);
  if (json !== undefined) {
    sent['content-type'] = 'application/json; charset=utf-8';
    const filled = Object.fromEntries(
      Object.entries(json).map(([name, value]) => [name, typeof value === 'string' ? fill(value) : value]),
    );
    return { status, headers: sent, body: JSON.stringify(filled) };
  }
  if (text === undefined) return { status, headers: sent, body: '' };
  sent['content-type'] = 'text/plain; charset=utf-8';
  return { status, headers: sent, body: fill(text) };
}

function macOf(
  { hmac, hash, encoding, over = '{challenge}' }: NonNullable<HandshakeRule['mac']>,
  key: KeyObject,
  challenge: string,
  head: RequestHead,
): string {
  const digest = hmac === undefined ? createHash(hash ?? 'sha256') : createHmac(hmac, key);
  for (const piece of over.split(/(\{challenge\}|\{secret\}|\{url\})/)) {
    if (piece === '{challenge}') digest.update(challenge, 'utf8');
    else if (piece === '{secret}') digest.update(key.export());
    else if (piece === '{url}') digest.update(head.publicUrl ?? '', 'utf8');
    else digest.update(piece, 'utf8');
  }
  return digest.digest(encoding);
}

/**
 * Makes a test of whether an unsigned handshake would sign this content for any caller, so that its signature proves nothing. Returns
 * `undefined` if no handshake signs such content. The test refuses no genuine delivery, because none is a bare challenge.
 */
export function compileChallengeTest(
  definition: Pick<SchemeDefinition, 'handshake'>,
): ((content: Message) => boolean) | undefined {
  const tests = handshakesOf(definition).flatMap(({ signed, challenge, mac }) => {
    const over = mac?.over ?? '{challenge}';
    // No delivery has content that contains the secret or a URL beside a challenge.
    if (signed || challenge === undefined || mac === undefined || /\{(?:secret|url)\}/.test(over)) return [];
    const [before = '', after = ''] = over.split('{challenge}');
    const { maxLength, characters } = challenge;
    return [{ before, after, maxLength, characters: CHARACTERS[characters] }];
  });
  if (tests.length === 0) return undefined;
  const longest = Math.max(
    ...tests.map(({ before, after, maxLength }) => maxLength + before.length + after.length),
  );
  return (content) => {
    const text = shortText(content, longest);
    return (
      text !== undefined &&
      tests.some(
        ({ before, after, maxLength, characters }) =>
          text.length > before.length + after.length &&
          text.length <= before.length + maxLength + after.length &&
          text.startsWith(before) &&
          text.endsWith(after) &&
          characters.test(text.slice(before.length, text.length - after.length)),
      )
    );
  };
}

/** The content as text, or `undefined` if it is longer than `longest`. */
function shortText(content: Message, longest: number): string | undefined {
  let text = '';
  let length = 0;
  content.feed({
    update(data: Uint8Array | string) {
      length += data.length;
      if (length <= longest) text += typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
    },
  });
  return length <= longest ? text : undefined;
}
