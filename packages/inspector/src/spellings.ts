/** Backslashes: one, or more if JSON is within JSON. */
const SLASHES = '\\\\{1,7}';

/**
 * A pattern for these texts in all the ways in which they may be written: as they are, with the escapes of JSON, and with
 * percent-encoding, in lower and upper case. At each place the first text that fits is found, so pass the longest first.
 *
 * @param isBytes Whether the pattern is for bytes, each written as one character (`latin1`).
 * @returns `undefined` without texts: nothing would be found.
 */
export function spellingsOf(texts: readonly string[], isBytes: boolean): RegExp | undefined {
  if (texts.length === 0) return undefined;
  return new RegExp(
    texts.map((text) => Array.from(text, (each) => spellingOf(each, isBytes)).join('')).join('|'),
    'g',
  );
}

function spellingOf(character: string, isBytes: boolean): string {
  const bytes = Buffer.from(character);
  const plain = escaped(isBytes ? bytes.toString('latin1') : character);
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  const asJson = units.map((unit) => `${SLASHES}u${anyCase(unit.toString(16).padStart(4, '0'))}`).join('');
  const asPercent = Array.from(bytes, (byte) => `%${anyCase(byte.toString(16).padStart(2, '0'))}`).join('');
  const ways = [plain, asJson, asPercent];
  // JSON writes "\n" for a new line, and "\/" or "/" for a slash.
  const short = /[/"]/.test(character) ? character : JSON.stringify(character).slice(2, -1);
  if (character === '\\') ways[0] = '\\\\{1,8}';
  else if ('"/\n\r\t\f\b'.includes(character)) ways.unshift(`${SLASHES}${escaped(short)}`);
  if (character === ' ') ways.push('\\+');
  return `(?:${ways.join('|')})`;
}

function anyCase(hex: string): string {
  return hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
