import { ContentCompiler, type ContentWriter } from './content-compiler.ts';
import { bordersOf, flatten, follows, isNamed } from './content-pieces.ts';
import { parseTemplate } from './content-template.ts';
import { type HeadSource, type IsUnambiguous, invalid } from './head-values.ts';
import type { SignatureRule } from './signature-rule.ts';

/** The signed content of a form. */
export interface SignedContent {
  /** Whether the content names the address; then it can't be read without one. */
  readonly namesUrl: boolean;
  readonly namesMethod: boolean;
  /** Whether nothing stands between the address and the body behind it. */
  readonly urlTouchesBody: boolean;
  /** Tests the id for a border that could be seen elsewhere. */
  readonly idBorders: IsUnambiguous;
  /** Whether a time may not begin with a zero: digits could be moved to it from the part before it. */
  readonly refusesLeadingZero: boolean;
  /** @throws `ERR_WEBHOOK_HEADER_INVALID` where a text is missing or malformed. */
  readonly readSlots: ((source: HeadSource) => readonly (string | undefined)[]) | undefined;
  /** The ways in which it may be written. */
  readonly alternatives: readonly ContentWriter[];
}

/** Splits the templates of a form, here and not per request. */
export function compileContent(form: Exclude<SignatureRule, { content?: undefined }>): SignedContent {
  const declared = form.parts ?? {};
  const templates = typeof form.content === 'string' ? [form.content] : form.content;
  const compiler = new ContentCompiler(declared);
  const all = templates.map((template) => parseTemplate(template, Object.keys(declared)));
  const flat = all.map(flatten);
  const writings = all.map((pieces) => compiler.writer(pieces));
  const names = (...wanted: string[]) =>
    flat.some((pieces) => pieces.some((piece) => 'name' in piece && wanted.includes(piece.name)));
  const { slots } = compiler;
  return {
    namesUrl: names('url', 'baseUrl', 'path'),
    namesMethod: names('method'),
    urlTouchesBody: flat.some((pieces) =>
      pieces.some(
        (piece, at) => isNamed(piece, ['url', 'path']) && isNamed(pieces[at + 1], ['body', 'canonicalJson']),
      ),
    ),
    idBorders: flat.map((pieces) => bordersOf(pieces, 'id')).reduce((a, b) => (text) => a(text) && b(text)),
    refusesLeadingZero: flat.some((pieces) => follows(pieces, 'timestamp')),
    readSlots:
      slots.length === 0
        ? undefined
        : (source) =>
            slots.map(({ read, label, required }) => {
              const text = read(source);
              if (text === undefined && required)
                throw invalid(`The request has no ${label}, which the signature covers.`);
              return text;
            }),
    alternatives: writings,
  };
}
