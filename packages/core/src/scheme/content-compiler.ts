import { createHash } from 'node:crypto';
import type { RequestHead } from '../request.ts';
import { type BodyReader, fieldText } from './body-reader.ts';
import { canonicalJson } from './canonical-json.ts';
import type { ContentPart } from './content-part.ts';
import { bordersOf, flatten, literalAt } from './content-pieces.ts';
import type { LiteralPiece, NamedPiece, TemplatePiece } from './content-template.ts';
import {
  entryText,
  type HeadText,
  headerText,
  invalid,
  listedHeadersText,
  queryText,
  sortedQueryText,
} from './head-values.ts';
import { ChunkedMessage, FramedMessage, type Message, SECRET } from './message.ts';
import { parameterOf, pathOf, withoutQuery } from './request-query.ts';
import { compileSorted } from './sorted-parameters.ts';

/** What stands for the named parts in one request, as far as its head holds them. */
export interface ContentTexts {
  readonly timestamp: string;
  readonly id: string;
  readonly method: string;
  /** The other texts of the head, by their number. */
  readonly slots: readonly (string | undefined)[];
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

/** Makes the writers of a form's templates, and collects the texts of the head that they need. */
export class ContentCompiler {
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
      case 'entry':
        return this.#slot(entryText(of, isUnambiguous), `"${of}" in its signature`, required, true);
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
      const { fields, join, fieldContainingJoin } = part;
      const textOf = (body: BodyReader, path: string) => {
        const text = fieldText(body.field(path), path) ?? '';
        if (path !== fieldContainingJoin && join !== '' && text.includes(join))
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
