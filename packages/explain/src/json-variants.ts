import { type BodyVariant, bodyVariant } from './body-variant.ts';
import { type JsonNode, type JsonStyle, parseJsonText, writeJsonText } from './json-text.ts';

const JSON_MESSAGE = (how: string) =>
  `The signature matches the same JSON written ${how}. So the body was parsed and written anew before it was verified.`;

/** Bodies with the same JSON, written in the usual ways. */
export function* rewrittenJson(text: string): Generator<BodyVariant> {
  const node = parseJsonText(text);
  if (node === undefined) return;
  if (node.kind === 'text') {
    const message =
      'The signature matches the text within the JSON string that was verified: the body was turned into JSON twice.';
    yield bodyVariant(node.value, 'body-reserialized', message, 'the text of the JSON string');
    return;
  }
  const seen = new Set([text]);
  for (const { style, how, ends } of styles(node, text)) {
    const written = writeJsonText(node, style);
    if (seen.has(written)) continue;
    seen.add(written);
    for (const end of ends) {
      const name = end === '' ? how : `${how}, with a final line break`;
      yield bodyVariant(`${written}${end}`, 'body-reserialized', JSON_MESSAGE(name), name);
      if (style.indent !== '')
        yield bodyVariant(
          `${written}${end}`.replace(/\n/g, '\r\n'),
          'body-reserialized',
          JSON_MESSAGE(`${name}, with CRLF`),
          `${name}, with CRLF`,
        );
    }
  }
}

const LAYOUTS = [
  ['without spaces', '', ',', ':'],
  ['with 2 spaces for each level', '  ', ',', ': '],
  ['with 4 spaces for each level', '    ', ',', ': '],
  ["with Python's separators", '', ', ', ': '],
  ['with a tab for each level', '\t', ',', ': '],
  ['with a space after each colon', '', ',', ': '],
  ['with a space after each comma', '', ', ', ':'],
  ['with a space for each level', ' ', ',', ': '],
] as const;

/** How writers of JSON escape characters, each with the characters that make a difference. */
const ESCAPES: readonly (readonly [how: string, only: RegExp | undefined, quote: JsonStyle['quote']])[] = [
  ['', undefined, (text) => JSON.stringify(text)],
  ['escaped slashes', /\//, (text) => slashes(JSON.stringify(text))],
  ['escaped non-ASCII characters', NON_ASCII(), (text) => ascii(JSON.stringify(text))],
  [
    'escaped slashes and non-ASCII characters, as PHP does',
    NON_ASCII(),
    (text) => slashes(ascii(JSON.stringify(text))),
  ],
  [
    'escaped <, > and &, as Go and Rails do',
    /[<>&\u2028\u2029]/,
    (text) => escaped(text, /[<>&\u2028\u2029]/g),
  ],
  [
    'escaped <, >, &, = and apostrophes, as Gson does',
    /[<>&='\u2028\u2029]/,
    (text) => escaped(text, /[<>&='\u2028\u2029]/g),
  ],
  [
    'escaped non-ASCII characters in upper case',
    NON_ASCII(),
    (text) => ascii(JSON.stringify(text)).replace(/\\u[0-9a-f]{4}/g, upper),
  ],
  [
    'the escapes of .NET',
    /[^\0-\x7f]|[<>&'"+`]/,
    (text) =>
      ascii(escaped(text, /[<>&'+`\x7f]/g))
        .replace(/(?!^)\\"/g, '\\u0022')
        .replace(/\\u[0-9a-f]{4}/g, upper),
  ],
];

function NON_ASCII(): RegExp {
  return /[^\0-\x7f]/;
}
function slashes(json: string): string {
  return json.replace(/\//g, '\\/');
}
function ascii(json: string): string {
  return json.replace(/[\x80-\uffff]/g, unicode);
}
function escaped(text: string, characters: RegExp): string {
  return JSON.stringify(text).replace(characters, unicode);
}
function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
function upper(text: string): string {
  return `\\u${text.slice(2).toUpperCase()}`;
}

function* styles(
  node: JsonNode,
  text: string,
): Generator<{ style: JsonStyle; how: string; ends: readonly string[] }> {
  const plain = writeJsonText(node, { ...styleOf(LAYOUTS[0]), quote: JSON.stringify });
  const escapes = ESCAPES.filter(([, only]) => only === undefined || only.test(plain));
  const orders = [false, true];
  const numbers = /[0-9][.eE]|[0-9]{16}/.test(text) ? [false, true] : [false];
  for (const sorted of orders)
    for (const plainNumbers of numbers)
      for (const [escaping, , quote] of escapes)
        for (const layout of LAYOUTS) {
          const how = [
            layout[0],
            ...(escaping === '' ? [] : [`with ${escaping}`]),
            ...(sorted ? ['with sorted names'] : []),
            ...(plainNumbers ? ['with the numbers of JavaScript'] : []),
          ].join(', ');
          const style = { ...styleOf(layout), quote, sorted, plainNumbers };
          yield { style, how, ends: sorted || plainNumbers ? [''] : ['', '\n'] };
        }
}

function styleOf([, indent, comma, colon]: (typeof LAYOUTS)[number]): JsonStyle {
  return { indent, comma, colon, quote: JSON.stringify, sorted: false, plainNumbers: false };
}
