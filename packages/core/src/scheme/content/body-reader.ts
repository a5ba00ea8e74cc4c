import type { RequestHead } from '../../request.ts';
import { headerInvalid } from './header-invalid.ts';
import { checkJsonSize, decodeUtf8, fieldOf, parseJsonBody } from './json-body.ts';
import { multipartField } from './multipart-field.ts';
import { type Parameter, parseParameters } from './request-query.ts';

/** Reads a body as JSON or as a form: once, when it is first asked. */
export class BodyReader {
  readonly bytes: Uint8Array;
  /** Whether a signature covers the bytes: then only the sender decides how expensive they are to parse. */
  isTrusted = false;
  readonly #head: RequestHead;
  readonly #multipart: string | undefined;
  readonly #written = new Map<object, Uint8Array | undefined>();
  #json: { readonly value: ReturnType<typeof parseJsonBody> } | undefined;
  #form: readonly Parameter[] | undefined;

  constructor(bytes: Uint8Array, head: RequestHead, multipart: string | undefined) {
    this.bytes = bytes;
    this.#head = head;
    this.#multipart = multipart;
  }

  /**
   * The body's JSON, or `undefined` if it is not JSON.
   * @throws `ERR_WEBHOOK_HEADER_INVALID` if no signature covers the body yet and it is expensive to parse.
   */
  get json(): ReturnType<typeof parseJsonBody> {
    this.#json ??= { value: this.#parse() };
    return this.#json.value;
  }

  /** The value of a field of the JSON, by its dotted path. */
  field(path: string): unknown {
    return fieldOf(this.json?.value, path);
  }

  /**
   * The parameters of a form.
   * @throws `ERR_WEBHOOK_HEADER_INVALID` if the body is not a form: an unreadable form must not pass for an empty one.
   */
  get form(): readonly Parameter[] {
    this.#form ??= this.#parseForm();
    if (this.#form === undefined)
      throw headerInvalid(
        'The body is not a form that can be read, but this sender signs the fields of a form.',
      );
    return this.#form;
  }

  /** The bytes of a part of the signed content, written once however many URLs and templates are tried. */
  once(part: object, write: () => Uint8Array | undefined): Uint8Array | undefined {
    if (!this.#written.has(part)) this.#written.set(part, write());
    return this.#written.get(part);
  }

  #parse(): ReturnType<typeof parseJsonBody> {
    const bytes =
      this.#multipart === undefined
        ? this.bytes
        : multipartField(this.bytes, this.#head.values('content-type')[0], this.#multipart);
    if (bytes === undefined) return undefined;
    return this.isTrusted || checkJsonSize(bytes) ? parseJsonBody(bytes) : undefined;
  }

  #parseForm(): readonly Parameter[] | undefined {
    try {
      return parseParameters(decodeUtf8(this.bytes));
    } catch {
      return undefined;
    }
  }
}

/**
 * The text of a field as the sender signs it: text, numbers, true and false. Returns `undefined` if the field is absent or null.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` for anything else.
 */
export function fieldText(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  // All lone surrogates are written as the same bytes: two texts would have one signature.
  if (typeof value === 'string' && isWellFormed(value)) return value;
  if ((typeof value === 'number' && Number.isFinite(value)) || typeof value === 'boolean')
    return String(value);
  throw headerInvalid(`The field "${path}" of the body, which is signed, is not a text that can be signed.`);
}

/**
 * JSON in the canonical form of RFC 8785: names in the order of their UTF-16 units, no white space, numbers and texts as ECMAScript
 * writes them.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` for what JSON can't hold: numbers beyond its range, and lone surrogates.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return scalar(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${scalar(name)}:${canonicalJson((value as Record<string, unknown>)[name])}`);
  return `{${members.join(',')}}`;
}

function scalar(value: unknown): string {
  // JSON.stringify() would write Infinity as null, so that one signature would cover both.
  if (typeof value === 'number' && !Number.isFinite(value))
    throw headerInvalid(
      'The body contains a number beyond the range of JSON, so that it has no canonical form.',
    );
  if (typeof value === 'string' && !isWellFormed(value))
    throw headerInvalid('The body contains half a character, so that it has no canonical form.');
  return JSON.stringify(value);
}

/** `String.prototype.isWellFormed()`, which Node.js 20 has and this version of the language's types has not. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
