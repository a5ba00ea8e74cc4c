import { createHash } from 'node:crypto';
import type { BodyReader } from './content/body-reader.ts';
import type { Message } from './content/message.ts';
import { parameterOf } from './content/request-query.ts';
import type { SchemeDefinition } from './definition/scheme-definition.ts';
import type { Key, Match } from './scheme.ts';
import { parseBodyTime } from './signature/signed-time.ts';

/** What is known of a delivery whose signature matched. */
export interface Signed {
  readonly key: Key;
  readonly id: string | undefined;
  readonly body: BodyReader;
  /** Whether the signature covers the body. */
  readonly coversBody: boolean;
  /** The signed content without its time. */
  readonly content: () => Message;
  readonly readUnsignedHeaders: () => Match['unsignedHeaders'];
}

/** What the matching key vouches for. */
export function describeMatch(signed: Signed, definition: SchemeDefinition): Match {
  const { identity, bodyTimestamp, multipartField } = definition;
  const plain = identity === 'id' || identity === 'body';
  if (bodyTimestamp === undefined && multipartField === undefined && plain)
    return new SignedMatch(signed, identity);
  return new ReadMatch(signed, definition);
}

/** What a matching signature vouches for. The unsigned headers, which decide nothing, are read when they are first needed. */
class SignedMatch implements Match {
  readonly key: Match['key'];
  readonly bodyAuthenticated: boolean;
  readonly #signed: Signed;
  readonly #identity: SchemeDefinition['identity'];
  #unsignedHeaders: Match['unsignedHeaders'] | undefined;

  constructor(signed: Signed, identity: SchemeDefinition['identity']) {
    this.key = { id: signed.key.id, role: signed.key.role };
    this.bodyAuthenticated = signed.coversBody;
    this.#signed = signed;
    this.#identity = identity;
  }

  get id(): string | undefined {
    return this.#signed.id;
  }
  get identity(): string {
    const { id } = this.#signed;
    return this.#identity === 'id' && id !== undefined ? `id:${id}` : 'body';
  }
  get unsignedHeaders(): Match['unsignedHeaders'] {
    this.#unsignedHeaders ??= this.#signed.readUnsignedHeaders();
    return this.#unsignedHeaders;
  }
}

/** The same if a field of the body or the signed content names the delivery: both are read when they are first needed. */
class ReadMatch extends SignedMatch {
  readonly #read: Signed;
  readonly #definition: SchemeDefinition;
  #content: string | undefined;

  constructor(signed: Signed, definition: SchemeDefinition) {
    super(signed, definition.identity);
    this.#read = signed;
    this.#definition = definition;
  }

  get json(): BodyReader['json'] {
    return this.#read.body.json;
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
  // All lone surrogates have the same hash: such an id names nothing.
  if (typeof value === 'string' && value !== '' && !/\p{Surrogate}/u.test(value)) return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
}
