/** JSON as it was written: with the order of names, repeated names, and the spelling of numbers. */
export type JsonNode =
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: JsonNode])[] }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'literal'; readonly text: string };

/** How JSON is written. */
export interface JsonStyle {
  /** The white space of one level; empty if everything is on one line. */
  readonly indent: string;
  readonly comma: string;
  readonly colon: string;
  readonly quote: (text: string) => string;
  /** Whether names are sorted. */
  readonly sorted: boolean;
  /** Whether numbers are written as JavaScript writes them: `1.0` becomes `1`. */
  readonly plainNumbers: boolean;
}

const MAX_DEPTH = 200;
const TOKEN = /[ \t\n\r]*(?:([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|(-?[0-9][0-9.eE+-]*|true|false|null))/y;

/** Reads JSON, or returns `undefined` if the text is not JSON. */
export function parseJsonText(text: string): JsonNode | undefined {
  try {
    return new Reader(text).whole();
  } catch {
    return undefined;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;
  #token = '';

  constructor(text: string) {
    this.#text = text;
    this.#next();
  }

  whole(): JsonNode {
    const node = this.#value(0);
    if (this.#token !== '') throw new SyntaxError('more than one value');
    return node;
  }

  #next(): void {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null) {
      if (this.#text.slice(this.#at).trim() !== '') throw new SyntaxError('not JSON');
      this.#token = '';
      return;
    }
    this.#at = TOKEN.lastIndex;
    this.#token = match[1] ?? match[2] ?? match[3] ?? '';
  }

  #take(): string {
    const token = this.#token;
    this.#next();
    return token;
  }

  #expect(token: string): void {
    if (this.#take() !== token) throw new SyntaxError('not JSON');
  }

  #value(depth: number): JsonNode {
    if (depth > MAX_DEPTH) throw new SyntaxError('nested too deep');
    const token = this.#take();
    if (token === '{') return { kind: 'object', members: this.#members(depth) };
    if (token === '[') return { kind: 'array', items: this.#items(depth) };
    if (token.startsWith('"')) return { kind: 'text', value: JSON.parse(token) };
    JSON.parse(token);
    return { kind: 'literal', text: token };
  }

  #members(depth: number): [string, JsonNode][] {
    const members: [string, JsonNode][] = [];
    while (this.#token !== '}') {
      if (members.length > 0) this.#expect(',');
      const name: unknown = JSON.parse(this.#take());
      if (typeof name !== 'string') throw new SyntaxError('not JSON');
      this.#expect(':');
      members.push([name, this.#value(depth + 1)]);
    }
    this.#next();
    return members;
  }

  #items(depth: number): JsonNode[] {
    const items: JsonNode[] = [];
    while (this.#token !== ']') {
      if (items.length > 0) this.#expect(',');
      items.push(this.#value(depth + 1));
    }
    this.#next();
    return items;
  }
}

/** Writes JSON in a style. */
export function writeJsonText(node: JsonNode, style: JsonStyle): string {
  const write = (each: JsonNode, pad: string): string => {
    if (each.kind === 'text') return style.quote(each.value);
    if (each.kind === 'literal') return literal(each.text, style.plainNumbers);
    const inner = style.indent === '' ? '' : `${pad}${style.indent}`;
    const parts =
      each.kind === 'array'
        ? each.items.map((item) => write(item, inner))
        : ordered(each.members, style.sorted).map(
            ([name, value]) => `${style.quote(name)}${style.colon}${write(value, inner)}`,
          );
    const [open, close] = each.kind === 'array' ? ['[', ']'] : ['{', '}'];
    if (parts.length === 0) return `${open}${close}`;
    if (style.indent === '') return `${open}${parts.join(style.comma)}${close}`;
    return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${pad}${close}`;
  };
  return write(node, '');
}

type Member = readonly [name: string, value: JsonNode];
function ordered(members: readonly Member[], sorted: boolean): readonly Member[] {
  return sorted ? [...members].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : members;
}

function literal(text: string, plain: boolean): string {
  return plain && /[0-9]/.test(text) ? JSON.stringify(Number(text)) : text;
}
