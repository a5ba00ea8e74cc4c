import { fieldOf, parseJsonBody } from './json-body.ts';
import type { Key, Match } from './scheme.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import { parseBodyTime } from './signed-time.ts';

/** What the matching key vouches for. */
export function describeMatch(
  key: Key,
  signedId: string | undefined,
  body: Uint8Array,
  unsigned: Readonly<Record<string, string>>,
  definition: SchemeDefinition,
): Match {
  const { identity, bodyTime } = definition;
  const vouched = { id: key.id, role: key.role };
  const named = identity === 'id' && signedId !== undefined ? `id:${signedId}` : 'body';
  if (bodyTime === undefined && typeof identity === 'string') {
    return { key: vouched, id: signedId, identity: named, bodyAuthenticated: true, unsigned };
  }
  return new JsonMatch(vouched, signedId, named, body, unsigned, definition);
}

/** What a matching signature vouches for where a field of the JSON body tells it: the body is parsed when it is first asked. */
class JsonMatch implements Match {
  readonly key: Match['key'];
  readonly bodyAuthenticated = true;
  readonly unsigned: Match['unsigned'];
  readonly #signedId: string | undefined;
  readonly #named: string;
  readonly #body: Uint8Array;
  readonly #definition: SchemeDefinition;
  #parsed: { readonly json: ReturnType<typeof parseJsonBody> } | undefined;

  constructor(
    key: Match['key'],
    signedId: string | undefined,
    named: string,
    body: Uint8Array,
    unsigned: Match['unsigned'],
    definition: SchemeDefinition,
  ) {
    this.key = key;
    this.unsigned = unsigned;
    this.#signedId = signedId;
    this.#named = named;
    this.#body = body;
    this.#definition = definition;
  }

  get json(): ReturnType<typeof parseJsonBody> {
    this.#parsed ??= { json: parseJsonBody(this.#body) };
    return this.#parsed.json;
  }
  get id(): string | undefined {
    return this.#fieldId() ?? this.#signedId;
  }
  get identity(): string {
    const id = this.#fieldId();
    return id === undefined ? this.#named : `id:${id}`;
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
