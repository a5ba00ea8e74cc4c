import { createHash } from 'node:crypto';
import type { RequestHead } from '../request.ts';
import { type BodyReader, fieldText } from './body-reader.ts';
import { canonicalJson } from './canonical-json.ts';
import type { ContentPart } from './content-part.ts';
import { type LiteralPiece, type NamedPiece, parseTemplate, type TemplatePiece } from './content-template.ts';
import {
  type Borders,
  borders,
  type HeadSource,
  type HeadText,
  headerText,
  invalid,
  itemText,
  listedHeadersText,
  queryText,
  sortedQueryText,
} from './head-texts.ts';
import { ChunkedMessage, FramedMessage, type Message, SECRET } from './message.ts';
import { parameterOf, pathOf, withoutQuery } from './request-query.ts';
import type { SignedForm } from './signed-form.ts';
import { compileSorted } from './sorted-parameters.ts';

/** What stands for the named parts in one request, as far as its head holds them. */
export interface ContentTexts {
  readonly timestamp: string;
  readonly id: string;
  readonly method: string;
  /** The other texts of the head, by their number. */
  readonly slots: readonly (string | undefined)[];
}

/** The signed content of a form. */
export interface SignedContent {
  /** Whether the content names the address; then it can't be read without one. */
  readonly namesUrl: boolean;
  readonly namesMethod: boolean;
  /** Whether nothing stands between the address and the body behind it. */
  readonly urlTouchesBody: boolean;
  /** Tests the id for a border that could be seen elsewhere. */
  readonly idBorders: Borders;
  /** Whether a time may not begin with a zero: digits could be moved to it from the part before it. */
  readonly refusesLeadingZero: boolean;
  /** @throws `ERR_WEBHOOK_HEADER_INVALID` where a text is missing or malformed. */
  readonly readSlots: ((source: HeadSource) => readonly (string | undefined)[]) | undefined;
  /** The ways in which it may be written. */
  readonly writings: readonly ContentWriter[];
}

/** Writes the content of one request. */
export type ContentWriter = (
  texts: ContentTexts,
  url: string,
  body: BodyReader,
  head: RequestHead,
) => Message;

type Chunk = string | Uint8Array | typeof SECRET;
interface Step {
  /** `undefined`: absent. */
  readonly write: (texts: ContentTexts, url: string, body: BodyReader) => Chunk | undefined;
  /** Text of the head, one byte for each character: it may be joined with its neighbours. */
  readonly plain: boolean;
  readonly body?: true;
  readonly absent?: string;
}

const BODY: Step = { write: (_texts, _url, { bytes }) => bytes, plain: false, body: true };

/** Splits the templates of a form, here and not per request. */
export function compileContent(form: Exclude<SignedForm, { content?: undefined }>): SignedContent {
  const declared = form.parts ?? {};
  const templates = typeof form.content === 'string' ? [form.content] : form.content;
  const compiler = new Compiler(declared);
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
    writings,
  };
}

class Compiler {
  readonly slots: { read: HeadText; label: string; required: boolean }[] = [];
  readonly #parts: Readonly<Record<string, ContentPart>>;

  constructor(parts: Readonly<Record<string, ContentPart>>) {
    this.#parts = parts;
  }

  writer(pieces: readonly TemplatePiece[]): ContentWriter {
    const inline = flatten(pieces);
    const steps = pieces.map((piece) =>
      'optional' in piece ? this.#group(piece.optional, inline) : this.#step(piece, inline, true),
    );
    const at = steps.findIndex((step) => step.body);
    const framed =
      steps.every((step) => step.plain || step === BODY) && steps.lastIndexOf(BODY) === at && at !== -1;
    if (framed) {
      const before = steps.slice(0, at);
      const after = steps.slice(at + 1);
      return (texts, url, body) =>
        new FramedMessage(joined(before, texts, url, body), body.bytes, joined(after, texts, url, body));
    }
    return (texts, url, body) => {
      const chunks: Chunk[] = [];
      for (const step of steps) {
        const chunk = step.write(texts, url, body);
        if (chunk !== undefined) chunks.push(chunk);
        else if (step.absent !== undefined) throw invalid(step.absent);
      }
      return new ChunkedMessage(chunks);
    };
  }

  /** Written only where every part of it is there. */
  #group(pieces: readonly (LiteralPiece | NamedPiece)[], inline: readonly TemplatePiece[]): Step {
    const steps = pieces.map((piece) => this.#step(piece, inline, false));
    return {
      plain: false,
      write(texts, url, body) {
        const bytes: Buffer[] = [];
        for (const step of steps) {
          const chunk = step.write(texts, url, body);
          if (chunk === undefined || chunk === SECRET) return undefined;
          bytes.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : Buffer.from(chunk));
        }
        return Buffer.concat(bytes);
      },
    };
  }

  #step(piece: LiteralPiece | NamedPiece, inline: readonly TemplatePiece[], required: boolean): Step {
    if ('literal' in piece) {
      const { literal } = piece;
      return { write: () => literal, plain: true };
    }
    const { name, of = '' } = piece;
    const isUnambiguous = bordersOf(inline, name, of);
    switch (name) {
      case 'body':
        return BODY;
      case 'secret':
        return { write: () => SECRET, plain: false };
      case 'timestamp':
        return { write: ({ timestamp }) => timestamp, plain: true };
      case 'id':
        return { write: ({ id }) => id, plain: true };
      case 'method':
        return { write: ({ method }) => method, plain: true };
      case 'url':
        return { write: (_, url) => url, plain: true };
      case 'baseUrl':
        return { write: (_, url) => withoutQuery(url), plain: true };
      case 'path':
        return { write: (_, url) => pathOf(url), plain: true };
      case 'header':
        return this.#slot(headerText(of, isUnambiguous), `"${of}" header`, required, true);
      case 'item':
        return this.#slot(itemText(of, isUnambiguous), `"${of}" in its signature`, required, true);
      case 'query':
        return this.#slot(queryText(of, isUnambiguous), `parameter "${of}"`, required, true);
      case 'field':
        return {
          write: (_texts, _url, body) => utf8(fieldText(body.field(of), of)),
          plain: false,
          absent: `The body has no field "${of}", which the signature covers.`,
        };
      case 'formField':
        return {
          write: (_texts, _url, body) => utf8(parameterOf(body.form, of)),
          plain: false,
          absent: `The body has no form field "${of}", which the signature covers.`,
        };
      case 'canonicalJson':
        return {
          write: (_texts, _url, { json }) =>
            json === undefined ? undefined : utf8(canonicalJson(json.value)),
          plain: false,
          absent: 'The body is no JSON in UTF-8, which this sender signs.',
        };
      default:
        return this.#declared(name, required, inline);
    }
  }

  #declared(name: string, required: boolean, inline: readonly TemplatePiece[]): Step {
    const part = this.#parts[name];
    if (part === undefined) throw new TypeError(`No part is called ${name}.`);
    if ('digest' in part) {
      const { digest, encoding } = part;
      return {
        write: (_texts, _url, { bytes }) => {
          const hash = createHash(digest).update(bytes);
          return encoding === 'binary' ? hash.digest() : hash.digest(encoding);
        },
        plain: false,
      };
    }
    if ('fields' in part) {
      const { fields, join, joinWithin } = part;
      const textOf = (body: BodyReader, path: string) => {
        const text = fieldText(body.field(path), path) ?? '';
        if (path !== joinWithin && join !== '' && text.includes(join))
          throw invalid(
            `The field "${path}" of the body holds what separates it from others in the signature.`,
          );
        return text;
      };
      return {
        write: (_texts, _url, body) => utf8(fields.map((path) => textOf(body, path)).join(join)),
        plain: false,
      };
    }
    if ('sorted' in part) {
      if (part.sorted === 'query') return this.#slot(sortedQueryText(part), 'query', required, false);
      const write = compileSorted(part);
      return { write: (_texts, _url, { form }) => utf8(write(form)), plain: false };
    }
    const at = inline.findIndex((piece) => 'name' in piece && piece.name === name);
    const text = listedHeadersText(part, literalAt(inline, at - 1), literalAt(inline, at + 1));
    return this.#slot(text, 'list of signed headers', required, true);
  }

  #slot(read: HeadText, label: string, required: boolean, plain: boolean): Step {
    const at = this.slots.push({ read, label, required }) - 1;
    return plain
      ? { write: ({ slots }) => slots[at], plain: required }
      : { write: ({ slots }) => utf8(slots[at]), plain: false };
  }
}

function joined(steps: readonly Step[], texts: ContentTexts, url: string, body: BodyReader): string {
  let text = '';
  for (const step of steps) text += step.write(texts, url, body) as string;
  return text;
}

function utf8(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'utf8');
}

function flatten(pieces: readonly TemplatePiece[]): (LiteralPiece | NamedPiece)[] {
  return pieces.flatMap((piece) => ('optional' in piece ? [...piece.optional] : [piece]));
}

function bordersOf(pieces: readonly TemplatePiece[], name: string, of = ''): Borders {
  const at = pieces.findIndex((piece) => 'name' in piece && piece.name === name && (piece.of ?? '') === of);
  return borders(literalAt(pieces, at - 1), at === -1 ? '' : literalAt(pieces, at + 1));
}

function literalAt(pieces: readonly TemplatePiece[], index: number): string {
  const piece = pieces[index];
  return piece !== undefined && 'literal' in piece ? piece.literal : '';
}

function isNamed(piece: TemplatePiece | undefined, names: readonly string[]): boolean {
  return piece !== undefined && 'name' in piece && names.includes(piece.name);
}

/** Whether a part stands right behind another one. */
function follows(pieces: readonly TemplatePiece[], name: string): boolean {
  return pieces.some((piece, at) => {
    const before = pieces[at - 1];
    return 'name' in piece && piece.name === name && before !== undefined && !('literal' in before);
  });
}
