import type { SignaturePlace } from './scheme-definition.ts';
import { decodeDigest } from './strict-encoding.ts';

/** A longer signature header is refused before it is read: a genuine one holds a few hundred characters. */
export const MAX_HEADER_LENGTH = 4096;
/** More signatures in one request are refused: the largest sender keeps eleven keys alive. */
export const MAX_SIGNATURES = 16;

/** What one signature header says. */
export interface SignatureHeader {
  /** Well-formed signatures, decoded. */
  readonly signatures: readonly Buffer[];
  /** The text of the entry that holds the time, if the form names one and it stands there exactly once. */
  readonly item: string | undefined;
  /** Something that must stand once is repeated, or there are too many signatures. */
  readonly excess: boolean;
}

/**
 * Reads a signature header in one pass, without arrays of parts. Entries that are foreign or malformed are passed over:
 * one of them must not hide a good one.
 */
export function readSignatures(
  text: string,
  place: SignaturePlace,
  digestLength: number,
  itemLabel: string | undefined,
): SignatureHeader {
  const signatures: Buffer[] = [];
  const { list, prefix = '', encoding } = place;
  if (list === undefined) {
    const digest = text.startsWith(prefix)
      ? decodeDigest(text.slice(prefix.length), encoding, digestLength)
      : undefined;
    if (digest !== undefined) signatures.push(digest);
    return { signatures, item: undefined, excess: false };
  }

  const { separator, assign, label } = list;
  let item: string | undefined;
  let candidates = 0;
  let excess = false;
  for (let start = 0; start <= text.length; ) {
    const found = text.indexOf(separator, start);
    const end = found === -1 ? text.length : found;
    const at = assign === undefined ? -1 : text.indexOf(assign, start);
    const labelled = at !== -1 && at < end;
    if (itemLabel !== undefined && labelled && isAt(text, itemLabel, start, at)) {
      if (item !== undefined) excess = true;
      item = text.slice(at + 1, end);
    } else if (label === undefined ? end > start : labelled && isAt(text, label, start, at)) {
      if (++candidates > MAX_SIGNATURES) excess = true;
      else {
        const digest = decodeDigest(
          text.slice(label === undefined ? start : at + 1, end),
          encoding,
          digestLength,
        );
        if (digest !== undefined) signatures.push(digest);
      }
    }
    start = end + 1;
  }
  return { signatures, item, excess };
}

function isAt(text: string, label: string, start: number, end: number): boolean {
  return end - start === label.length && text.startsWith(label, start);
}
