import {
  type LiteralPiece,
  type NamedPiece,
  namesIn,
  parseTemplate,
  piecesOfEveryRequest,
  type TemplatePiece,
} from '../content/content-template.ts';
import type { ContentPart, SignatureRule } from './signature-rule.ts';

type SigningRule = Exclude<SignatureRule, { content?: undefined }>;
type Piece = LiteralPiece | NamedPiece;

/** Two neighboring parts of the signed content without a signed border, so that bytes could be moved from one to the other. */
export interface OpenBorder {
  readonly before: string;
  readonly after: string;
}

/**
 * Finds a border that can move. Signed content is unambiguous if at most one piece may be of any length, the end of every piece before it
 * can be seen from the left, and the start of every piece after it from the right.
 */
export function openBorderOf(template: string, rule: SigningRule): OpenBorder | undefined {
  const declared = Object.keys(rule.parts ?? {});
  for (const pieces of piecesOfEveryRequest(template, declared)) {
    const open = openBorderIn(pieces, rule, isFreeText);
    if (open !== undefined) return open;
  }
  const hidden = hiddenBracketOf(parseTemplate(template, declared), rule);
  if (hidden !== undefined) return hidden;
  for (const [name, part] of Object.entries(rule.parts ?? {})) {
    const open = openBorderWithin(name, part);
    if (open !== undefined) return open;
  }
  return undefined;
}

/**
 * Whether the fields of a body must be tested for the literals beside them. A single field may contain any text, if everything else can
 * be read around it.
 */
export function fieldsNeedBorders(template: string, rule: SigningRule): boolean {
  return piecesOfEveryRequest(template, Object.keys(rule.parts ?? {})).some(
    (pieces) =>
      openBorderIn(pieces, rule, (piece) => !isField(piece) && isFreeText(piece, rule)) !== undefined,
  );
}

/** Whether a URL is directly followed by the parameters of a form, so that text could be moved between the two. */
export function urlTouchesForm(template: string, rule: SigningRule): boolean {
  return piecesOfEveryRequest(template, Object.keys(rule.parts ?? {})).some((pieces) =>
    pieces.some((piece, at) => {
      const next = pieces[at + 1];
      return isUrl(piece) && next !== undefined && 'name' in next && isForm(rule.parts?.[next.name]);
    }),
  );
}

type IsText = (piece: NamedPiece, rule: SigningRule) => boolean;

function openBorderIn(pieces: readonly Piece[], rule: SigningRule, isText: IsText): OpenBorder | undefined {
  const first = pieces.findIndex((piece, at) => !endIsKnown(piece, pieces[at + 1], rule, isText));
  if (first === -1) return undefined;
  const last = pieces.findLastIndex((piece, at) => !startIsKnown(piece, pieces[at - 1], rule, isText));
  if (last <= first) return undefined;
  return { before: nameOf(pieces[first]), after: nameOf(pieces[first + 1]) };
}

/**
 * Finds a bracket whose absence can't be seen in the signed content: `[{header:x-a}.]{body}` without the header could be read as a
 * body that begins with one.
 */
function hiddenBracketOf(pieces: readonly TemplatePiece[], rule: SigningRule): OpenBorder | undefined {
  for (const [at, piece] of pieces.entries()) {
    if (!('optional' in piece)) continue;
    const isRead = (others: readonly TemplatePiece[]) =>
      namesIn(others).every((each) => isFreeText(each, rule) || !isOfAnyLength(each, rule));
    const seenFromLeft =
      isRead(pieces.slice(0, at)) &&
      differ(firstLiteral(piece.optional[0]), firstLiterals(pieces.slice(at + 1)), (a, b) => a.startsWith(b));
    const seenFromRight =
      isRead(pieces.slice(at + 1)) &&
      differ(firstLiteral(piece.optional.at(-1)), lastLiterals(pieces.slice(0, at)), (a, b) => a.endsWith(b));
    if (seenFromLeft || seenFromRight) continue;
    const [name] = namesIn([piece]);
    return { before: `[…${nameOf(name)}…]`, after: nameOf(flattened(pieces.slice(at + 1))[0]) };
  }
  return undefined;
}

function isOfAnyLength(piece: NamedPiece, rule: SigningRule): boolean {
  return !hasFixedLength(piece, rule) && piece.name !== 'timestamp' && piece.name !== 'method';
}

/** The literals with which the pieces may begin; `undefined` for a piece that is not a literal. */
function firstLiterals(pieces: readonly TemplatePiece[]): readonly (string | undefined)[] {
  const [piece, ...others] = pieces;
  if (piece === undefined) return [];
  if (!('optional' in piece)) return [firstLiteral(piece)];
  return [firstLiteral(piece.optional[0]), ...firstLiterals(others)];
}

function lastLiterals(pieces: readonly TemplatePiece[]): readonly (string | undefined)[] {
  const piece = pieces.at(-1);
  if (piece === undefined) return [];
  if (!('optional' in piece)) return [firstLiteral(piece)];
  return [firstLiteral(piece.optional.at(-1)), ...lastLiterals(pieces.slice(0, -1))];
}

function firstLiteral(piece: TemplatePiece | undefined): string | undefined {
  return piece !== undefined && 'literal' in piece ? piece.literal : undefined;
}

function differ(
  own: string | undefined,
  others: readonly (string | undefined)[],
  contains: (a: string, b: string) => boolean,
): boolean {
  return (
    own !== undefined &&
    others.every((other) => other !== undefined && !contains(own, other) && !contains(other, own))
  );
}

function flattened(pieces: readonly TemplatePiece[]): Piece[] {
  return pieces.flatMap((piece) => ('optional' in piece ? [...piece.optional] : [piece]));
}

/** Whether a reader from the left sees where a piece ends. */
function endIsKnown(piece: Piece, next: Piece | undefined, rule: SigningRule, isText: IsText): boolean {
  if ('literal' in piece || hasFixedLength(piece, rule)) return true;
  const literal = next !== undefined && 'literal' in next ? next.literal : '';
  const name = next !== undefined && 'name' in next ? next.name : '';
  switch (piece.name) {
    case 'timestamp':
      // Digits that follow could be read as part of the fraction, or make milliseconds of seconds.
      return !['iso-utc', 's-or-ms'].includes(rule.timestamp?.unit ?? '') || /^[^0-9.]/.test(literal);
    case 'method':
      return /^[^A-Z]/.test(literal) || ['url', 'baseUrl', 'path', 'timestamp'].includes(name);
    case 'url':
    case 'path':
      // Each request is tested for the border between its URL and a body or canonical JSON: see checkUrlBorder().
      return isNoUrlCharacter(literal[0]) || name === 'body' || name === 'canonicalJson';
    default:
      if (!isText(piece, rule)) return false;
      return literal !== '' || (name === 'timestamp' && isDate(rule));
  }
}

/** Whether a reader from the right sees where a piece begins. */
function startIsKnown(piece: Piece, previous: Piece | undefined, rule: SigningRule, isText: IsText): boolean {
  if ('literal' in piece || hasFixedLength(piece, rule)) return true;
  const literal = previous !== undefined && 'literal' in previous ? previous.literal : '';
  const name = previous !== undefined && 'name' in previous ? previous.name : '';
  switch (piece.name) {
    case 'timestamp':
      return rule.timestamp?.unit !== 's-or-ms' || /[^0-9]$/.test(literal);
    case 'method':
      return /[^A-Z]$/.test(literal);
    case 'url':
      return isNoUrlCharacter(literal.at(-1)) || name === 'body' || name === 'canonicalJson';
    default:
      return isText(piece, rule) && literal !== '';
  }
}

function hasFixedLength(piece: NamedPiece, rule: SigningRule): boolean {
  const part = rule.parts?.[piece.name];
  if (part !== undefined) return 'digest' in part;
  if (piece.name === 'id') return rule.id?.format === 'uuid';
  return piece.name === 'secret' || piece.name === 'baseUrl';
}

/** Whether each request is tested for the literals beside a text: see unambiguousBetween(). */
function isFreeText({ name }: NamedPiece, rule: SigningRule): boolean {
  if (['id', 'header', 'entry', 'query', 'lowerQuery', 'field', 'formField'].includes(name)) return true;
  const part = rule.parts?.[name];
  return part !== undefined && 'listedHeaders' in part;
}

function isField({ name }: NamedPiece): boolean {
  return name === 'field' || name === 'formField';
}

/** Whether the timestamp is a date. A text right before it must not contain a date: see unambiguousBetween(). */
function isDate({ timestamp }: SigningRule): boolean {
  return timestamp !== undefined && ['iso', 'iso-utc', 'http-date'].includes(timestamp.unit);
}

function openBorderWithin(name: string, part: ContentPart): OpenBorder | undefined {
  if ('fields' in part && part.fields.length > 1 && part.join === '')
    return { before: `{field:${part.fields[0]}}`, after: `{field:${part.fields[1]}}` };
  if ('sorted' in part && !separatesParameters(part))
    return { before: `one parameter of {${name}}`, after: 'the next one' };
  return undefined;
}

/** Whether the texts between parameters can't be part of a parameter. */
function separatesParameters({ pair, join = '', text, replace }: Extract<ContentPart, { sorted: string }>) {
  const [before = '', between = '', after = '', ...more] = pair.split(/\{(?:name|value)\}/);
  if (more.length > 0 || !pair.includes('{name}')) return false;
  const around = after + join + before;
  // Text as received contains these two characters only in percent-encoding.
  const cannotHold = text === 'as-received' ? '&=' : (replace?.characters ?? '');
  const isSeparator = (literal: string) => [...literal].some((character) => cannotHold.includes(character));
  return isSeparator(between) && isSeparator(around) && pair.indexOf('{name}') < pair.indexOf('{value}');
}

function isForm(part: ContentPart | undefined): boolean {
  return part !== undefined && 'sorted' in part && part.sorted === 'form';
}

function isUrl(piece: Piece): boolean {
  return 'name' in piece && (piece.name === 'url' || piece.name === 'path');
}

function isNoUrlCharacter(character: string | undefined): boolean {
  return character !== undefined && /[^A-Za-z0-9._~%!$'()*+,;:@/?&=[\]-]/.test(character);
}

function nameOf(piece: Piece | undefined): string {
  if (piece === undefined) return 'the end';
  if ('literal' in piece) return JSON.stringify(piece.literal);
  return piece.of === undefined ? `{${piece.name}}` : `{${piece.name}:${piece.of}}`;
}
