import type { SignatureList } from '../definition/signature-rule.ts';
import { decodeDigest, type TextEncoding } from './strict-encoding.ts';

/** A longer signature header is refused before it is read: a genuine one has a few hundred characters. */
export const MAX_HEADER_LENGTH = 4096;
/** More signatures in one request are refused: the largest sender keeps eleven keys alive. */
export const MAX_SIGNATURES = 16;

/** How the text of signatures is read: what {@link readSignatures} needs of a location. */
export interface SignatureGrammar {
  readonly prefix?: string | undefined;
  readonly list?: SignatureList | undefined;
  readonly encoding: TextEncoding;
}

/** What one signature header says. */
export interface SignatureHeader {
  /** Well-formed signatures, decoded. */
  readonly signatures: readonly Buffer[];
  /** The key that each signature names, if the list names keys. */
  readonly keyIds: readonly string[] | undefined;
  /** The text of the entry with the time, if the rule names one and the header contains it exactly once. */
  readonly entry: string | undefined;
  /** An entry that must occur once is repeated, or there are too many signatures. */
  readonly excess: boolean;
  /** How many entries are signatures, well-formed or not. */
  readonly candidates: number;
  /** All of it. */
  readonly text: string;
}

/**
 * Reads a signature header in one pass, and decodes its signatures when their number is known to be right. Entries that are foreign
 * or malformed are ignored: such an entry must not hide a good one.
 *
 * @param digestLength 0 if it depends on the key.
 * @param entryAt The label of the entry with the time, or its position.
 */
export function readSignatures(
  text: string,
  { list, prefix = '', encoding }: SignatureGrammar,
  digestLength: number,
  entryAt: string | number | undefined,
): SignatureHeader {
  const signatures: Buffer[] = [];
  if (list === undefined) {
    const digest = text.startsWith(prefix)
      ? decodeDigest(text.slice(prefix.length), encoding, digestLength)
      : undefined;
    if (digest !== undefined) signatures.push(digest);
    return { signatures, keyIds: undefined, entry: undefined, excess: false, candidates: 1, text };
  }

  const { separator, assign, label, groups, blanks, start: beginning = '' } = list;
  const keyIds: string[] | undefined = list.keyIds === true ? [] : undefined;
  const texts: string[] = [];
  const labels: string[] = [];
  let entry: string | undefined;
  let candidates = 0;
  let excess = false;
  let position = 0;
  if (!text.startsWith(beginning)) return { signatures, keyIds, entry, excess, candidates, text };
  for (let start = beginning.length; start <= text.length; position++) {
    const end = entryEnd(text, start, separator, groups);
    const next = nextEntry(text, end, separator);
    while (blanks === true && start < end && text[start] === ' ') start++;
    const at = assign === undefined ? -1 : text.indexOf(assign, start);
    const labelled = at !== -1 && at < end;
    if (
      entryAt !== undefined &&
      (typeof entryAt === 'number' ? position === entryAt : labelled && isAt(text, entryAt, start, at))
    ) {
      const given = text.slice(typeof entryAt === 'number' ? start : at + 1, end);
      if (entry !== undefined && (groups === undefined || entry !== given)) excess = true;
      entry = given;
    } else if (
      label !== undefined
        ? labelled && isAt(text, label, start, at)
        : keyIds !== undefined
          ? labelled
          : end > start
    ) {
      if (++candidates > MAX_SIGNATURES) excess = true;
      else {
        const own = label === undefined && keyIds === undefined;
        texts.push(text.slice(own ? start : at + 1, end));
        if (keyIds !== undefined) labels.push(text.slice(start, at));
      }
    }
    start = next;
  }
  // Nothing is decoded for a header that is refused.
  if (excess) texts.length = 0;
  for (let index = 0; index < texts.length; index++) {
    const digest = decodeDigest(texts[index] ?? '', encoding, digestLength);
    if (digest === undefined) continue;
    signatures.push(digest);
    keyIds?.push(labels[index] ?? '');
  }
  return { signatures, keyIds, entry, excess, candidates, text };
}

/** The text of an entry that a list contains exactly once. */
export function readEntry(text: string, list: SignatureList | undefined, label: string): string | undefined {
  if (list?.assign === undefined) return undefined;
  let found: string | undefined;
  for (let start = list.start?.length ?? 0; start <= text.length; ) {
    const end = entryEnd(text, start, list.separator, list.groups);
    const next = nextEntry(text, end, list.separator);
    while (list.blanks === true && start < end && text[start] === ' ') start++;
    const at = text.indexOf(list.assign, start);
    if (at !== -1 && at < end && isAt(text, label, start, at)) {
      if (found !== undefined) return undefined;
      found = text.slice(at + 1, end);
    }
    start = next;
  }
  return found;
}

function entryEnd(text: string, start: number, separator: string, groups: string | undefined): number {
  const found = text.indexOf(separator, start);
  const end = found === -1 ? text.length : found;
  if (groups === undefined) return end;
  const group = text.indexOf(groups, start);
  return group === -1 ? end : Math.min(end, group);
}

/** The position behind the separator of entries, or behind the one character that separates groups. */
function nextEntry(text: string, end: number, separator: string): number {
  return end + (text.startsWith(separator, end) ? separator.length : 1);
}

function isAt(text: string, label: string, start: number, end: number): boolean {
  return end - start === label.length && text.startsWith(label, start);
}
