import { createHash, createHmac } from 'node:crypto';
import type { ManualClock } from '@countersign/testing';
import type { ClassicDefinition, ClassicForm } from '../rules.ts';

/** The role of a secret for the receiver of the matrix. `removed` was in its set before the last reload. */
export type SecretName = 'current' | 'previous' | 'next' | 'expired' | 'removed' | 'foreign';

/** A request, header by header, so that they may repeat. */
export interface MatrixRequest {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly framing?: 'length' | 'chunked' | 'truncated';
}

/** Everything of a delivery that can be made wrong. What is left out is right. */
export interface DeliveryParts {
  readonly secret?: SecretName;
  readonly key?: Uint8Array;
  readonly id?: string;
  readonly time?: string;
  /** What is signed. */
  readonly body?: Buffer;
  /** What is sent. Default: what is signed. */
  readonly sentBody?: Buffer;
  readonly sentId?: string;
  readonly sentTime?: string;
  /** Changes the text of the signature. */
  readonly text?: (right: string) => string;
  /** Changes the whole value of the signature header. */
  readonly value?: (right: string) => string;
  /** Texts of further signatures, if the scheme takes several. */
  readonly further?: { readonly before?: readonly string[]; readonly after?: readonly string[] };
}

/**
 * A sender as its scheme's definition describes it, in one of its forms. It signs by itself, so that nothing it shares with the
 * code under test can be wrong in both.
 */
export class MatrixSender {
  readonly definition: ClassicDefinition;
  readonly form: ClassicForm;
  readonly clock: ManualClock;
  readonly signatureHeader: string;
  #count = 0;

  constructor(definition: ClassicDefinition, form: ClassicForm, clock: ManualClock) {
    this.definition = definition;
    this.form = form;
    this.clock = clock;
    this.signatureHeader = form.signature.header;
  }

  /** A secret's text as the sender shows it. */
  secret(name: SecretName): string {
    const { encoding, prefix = '' } = this.definition.secret;
    const key = this.#keyBytes(name);
    return encoding === 'utf8' ? key.toString('utf8') : `${prefix}${key.toString(encoding)}`;
  }

  /** A body that no other delivery has, with the fields that the scheme reads. */
  body(fields: Readonly<Record<string, unknown>> = {}): Buffer {
    const { identity, bodyTimestamp } = this.definition;
    const json: Record<string, unknown> = {
      text: 'Zürich \u{1f600} $& \ufffd',
      amount: 10.5,
      count: ++this.#count,
    };
    if (typeof identity === 'object') setField(json, identity.bodyField, `event-${this.#count}`);
    if (bodyTimestamp?.field !== undefined) setField(json, bodyTimestamp.field, this.bodyTimestamp(0));
    for (const [path, value] of Object.entries(fields)) setField(json, path, value);
    return Buffer.from(JSON.stringify(json, undefined, 1));
  }

  /** So many seconds from now, in the unit of the body's time. */
  bodyTimestamp(offsetSeconds: number): number {
    const ms = this.clock.now() + offsetSeconds * 1000;
    return this.definition.bodyTimestamp?.unit === 'ms' ? ms : Math.floor(ms / 1000);
  }

  /** So many seconds from now, as the text of the signed time. */
  time(offsetSeconds = 0): string {
    const ms = this.clock.now() + offsetSeconds * 1000;
    return String(this.form.timestamp?.unit === 'ms' ? ms : Math.floor(ms / 1000));
  }

  id(): string {
    return `msg_${++this.#count}_${'x'.repeat(8)}`;
  }

  /** The digest that a key makes of a delivery. */
  digest(parts: {
    secret?: SecretName;
    key?: Uint8Array;
    id: string;
    time: string;
    body: Uint8Array;
  }): Buffer {
    const [before = '', after = ''] = this.form.content
      .split('{id}')
      .join(parts.id)
      .split('{timestamp}')
      .join(parts.time)
      .split('{body}');
    return createHmac(this.form.algorithm.hmac, parts.key ?? this.#keyBytes(parts.secret ?? 'current'))
      .update(before, 'latin1')
      .update(parts.body)
      .update(after, 'latin1')
      .digest();
  }

  /** A digest as the scheme writes it. */
  text(digest: Buffer): string {
    const { encoding } = this.form.signature;
    return encoding === 'hex-upper' ? digest.toString('hex').toUpperCase() : digest.toString(encoding);
  }

  request(parts: DeliveryParts = {}): MatrixRequest {
    const { id = this.id(), time = this.time(), body = this.body(), secret = 'current' } = parts;
    const { text = same, value = same, further = {} } = parts;
    const key = parts.key === undefined ? {} : { key: parts.key };
    const right = text(this.text(this.digest({ ...key, secret, id, time, body })));
    const texts = [...(further.before ?? []), right, ...(further.after ?? [])];
    const sentTime = parts.sentTime ?? time;
    const headers: [string, string][] = [['content-type', 'application/json']];
    if (this.form.id !== undefined) headers.push([this.form.id.header, parts.sentId ?? id]);
    if (this.form.timestamp?.header !== undefined) headers.push([this.form.timestamp.header, sentTime]);
    headers.push([this.signatureHeader, value(this.signatureValue(texts, sentTime))]);
    return { headers, body: parts.sentBody ?? body };
  }

  signatureValue(texts: readonly string[], time: string): string {
    const { list, prefix = '' } = this.form.signature;
    if (list === undefined) return `${prefix}${texts.join('')}`;
    const entry = (label: string | undefined, text: string) =>
      label === undefined ? text : `${label}${list.assign ?? ''}${text}`;
    const entries = texts.map((text) => entry(list.label, text));
    if (this.form.timestamp?.entry !== undefined) entries.unshift(entry(this.form.timestamp.entry, time));
    return entries.join(list.separator);
  }

  #keyBytes(name: SecretName): Buffer {
    const bytes = createHash('sha256').update(`matrix ${this.definition.name} ${name}`).digest();
    return this.definition.secret.encoding === 'utf8'
      ? Buffer.from(`canary-${bytes.toString('hex')}`)
      : bytes;
  }
}

function setField(json: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? path;
  let at = json;
  for (const name of names) {
    const inner: Record<string, unknown> = {};
    at[name] = inner;
    at = inner;
  }
  at[last] = value;
}

function same(text: string): string {
  return text;
}
