import { configError } from '../../util/options.ts';

/**
 * A piece of a template: fixed text, a named part of the request, or pieces that are left out together if one of their parts is absent.
 */
export type TemplatePiece = LiteralPiece | NamedPiece | OptionalPiece;
export interface LiteralPiece {
  readonly literal: string;
}
export interface NamedPiece {
  readonly name: string;
  /** The text after the colon: `x-id` in `{header:x-id}`. */
  readonly of?: string;
}
interface OptionalPiece {
  readonly optional: readonly (LiteralPiece | NamedPiece)[];
}

const TOKEN = /\{([^{}]*)\}|([[\]])/g;
const MAX_GROUPS = 4;
const PLAIN = new Set([
  'body',
  'timestamp',
  'id',
  'secret',
  'method',
  'url',
  'baseUrl',
  'path',
  'canonicalJson',
]);
const WITH_NAME = new Set(['header', 'entry', 'query', 'lowerQuery', 'field', 'formField']);

/** Whether the scheme language itself has a part of this name. */
export function isOwnPart(name: string): boolean {
  return PLAIN.has(name) || WITH_NAME.has(name);
}

/**
 * Splits a template such as `v0:{timestamp}:{body}` into its pieces.
 *
 * @param declared The names of the definition's own `parts`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a part that does not exist, or a brace or bracket without its partner.
 */
export function parseTemplate(template: string, declared: readonly string[]): readonly TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let group: (LiteralPiece | NamedPiece)[] | undefined;
  let end = 0;
  let groups = 0;
  for (const match of template.matchAll(TOKEN)) {
    addLiteral(group ?? pieces, template.slice(end, match.index));
    end = match.index + match[0].length;
    const name = match[1];
    if (name !== undefined) (group ?? pieces).push(namedPiece(name, declared));
    else if (match[0] === '[' && group === undefined) group = [];
    else if (match[0] === ']' && group?.some((piece) => 'name' in piece) === true) {
      pieces.push({ optional: group });
      group = undefined;
      groups += 1;
    } else {
      throw configError(
        '"signed.content" has a bracket that encloses no part: put into brackets what may be absent.',
      );
    }
  }
  if (groups > MAX_GROUPS)
    throw configError(`"signed.content" has more than ${MAX_GROUPS} pairs of brackets.`);
  if (group !== undefined) throw configError('"signed.content" has a bracket that is never closed.');
  addLiteral(pieces, template.slice(end));
  return pieces;
}

/** All named parts, including those in brackets. */
export function namesIn(pieces: readonly TemplatePiece[]): NamedPiece[] {
  return pieces.flatMap((piece) =>
    'optional' in piece ? namesIn(piece.optional) : 'name' in piece ? [piece] : [],
  );
}

/** The named parts outside of brackets, which no request can leave out. */
export function firmNamesIn(pieces: readonly TemplatePiece[]): NamedPiece[] {
  return namesIn(pieces.filter((piece) => !('optional' in piece)));
}

/** The pieces of every request that a template describes: with and without each of its brackets. Neighboring literals are joined. */
export function piecesOfEveryRequest(
  template: string,
  declared: readonly string[],
): readonly (readonly (LiteralPiece | NamedPiece)[])[] {
  let all: readonly (readonly (LiteralPiece | NamedPiece)[])[] = [[]];
  for (const piece of parseTemplate(template, declared)) {
    all =
      'optional' in piece
        ? [...all.map((before) => [...before, ...piece.optional]), ...all]
        : all.map((before) => [...before, piece]);
  }
  return all.map(withLiteralsJoined);
}

function withLiteralsJoined(
  pieces: readonly (LiteralPiece | NamedPiece)[],
): readonly (LiteralPiece | NamedPiece)[] {
  const joined: (LiteralPiece | NamedPiece)[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last !== undefined && 'literal' in last && 'literal' in piece)
      joined[joined.length - 1] = { literal: last.literal + piece.literal };
    else joined.push(piece);
  }
  return joined;
}

/** Whether a piece is one of the parts with these names. */
export function isNamed(piece: TemplatePiece | undefined, names: readonly string[]): piece is NamedPiece {
  return piece !== undefined && 'name' in piece && names.includes(piece.name);
}

function namedPiece(text: string, declared: readonly string[]): NamedPiece {
  const colon = text.indexOf(':');
  if (colon === -1) {
    if (PLAIN.has(text) || declared.includes(text)) return { name: text };
  } else {
    const name = text.slice(0, colon);
    const of = text.slice(colon + 1);
    if (WITH_NAME.has(name) && of !== '') return { name, of };
  }
  throw configError(
    `"signed.content" names the part {${text}}, which does not exist. Parts: ${[
      ...[...PLAIN].map((name) => `{${name}}`),
      ...[...WITH_NAME].map((name) => `{${name}:…}`),
    ].join(', ')}, and those declared in "signed.parts".`,
  );
}

function addLiteral(pieces: TemplatePiece[], literal: string): void {
  if (literal === '') return;
  if (/[{}]/.test(literal)) throw configError('"signed.content" has a brace that belongs to no part.');
  if (/[^ -~\n]/.test(literal))
    throw configError('"signed.content" has a literal that is not printable ASCII or a newline.');
  pieces.push({ literal });
}
