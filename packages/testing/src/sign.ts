import type { DefinedScheme, SchemeDefinition, SignatureRule } from '@countersign/core';
import { rulesOf } from '@countersign/core/extend';
import { contentOf } from './signing/content.ts';
import { Draft } from './signing/draft.ts';
import { placeSignatures, writeSignature } from './signing/place.ts';
import { sharedKey, signBytes } from './signing/signing-key.ts';

/** What to sign. */
export interface SignInput {
  /**
   * The signing secret as the sender shows it. If the sender signs with a private key, that key as PEM: see
   * {@link generateSigningKeys}. Pass several if the sender signs with several at once.
   */
  secret: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Text is signed as UTF-8. */
  body: string | Uint8Array;
  /** The delivery id, for schemes that sign one. Default: a random one. */
  id?: string;
  /** The time of the signature: a date, or Unix seconds. Default: now. */
  timestamp?: Date | number;
  /** For schemes that sign it. Default: `POST`. */
  method?: string;
  /** The whole URL, for schemes that sign it or parts of it. */
  url?: string;
  /** The id of the key, for schemes whose requests name it. */
  keyId?: string;
  /** Which of the scheme's rules signs, by index. Default: the first. */
  rule?: number;
  /** Further headers to send, for example headers that the sender does not sign. */
  headers?: Readonly<Record<string, string>>;
}

/** A signed request, ready to be sent. */
export interface SignedRequest {
  headers: Record<string, string>;
  /** The bytes to send: a `Buffer`, which `fetch()`, `node:http` and `fastify.inject()` send as it is. */
  body: Buffer<ArrayBuffer>;
  /** The same as text, for tools that would send a `Buffer` as JSON, such as supertest. */
  text: string;
  /** The URL to send it to, including what the sender adds to the query. Absent if you passed no `url`. */
  url?: string;
}

/**
 * Signs a delivery as the scheme's sender would, from the scheme's definition: for tests of your own receiver.
 *
 * If the signature is part of the body, the returned body contains it, and signed fields that were missing. To get a request that a
 * receiver must refuse, pass an old or future `timestamp` or the previous secret, or use {@link tamper} on the result.
 *
 * @throws TypeError if the input is not enough to sign what the definition describes.
 * @example
 * ```ts
 * const { headers, body } = sign(stripe(), { secret: 'whsec_test_0123456789abcdef', body: '{"id":"evt_1"}' })
 * await fetch(url, { method: 'POST', headers, body })
 * ```
 */
export function sign(scheme: Pick<DefinedScheme, 'definition'>, input: SignInput): SignedRequest {
  const { definition } = scheme;
  checkInput(input);
  const rule = ruleAt(definition, input.rule ?? 0);
  const draft = new Draft(definition, {
    headers: { 'content-type': contentType(rule), ...input.headers },
    method: input.method ?? 'POST',
    url: input.url,
    timestamp: timeText(
      rule.timestamp?.unit ?? definition.bodyTimestamp?.unit,
      input.timestamp ?? new Date(),
    ),
    id: input.id ?? (rule.id?.format === 'uuid' ? crypto.randomUUID() : `msg_${crypto.randomUUID()}`),
    body: typeof input.body === 'string' ? Buffer.from(input.body, 'utf8') : Buffer.from(input.body),
  });
  draft.prepare(rule);
  if (rule.keyId !== undefined && input.keyId !== undefined) draft.headers[rule.keyId.header] = input.keyId;

  const secrets: readonly (string | Uint8Array)[] = Array.isArray(input.secret)
    ? input.secret
    : [input.secret as string | Uint8Array];
  const texts = secrets.map((secret) => {
    const content =
      rule.content === undefined
        ? Buffer.of()
        : contentOf(rule, draft, () => sharedKey(secret, definition.secret));
    return writeSignature(rule, signBytes(rule, definition.secret, secret, content));
  });
  placeSignatures(rule, draft, texts, input.keyId ?? 'key');
  const url = draft.givenUrl;
  const body = Buffer.from(draft.body);
  return { headers: draft.headers, body, text: body.toString('utf8'), ...(url === undefined ? {} : { url }) };
}

/**
 * The same request with one bit of its body changed: what a receiver must refuse.
 *
 * @example
 * ```ts
 * const forged = tamper(sign(github(), { secret, body }))
 * ```
 */
export function tamper(request: {
  headers: Record<string, string>;
  body: Uint8Array;
  url?: string;
}): SignedRequest {
  const body = Buffer.from(request.body.length === 0 ? [0] : request.body);
  body[0] = (body[0] ?? 0) ^ 1;
  return { ...request, headers: { ...request.headers }, body, text: body.toString('utf8') };
}

function checkInput({ secret, body }: SignInput): void {
  if (secret === undefined || secret === null)
    throw new TypeError('"secret" of sign() is missing: pass the signing secret of the sender.');
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TypeError(
      '"body" of sign() must be text or bytes: pass JSON.stringify(value) instead of an object.',
    );
}

function ruleAt(definition: SchemeDefinition, index: number): SignatureRule {
  const { name } = definition;
  if (definition.signed === undefined) {
    throw new TypeError(
      `sign() needs a scheme of defineScheme(), and ${name} is not one: sign with the sender's own library, or make its token with "jose".`,
    );
  }
  const rules = rulesOf(definition);
  const rule = rules[index];
  if (rule === undefined)
    throw new TypeError(
      `"rule" of sign() is ${index}, but the scheme ${name} has ${rules.length} rule(s), counted from 0.`,
    );
  return rule;
}

function contentType(rule: SignatureRule): string {
  const isForm =
    rule.signature.formField !== undefined ||
    Object.values(rule.parts ?? {}).some((part) => 'sorted' in part && part.sorted === 'form');
  return isForm ? 'application/x-www-form-urlencoded' : 'application/json';
}

function timeText(unit: string | undefined, time: Date | number): string {
  const ms = typeof time === 'number' ? time * 1000 : time.getTime();
  switch (unit) {
    case 'ms':
      return String(Math.round(ms));
    case 'iso':
      return new Date(ms).toISOString();
    case 'iso-utc':
      return new Date(ms).toISOString().slice(0, -1);
    case 'http-date':
      return new Date(ms).toUTCString();
    default:
      return String(Math.floor(ms / 1000));
  }
}
