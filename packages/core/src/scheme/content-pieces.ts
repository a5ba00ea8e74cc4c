import type { LiteralPiece, NamedPiece, TemplatePiece } from './content-template.ts';
import { type IsUnambiguous, unambiguousBetween } from './head-values.ts';

/** The pieces in their order, those in brackets among them. */
export function flatten(pieces: readonly TemplatePiece[]): (LiteralPiece | NamedPiece)[] {
  return pieces.flatMap((piece) => ('optional' in piece ? [...piece.optional] : [piece]));
}

/** The test of a part's text against the literals beside it. */
export function bordersOf(pieces: readonly TemplatePiece[], name: string, of = ''): IsUnambiguous {
  const at = pieces.findIndex((piece) => 'name' in piece && piece.name === name && (piece.of ?? '') === of);
  return unambiguousBetween(literalAt(pieces, at - 1), at === -1 ? '' : literalAt(pieces, at + 1));
}

export function literalAt(pieces: readonly TemplatePiece[], index: number): string {
  const piece = pieces[index];
  return piece !== undefined && 'literal' in piece ? piece.literal : '';
}

/** Whether a piece is one of these parts. */
export function isNamed(piece: TemplatePiece | undefined, names: readonly string[]): boolean {
  return piece !== undefined && 'name' in piece && names.includes(piece.name);
}

/** Whether a part stands right behind another one. */
export function follows(pieces: readonly TemplatePiece[], name: string): boolean {
  return pieces.some((piece, at) => {
    const before = pieces[at - 1];
    return 'name' in piece && piece.name === name && before !== undefined && !('literal' in before);
  });
}
