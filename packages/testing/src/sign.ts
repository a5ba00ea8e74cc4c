import type { DefinedScheme, SchemeDefinition, SignatureRule } from '@countersign/core';
import { contentOf } from './signing/content.ts';
import { Draft } from './signing/draft.ts';
import { placeSignatures, writeSignature } from './signing/place.ts';
import { sharedKey, signBytes } from './signing/signing-key.ts';

/** What to sign. */
export interface SignInput {
  /**
   * The signing secret as the sender shows it, or, where it signs with a private key, that key as PEM: see
   * {@link generateSigningKeys}. Several where the sender signs with several at once.
   */
  secret: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Text is signed as UTF-8. */
  body: string | Uint8Array;
  /** The delivery id, for schemes that sign one. Default: a random one. */
  id?: string;
  /** When it is signed: a date, or Unix seconds. Default: now. */
  timestamp?: Date | number;
  /** For schemes that sign it. Default: `POST`. */
  method?: string;
  /** The whole address, for schemes that sign it or parts of it. */
  url?: string;
  /** The id of the key, for schemes whose requests name it. */
  keyId?: string;
  /** Which of the scheme's forms signs, by index. Default: the first. */
  form?: number;
  /** Headers to send beside the signature's own, such as a scheme's unsigned labels. */
  headers?: Readonly<Record<string, string>>;
}

/** A signed request, ready to be sent. */
export interface SignedRequest {
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
  /** The address to send it to, where one was given: with what the sender adds to its query. */
  url?: string;
}

/**
 * Signs a delivery as the scheme's sender would, from the scheme's definition: for tests of your own receiver.
 *
 * Where the signature stands in the body, the body is given back with it, and with those signed fields that it lacked. An old or future
 * `timestamp`, the previous secret, or {@link tamper} on the result give what a receiver must refuse.
 *
 * @throws TypeError where the definition can't be signed with what is given.
 * @example
 * ```ts
 * const { headers, body } = sign(stripe(), { secret: 'whsec_test_0123456789abcdef', body: '{"id":"evt_1"}' })
 * await fetch(url, { method: 'POST', headers, body })
 * ```
 */
export function sign(scheme: Pick<DefinedScheme, 'definition'>, input: SignInput): SignedRequest {
  const { definition } = scheme;
  const form = formAt(definition, input.form ?? 0);
  const draft = new Draft(definition, {
    headers: { 'content-type': contentType(form), ...input.headers },
    method: input.method ?? 'POST',
    url: input.url,
    timestamp: timeText(
      form.timestamp?.unit ?? definition.bodyTimestamp?.unit,
      input.timestamp ?? new Date(),
    ),
    id: input.id ?? (form.id?.format === 'uuid' ? crypto.randomUUID() : `msg_${crypto.randomUUID()}`),
    body: typeof input.body === 'string' ? Buffer.from(input.body, 'utf8') : Buffer.from(input.body),
  });
  draft.prepare(form);
  if (form.keyId !== undefined && input.keyId !== undefined) draft.headers[form.keyId.header] = input.keyId;

  const secrets: readonly (string | Uint8Array)[] = Array.isArray(input.secret)
    ? input.secret
    : [input.secret as string | Uint8Array];
  const texts = secrets.map((secret) => {
    const content =
      form.content === undefined
        ? Buffer.of()
        : contentOf(form, draft, () => sharedKey(secret, definition.secret));
    return writeSignature(form, signBytes(form, definition.secret, secret, content));
  });
  placeSignatures(form, draft, texts, input.keyId ?? 'key');
  const url = draft.givenUrl;
  return { headers: draft.headers, body: Uint8Array.from(draft.body), ...(url === undefined ? {} : { url }) };
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
  const body = Uint8Array.from(request.body.length === 0 ? [0] : request.body);
  body[0] = (body[0] ?? 0) ^ 1;
  return { ...request, headers: { ...request.headers }, body };
}

function formAt({ signed, name }: SchemeDefinition, index: number): SignatureRule {
  if (signed === undefined) {
    throw new TypeError(
      `sign() signs what defineScheme() describes, and ${name} is no such scheme: sign with the sender's own library, or make its token with "jose".`,
    );
  }
  const forms = Array.isArray(signed) ? (signed as readonly SignatureRule[]) : [signed as SignatureRule];
  const form = forms[index];
  if (form === undefined)
    throw new TypeError(`The scheme ${name} has ${forms.length} form(s), none at index ${index}.`);
  return form;
}

function contentType(form: SignatureRule): string {
  const isForm =
    form.signature.formField !== undefined ||
    Object.values(form.parts ?? {}).some((part) => 'sorted' in part && part.sorted === 'form');
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
