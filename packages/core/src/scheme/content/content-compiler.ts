import { createHash } from 'node:crypto';
import type { RequestHead } from '../../request.ts';
import { headerInvalid } from '../../webhook-error.ts';
import { fieldsNeedBorders, urlTouchesForm } from '../definition/borders.ts';
import type { ContentPart, SignatureRule } from '../definition/signature-rule.ts';
import { type BodyReader, fieldsText, fieldText, UNREADABLE_JSON } from './body-reader.ts';
import {
  isNamed,
  type LiteralPiece,
  type NamedPiece,
  parseTemplate,
  piecesOfEveryRequest,
} from './content-template.ts';
import {
  ambiguous,
  bordersIn,
  entryText,
  type HeadSource,
  type HeadText,
  headerText,
  type IsUnambiguous,
  listedHeadersText,
  queryText,
  sortedQueryText,
  unambiguousBetween,
} from './head-values.ts';
import { compileSorted, parameterOf, pathAndQueryOf, withoutQuery } from './request-query.ts';
import { checkBodyBorder, checkUrlBorder, type SignedUrl } from './url-variants.ts';

type SigningRule = Exclude<SignatureRule, { content?: undefined }>;

/** The texts that replace the named parts in one request, as far as its head contains them. */
export interface ContentTexts {
  readonly timestamp: string;
  readonly id: string;
  readonly method: string;
  /** The other texts of the head, by their number. */
  readonly slots: readonly (string | undefined)[];
}

/** Writes the signed content of one request. */
export type ContentWriter = (
  texts: ContentTexts,
  url: SignedUrl,
  body: BodyReader,
  head: RequestHead,
) => Message;

/** The signed content of a rule. */
export interface SignedContent {
  /** Whether the content names the URL; then it can't be written without one. */
  readonly namesUrl: boolean;
  readonly namesMethod: boolean;
  /** Whether nothing separates the URL from the body. */
  readonly urlTouchesBody: boolean;
  /** Whether nothing separates the URL from the parameters of a form. */
  readonly urlTouchesForm: boolean;
  readonly isIdUnambiguous: IsUnambiguous;
  /** Whether a time must not begin with a zero: digits could be moved to it from the part before it. */
  readonly refusesLeadingZero: boolean;
  /** @throws `ERR_WEBHOOK_HEADER_INVALID` if a text is missing or malformed. */
  readonly readSlots: ((source: HeadSource) => readonly (string | undefined)[]) | undefined;
  /** The ways in which the sender may write the content. */
  readonly alternatives: readonly ContentWriter[];
}

type Chunk = string | Uint8Array | typeof SECRET;
interface Step {
  /** Returns `undefined` if the part is absent. */
  readonly write: (texts: ContentTexts, url: SignedUrl, body: BodyReader) => Chunk | undefined;
  /** Text of the head, one byte for each character: it may be joined with its neighbors. */
  readonly plain: boolean;
  /** What the border to a neighboring URL is tested for. */
  readonly kind?: 'body' | 'form' | 'url';
  readonly absent?: string;
}

const BODY: Step = { write: (_texts, _url, { bytes }) => bytes, plain: false, kind: 'body' };

/** Compiles the templates of a rule, once for all requests. */
export function compileContent(rule: SigningRule): SignedContent {
  const declared = Object.keys(rule.parts ?? {});
  const templates = typeof rule.content === 'string' ? [rule.content] : rule.content;
  const compiler = new ContentCompiler(rule);
  const alternatives = templates.map((template) => compiler.writer(template));
  const variants = templates.flatMap((template) => piecesOfEveryRequest(template, declared));
  const names = (...wanted: string[]) =>
    variants.some((pieces) => pieces.some((piece) => isNamed(piece, wanted)));
  const touches = (first: readonly string[], second: readonly string[]) =>
    variants.some((pieces) =>
      pieces.some((piece, at) => isNamed(piece, first) && isNamed(pieces[at + 1], second)),
    );
  const { slots } = compiler;
  return {
    namesUrl: names('url', 'baseUrl', 'path'),
    namesMethod: names('method'),
    urlTouchesBody:
      touches(['url', 'path'], ['body', 'canonicalJson']) || touches(['body', 'canonicalJson'], ['url']),
    urlTouchesForm: templates.some((template) => urlTouchesForm(template, rule)),
    isIdUnambiguous: unambiguousBetween(templates.flatMap((template) => bordersIn(template, rule, 'id'))),
    refusesLeadingZero: variants.some((pieces) =>
      pieces.some((piece, at) => isNamed(piece, ['timestamp']) && 'name' in (pieces[at - 1] ?? {})),
    ),
    readSlots:
      slots.length === 0
        ? undefined
        : (source) =>
            slots.map(({ read, label, required }) => {
              const text = read(source);
              if (text === undefined && required)
                throw headerInvalid(`The request has no ${label}, which the signature covers.`);
              return text;
            }),
    alternatives,
  };
}

/** Makes the writers of a rule's templates, and collects the texts of the head that they need. */
class ContentCompiler {
  readonly slots: { read: HeadText; label: string; required: boolean }[] = [];
  readonly #rule: SigningRule;
  #template = '';

  constructor(rule: SigningRule) {
    this.#rule = rule;
  }

  writer(template: string): ContentWriter {
    this.#template = template;
    const steps = parseTemplate(template, Object.keys(this.#rule.parts ?? {})).map((piece) =>
      'optional' in piece ? this.#group(piece.optional) : this.#step(piece, true),
    );
    const at = steps.indexOf(BODY);
    if (at !== -1 && steps.every((step) => step.plain || step === BODY)) return framed(steps, at);
    return (texts, url, body) => {
      const chunks: Chunk[] = [];
      for (let index = 0; index < steps.length; index++) {
        const step = steps[index] as Step;
        const chunk = step.write(texts, url, body);
        if (chunk === undefined) {
          if (step.absent !== undefined) throw headerInvalid(step.absent);
          continue;
        }
        if (step.kind === 'body' || step.kind === 'form') {
          const bytes = chunk as Uint8Array;
          if (steps[index - 1]?.kind === 'url') checkUrlBorder(url, bytes, step.kind);
          if (steps[index + 1]?.kind === 'url') checkBodyBorder(bytes, url);
        }
        chunks.push(chunk);
      }
      return new ChunkedMessage(chunks);
    };
  }

  /** The step for a bracket, which is written only if every part of it is there. */
  #group(pieces: readonly (LiteralPiece | NamedPiece)[]): Step {
    const steps = pieces.map((piece) => this.#step(piece, false));
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

  #step(piece: LiteralPiece | NamedPiece, required: boolean): Step {
    if ('literal' in piece) {
      const { literal } = piece;
      return { write: () => literal, plain: true };
    }
    const { name, of = '' } = piece;
    const isUnambiguous = unambiguousBetween(bordersIn(this.#template, this.#rule, name, of));
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
        return { write: (_, url) => url.text, plain: true, kind: 'url' };
      case 'baseUrl':
        return { write: (_, url) => withoutQuery(url.text), plain: true };
      case 'path':
        return { write: (_, url) => pathAndQueryOf(url.text), plain: true, kind: 'url' };
      case 'header':
        return this.#slot(headerText(of, isUnambiguous), `"${of}" header`, required, true);
      case 'entry':
        return this.#slot(entryText(of, isUnambiguous), `"${of}" in its signature`, required, true);
      case 'query':
        return this.#slot(queryText(of, isUnambiguous), `parameter "${of}"`, required, true);
      case 'lowerQuery': {
        const read = queryText(of, isUnambiguous);
        return this.#slot((source) => read(source)?.toLowerCase(), `parameter "${of}"`, required, true);
      }
      case 'field':
        return this.#bodyText(
          (body) => fieldText(body.field(of), of),
          isUnambiguous,
          `field "${of}" of the body`,
          `The body has no field "${of}", which the signature covers.`,
        );
      case 'formField':
        return this.#bodyText(
          (body) => parameterOf(body.form, of),
          isUnambiguous,
          `form field "${of}"`,
          `The body has no form field "${of}", which the signature covers.`,
        );
      case 'canonicalJson':
        return {
          write: (_texts, _url, body) =>
            body.once(piece, () => (body.json === undefined ? undefined : utf8(body.canonicalJson()))),
          plain: false,
          kind: 'body',
          absent: UNREADABLE_JSON,
        };
      default:
        return this.#declared(name, required);
    }
  }

  #bodyText(
    read: (body: BodyReader) => string | undefined,
    isUnambiguous: IsUnambiguous,
    label: string,
    absent: string,
  ): Step {
    const isTested = fieldsNeedBorders(this.#template, this.#rule);
    return {
      write(_texts, _url, body) {
        const text = read(body);
        if (isTested && text !== undefined && !isUnambiguous(text)) throw ambiguous(label);
        return utf8(text);
      },
      plain: false,
      absent,
    };
  }

  #declared(name: string, required: boolean): Step {
    // parseTemplate() refuses a name that no part has.
    const part = this.#rule.parts?.[name] as ContentPart;
    if ('digest' in part) {
      const { digest, encoding } = part;
      return {
        write: (_texts, _url, body) =>
          body.once(part, () => {
            const hash = createHash(digest).update(body.bytes);
            return Buffer.from(hash.digest(encoding), 'latin1');
          }),
        plain: false,
      };
    }
    if ('fields' in part) {
      return { write: (_texts, _url, body) => body.once(part, () => fieldsText(part, body)), plain: false };
    }
    if ('sorted' in part) {
      if (part.sorted === 'query') return this.#slot(sortedQueryText(part), 'query', required, false);
      const write = compileSorted(part);
      return {
        write: (_texts, _url, body) => body.once(part, () => utf8(write(body.form))),
        plain: false,
        kind: 'form',
      };
    }
    const text = listedHeadersText(part, bordersIn(this.#template, this.#rule, name));
    return this.#slot(text, 'list of signed headers', required, true);
  }

  #slot(read: HeadText, label: string, required: boolean, plain: boolean): Step {
    const at = this.slots.push({ read, label, required }) - 1;
    return plain
      ? { write: ({ slots }) => slots[at], plain: required }
      : { write: ({ slots }) => utf8(slots[at]), plain: false };
  }
}

/** Makes the writer of a body between two texts, which is what nearly every sender signs. */
function framed(steps: readonly Step[], at: number): ContentWriter {
  const before = steps.slice(0, at);
  const after = steps.slice(at + 1);
  const followsUrl = before.at(-1)?.kind === 'url';
  const precedesUrl = after[0]?.kind === 'url';
  return (texts, url, body) => {
    if (followsUrl) checkUrlBorder(url, body.bytes, 'body');
    if (precedesUrl) checkBodyBorder(body.bytes, url);
    return new FramedMessage(joined(before, texts, url, body), body.bytes, joined(after, texts, url, body));
  };
}

function joined(steps: readonly Step[], texts: ContentTexts, url: SignedUrl, body: BodyReader): string {
  let text = '';
  for (const step of steps) text += step.write(texts, url, body) as string;
  return text;
}

function utf8(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'utf8');
}

/** Consumes bytes: a MAC, a hash or a verification. */
interface Sink {
  update(data: Uint8Array): unknown;
  update(text: string, encoding: 'latin1'): unknown;
}

/** Signed content that can be fed to a hash in pieces, so that the body is never copied. */
export interface Message {
  /** @param secret The key's bytes, for hashes over content that contains the secret. */
  feed(sink: Sink, secret?: Uint8Array): void;
}

/** A body between two texts. */
class FramedMessage implements Message {
  readonly #before: string;
  readonly #body: Uint8Array;
  readonly #after: string;

  constructor(before: string, body: Uint8Array, after: string) {
    this.#before = before;
    this.#body = body;
    this.#after = after;
  }

  feed(sink: Sink): void {
    // In Node and in fetch, each character of a header is one byte: as latin1, the text becomes the bytes that the sender sent.
    if (this.#before !== '') sink.update(this.#before, 'latin1');
    sink.update(this.#body);
    if (this.#after !== '') sink.update(this.#after, 'latin1');
  }
}

/** Takes the place of the secret among the chunks of a message. */
const SECRET = Symbol('secret');

/** Texts (as latin1), bytes and the secret in any order. */
class ChunkedMessage implements Message {
  readonly #chunks: readonly (string | Uint8Array | typeof SECRET)[];

  constructor(chunks: readonly (string | Uint8Array | typeof SECRET)[]) {
    this.#chunks = chunks;
  }

  feed(sink: Sink, secret?: Uint8Array): void {
    for (const chunk of this.#chunks) {
      if (typeof chunk === 'string') sink.update(chunk, 'latin1');
      else if (typeof chunk !== 'symbol') sink.update(chunk);
      else if (secret !== undefined) sink.update(secret);
    }
  }
}

/** The last characters of a message. */
export function endOf(message: Message, length: number): string {
  let text = '';
  message.feed({
    update(data: Uint8Array | string) {
      const end =
        typeof data === 'string'
          ? data.slice(-length)
          : Buffer.from(data.subarray(-length)).toString('latin1');
      text = (text + end).slice(-length);
    },
  });
  return text;
}

/** A message as one run of bytes, for signatures that can't be verified piece by piece. */
export function messageBytes(message: Message): Buffer {
  const chunks: Uint8Array[] = [];
  message.feed({
    update(data: Uint8Array | string) {
      chunks.push(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    },
  });
  return Buffer.concat(chunks);
}
