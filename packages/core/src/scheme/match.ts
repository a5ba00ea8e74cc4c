import { fieldOf, parseJsonBody } from './json-body.ts';
import type { Key, Match } from './scheme.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import { parseBodyTime } from './signed-time.ts';

/** What the matching key vouches for. */
export function describeMatch(
  key: Key,
  signedId: string | undefined,
  body: Uint8Array,
  readUnsigned: () => Match['unsigned'],
  definition: SchemeDefinition,
): Match {
  const { identity, bodyTime } = definition;
  const vouched = { id: key.id, role: key.role };
  const named = identity === 'id' && signedId !== undefined ? `id:${signedId}` : 'body';
  if (bodyTime === undefined && typeof identity === 'string') {
    return new SignedMatch(vouched, signedId, named, readUnsigned);
  }
  return new JsonMatch(vouched, signedId, named, body, readUnsigned, definition);
}

/** What a matching signature vouches for. The labels, which decide nothing, are read when they are first asked for. */
class SignedMatch implements Match {
  readonly key: Match['key'];
  readonly bodyAuthenticated = true;
  readonly #id: string | undefined;
  readonly #identity: string;
  readonly #readUnsigned: () => Match['unsigned'];
  #unsigned: Match['unsigned'] | undefined;

  constructor(
    key: Match['key'],
    id: string | undefined,
    identity: string,
    readUnsigned: () => Match['unsigned'],
  ) {
    this.key = key;
    this.#id = id;
    this.#identity = identity;
    this.#readUnsigned = readUnsigned;
  }

  get id(): string | undefined {
    return this.#id;
  }
  get identity(): string {
    return this.#identity;
  }
  get unsigned(): Match['unsigned'] {
    this.#unsigned ??= this.#readUnsigned();
    return this.#unsigned;
  }
}

/** The same where a field of the JSON body tells it: the body is parsed when it is first asked. */
class JsonMatch extends SignedMatch {
  readonly #body: Uint8Array;
  readonly #definition: SchemeDefinition;
  #parsed: { readonly json: ReturnType<typeof parseJsonBody> } | undefined;

  constructor(
    key: Match['key'],
    signedId: string | undefined,
    named: string,
    body: Uint8Array,
    readUnsigned: () => Match['unsigned'],
    definition: SchemeDefinition,
  ) {
    super(key, signedId, named, readUnsigned);
    this.#body = body;
    this.#definition = definition;
  }

  get json(): ReturnType<typeof parseJsonBody> {
    this.#parsed ??= { json: parseJsonBody(this.#body) };
    return this.#parsed.json;
  }
  override get id(): string | undefined {
    return this.#fieldId() ?? super.id;
  }
  override get identity(): string {
    const id = this.#fieldId();
    return id === undefined ? super.identity : `id:${id}`;
  }
  get signedAt(): number | null | undefined {
    const { bodyTime } = this.#definition;
    return bodyTime && (parseBodyTime(fieldOf(this.json?.value, bodyTime.field), bodyTime.unit) ?? null);
  }
  #fieldId(): string | undefined {
    const { identity } = this.#definition;
    return typeof identity === 'string' ? undefined : idText(fieldOf(this.json?.value, identity.bodyField));
  }
}

function idText(value: unknown): string | undefined {
  // Lone surrogates all hash alike; such an id names nothing.
  if (typeof value === 'string' && value !== '' && !/\p{Surrogate}/u.test(value)) return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
}
