import type { RequestHead } from '../../request.ts';
import { WebhookError } from '../../webhook-error.ts';
import { decodeUtf8, fieldOf, parseJsonBody } from './json-body.ts';
import { multipartField } from './multipart-field.ts';
import { type Parameter, parseParameters } from './request-query.ts';

/** Reads a body as JSON or as a form: once, when it is first asked. */
export class BodyReader {
  readonly bytes: Uint8Array;
  readonly #head: RequestHead;
  readonly #multipart: string | undefined;
  #json: { readonly value: ReturnType<typeof parseJsonBody> } | undefined;
  #form: readonly Parameter[] | undefined;

  constructor(bytes: Uint8Array, head: RequestHead, multipart: string | undefined) {
    this.bytes = bytes;
    this.#head = head;
    this.#multipart = multipart;
  }

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
   * @throws `ERR_WEBHOOK_HEADER_INVALID` where the body is none: what can't be read as one must not pass for an empty one.
   */
  get form(): readonly Parameter[] {
    this.#form ??= this.#parseForm();
    if (this.#form === undefined)
      throw new WebhookError(
        'ERR_WEBHOOK_HEADER_INVALID',
        'The body is no form that can be read, and this sender signs its fields.',
      );
    return this.#form;
  }

  #parse(): ReturnType<typeof parseJsonBody> {
    if (this.#multipart === undefined) return parseJsonBody(this.bytes);
    const part = multipartField(this.bytes, this.#head.values('content-type')[0], this.#multipart);
    return part && parseJsonBody(part);
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
 * The text of a field as it is signed: text, numbers, true and false. What is absent or null is `undefined`.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` for anything else.
 */
export function fieldText(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  // Lone surrogates are all written alike: two texts would be signed by one signature.
  if (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new WebhookError(
    'ERR_WEBHOOK_HEADER_INVALID',
    `The field "${path}" of the body, which is signed, is no text.`,
  );
}
