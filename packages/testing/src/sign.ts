import { createHmac } from 'node:crypto';
import type { DefinedScheme, SchemeDefinition, SecretFormat, SignedForm } from '@countersign/core';

/** What to sign. */
export interface SignInput {
  /** The signing secret as the sender shows it; several where the sender signs with several at once. */
  secret: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Text is signed as UTF-8. */
  body: string | Uint8Array;
  /** The delivery id, for schemes that sign one. Default: a random one. */
  id?: string;
  /** When it is signed: a date, or Unix seconds. Default: now. */
  timestamp?: Date | number;
  /** Which of the scheme's forms signs, by index. Default: the first. */
  form?: number;
  /** Headers to send beside the signature's own, such as a scheme's unsigned labels. */
  headers?: Readonly<Record<string, string>>;
}

/** A signed request, ready to be sent. */
export interface SignedRequest {
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
}

/**
 * Signs a delivery as the scheme's sender would, from the scheme's definition: for tests of your own receiver.
 *
 * An old or future `timestamp`, the previous secret, or {@link tamper} on the result give what a receiver must refuse.
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
  const body = typeof input.body === 'string' ? Buffer.from(input.body, 'utf8') : Uint8Array.from(input.body);
  const parts = {
    id: input.id ?? `msg_${crypto.randomUUID()}`,
    timestamp: timeText(form, input.timestamp ?? new Date()),
  };
  const headers: Record<string, string> = { 'content-type': 'application/json', ...input.headers };
  if (form.id !== undefined) headers[form.id.header] = parts.id;
  if (form.timestamp?.header !== undefined) headers[form.timestamp.header] = parts.timestamp;

  const secrets = Array.isArray(input.secret) ? input.secret : [input.secret];
  const digests = secrets.map((secret: string | Uint8Array) => {
    const digest = mac(form, keyOf(secret, definition.secret), parts, body);
    const { encoding } = form.signature;
    return encoding === 'hex-upper' ? digest.toString('hex').toUpperCase() : digest.toString(encoding);
  });
  headers[signatureHeader(form)] = signatureText(form, digests, parts.timestamp);
  return { headers, body };
}

/**
 * The same request with one bit of its body changed: what a receiver must refuse.
 *
 * @example
 * ```ts
 * const forged = tamper(sign(github(), { secret, body }))
 * ```
 */
export function tamper(request: { headers: Record<string, string>; body: Uint8Array }): SignedRequest {
  const body = Uint8Array.from(request.body.length === 0 ? [0] : request.body);
  body[0] = (body[0] ?? 0) ^ 1;
  return { headers: { ...request.headers }, body };
}

function formAt({ signed, name }: SchemeDefinition, index: number): SignedForm {
  const forms: readonly SignedForm[] = 'content' in signed ? [signed] : signed;
  const form = forms[index];
  if (form === undefined)
    throw new TypeError(`The scheme ${name} has ${forms.length} form(s), none at index ${index}.`);
  return form;
}

function timeText(form: SignedForm, time: Date | number): string {
  const ms = typeof time === 'number' ? time * 1000 : time.getTime();
  return String(form.timestamp?.unit === 'ms' ? Math.round(ms) : Math.floor(ms / 1000));
}

// Deliberately not the code that verifies: a mistake shared by both would pass every test.
function mac(
  form: SignedForm,
  key: Uint8Array,
  parts: { id: string; timestamp: string },
  body: Uint8Array,
): Buffer {
  const [before = '', after = ''] = form.content
    .replaceAll('{id}', () => parts.id)
    .replaceAll('{timestamp}', () => parts.timestamp)
    .split('{body}');
  return createHmac(form.algorithm.hmac, key)
    .update(Buffer.concat([Buffer.from(before, 'latin1'), body, Buffer.from(after, 'latin1')]))
    .digest();
}

function keyOf(secret: string | Uint8Array, format: SecretFormat): Uint8Array {
  if (typeof secret !== 'string') return secret;
  const { prefix = '', encoding } = format;
  return Buffer.from(secret.startsWith(prefix) ? secret.slice(prefix.length) : secret, encoding);
}

function signatureHeader({ signature }: SignedForm): string {
  return typeof signature.header === 'string' ? signature.header : signature.header[0];
}

function signatureText(
  { signature, timestamp }: SignedForm,
  digests: readonly string[],
  time: string,
): string {
  const { list, prefix = '' } = signature;
  if (list === undefined) {
    if (digests.length !== 1) throw new TypeError('This scheme sends one signature: give one secret.');
    return `${prefix}${digests[0]}`;
  }
  const entry = (label: string | undefined, value: string) =>
    label === undefined ? value : `${label}${list.assign ?? ''}${value}`;
  const entries = digests.map((digest) => entry(list.label, digest));
  if (timestamp?.item !== undefined) entries.unshift(entry(timestamp.item, time));
  return entries.join(list.separator);
}
