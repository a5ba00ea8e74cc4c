import type { RequestHead } from '../request.ts';
import type { BodyReader } from './body-reader.ts';
import { fieldText } from './body-reader.ts';
import { invalid } from './head-values.ts';
import { parameterOf, queryParameters } from './request-query.ts';
import {
  MAX_HEADER_LENGTH,
  MAX_SIGNATURES,
  readSignatures,
  type SignatureGrammar,
  type SignatureHeader,
} from './signature-header.ts';
import type { SignatureLocation, SignatureRule, TokenLocation } from './signature-rule.ts';

/** `undefined`: the request has no signature of this form. */
export type SignatureReader<Source> = (source: Source) => SignatureHeader | undefined;

type Place = SignatureLocation | TokenLocation;
/** Reads one text, and further ones of the same request. */
type TextReader = (text: string, where: string, further: readonly string[]) => SignatureHeader | undefined;
const NONE: readonly string[] = [];

/** Whether signatures stand in the body, so that nothing can be judged ahead of it. */
export function isInBody({ signature }: SignatureRule): boolean {
  return signature.field !== undefined || signature.formField !== undefined;
}

/**
 * Makes the reader of signatures that stand in the head of a request.
 *
 * @param isShared Another form reads the same header: without an entry of this one's label, the signature is left to that.
 */
export function headSignatures(
  form: SignatureRule,
  context: { readonly scheme: string; readonly length: number; readonly isShared: boolean },
): SignatureReader<RequestHead> {
  const { signature } = form;
  const read = reader(form, context);
  if (signature.query !== undefined) {
    const { query } = signature;
    return (head) => {
      const text = parameterOf(queryParameters(head), query);
      return text === undefined ? undefined : read(text, `parameter "${query}"`, NONE);
    };
  }
  if (signature.numberedHeader !== undefined) {
    const { numberedHeader } = signature;
    return (head) => {
      const texts: string[] = [];
      for (let number = 1; number <= MAX_SIGNATURES + 1; number++) {
        const text = head.value(`${numberedHeader}${number}`);
        if (text === undefined) break;
        texts.push(text);
      }
      return all(read, texts, `header "${numberedHeader}1"`);
    };
  }
  const header = signature.header ?? '';
  if (typeof header === 'string' && signature.repeated !== true) {
    const name = `header "${header}"`;
    return (head) => {
      const text = head.value(header);
      return text === undefined ? undefined : read(text, name, NONE);
    };
  }
  const names = typeof header === 'string' ? [header] : header;
  return (head) => {
    const texts = names.flatMap((name) => {
      if (signature.repeated === true) return head.values(name);
      const text = head.value(name);
      return text === undefined ? [] : [text];
    });
    return all(read, texts, `header "${names.join('" or "')}"`);
  };
}

/** Makes the reader of signatures that stand in the body. */
export function bodySignatures(
  form: SignatureRule,
  context: { readonly scheme: string; readonly length: number; readonly isShared: boolean },
): SignatureReader<BodyReader> {
  const { field, formField } = form.signature;
  const read = reader(form, context);
  return (body) => {
    const text =
      field === undefined ? parameterOf(body.form, formField ?? '') : fieldText(body.field(field), field);
    return text === undefined ? undefined : read(text, `field "${field ?? formField}"`, NONE);
  };
}

function all(
  read: TextReader,
  [first, ...further]: readonly string[],
  where: string,
): SignatureHeader | undefined {
  return first === undefined ? undefined : read(first, where, further);
}

function reader(
  form: SignatureRule,
  {
    scheme,
    length,
    isShared,
  }: { readonly scheme: string; readonly length: number; readonly isShared: boolean },
): TextReader {
  const { signature, timestamp } = form;
  if (signature.encoding === 'text' || 'token' in form.algorithm) return tokenReader(signature, scheme);
  const grammar = signature as SignatureGrammar;
  const itemAt = timestamp?.entry;
  return (text, where, further) => {
    let found = readOne(text, where);
    for (const each of further) found = both(found, readOne(each, where));
    if (found.excess || found.signatures.length > MAX_SIGNATURES) {
      throw invalid(
        `The ${where} repeats what must stand once, or holds more than ${MAX_SIGNATURES} signatures.`,
      );
    }
    if (isShared && found.candidates === 0) return undefined;
    if (found.signatures.length === 0)
      throw invalid(`The ${scheme} signature holds no well-formed signature.`);
    return found;
  };

  function readOne(text: string, where: string): SignatureHeader {
    if (text.length > MAX_HEADER_LENGTH) throw tooLong(where);
    return readSignatures(text, grammar, length, itemAt);
  }
}

/** A token is what stands behind the prefix, whatever its length: it is compared by digest. */
function tokenReader({ prefix = '', encoding }: Place, scheme: string): TextReader {
  return (text, where, further) => {
    const signatures = [text, ...further].flatMap((each) => {
      if (each.length > MAX_HEADER_LENGTH) throw tooLong(where);
      if (!each.startsWith(prefix)) return [];
      const token = each.slice(prefix.length);
      if (encoding === 'text') return token === '' ? [] : [Buffer.from(token, 'latin1')];
      const bytes = Buffer.from(token, 'base64');
      return bytes.length > 0 && bytes.toString('base64') === token ? [bytes] : [];
    });
    if (signatures.length === 0) throw invalid(`The ${scheme} token is malformed.`);
    if (signatures.length > MAX_SIGNATURES)
      throw invalid(`The ${where} holds more than ${MAX_SIGNATURES} tokens.`);
    return { signatures, keyIds: undefined, entry: undefined, excess: false, candidates: 1, text };
  };
}

function both(a: SignatureHeader, b: SignatureHeader): SignatureHeader {
  return {
    signatures: [...a.signatures, ...b.signatures],
    keyIds: a.keyIds === undefined ? undefined : [...a.keyIds, ...(b.keyIds ?? [])],
    entry: a.entry ?? b.entry,
    excess: a.excess || b.excess || (a.entry !== undefined && b.entry !== undefined && a.entry !== b.entry),
    candidates: a.candidates + b.candidates,
    text: a.text,
  };
}

function tooLong(where: string): Error {
  return invalid(`The ${where} is longer than ${MAX_HEADER_LENGTH} characters.`);
}
