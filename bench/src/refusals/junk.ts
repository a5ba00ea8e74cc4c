const SIZE = 1 << 20;

function filled(unit: string, before = '', after = ''): Buffer {
  const count = Math.floor((SIZE - before.length - after.length) / unit.length);
  return Buffer.from(before + unit.repeat(count) + after);
}

function uniqueNames(): Buffer {
  let text = '{';
  for (let at = 0; text.length < SIZE - 40; at++) text += `"k${((at * 2654435761) >>> 0).toString(36)}":1,`;
  return Buffer.from(`${text}"z":1}`);
}

function parameters(): Buffer {
  return Buffer.from(Array.from({ length: 1000 }, (_, at) => `p${999 - at}=${'%41'.repeat(340)}`).join('&'));
}

/** A megabyte each of what parsers find expensive. */
export const JUNK: Readonly<Record<string, Buffer>> = {
  'one long text': filled('a', '{"a":"', '"}'),
  'many names': uniqueNames(),
  'many numbers': filled('1,', '[', '1]'),
  'many levels': filled('[', '', ']'),
  'many escapes': filled('\\"', '{"a":"', '"}'),
  'many parameters': filled('a&'),
  'percent-encoded text': filled('%41', 'a='),
  'plus signs': filled('+', 'a='),
  'a thousand parameters': parameters(),
};
