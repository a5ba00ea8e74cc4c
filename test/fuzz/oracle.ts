import { createHash, createHmac, type KeyObject, verify } from 'node:crypto';
import type { SchemeDefinition, SignatureRule } from '@countersign/core';
import type { ContentPart } from '@countersign/core/extend';
import { type FuzzRequest, fieldOf, headerOf, jsonOf, pairsOf, queryOf } from './request.ts';

// What a definition says is signed, written a second time from its documentation alone. If the documentation leaves a choice, all
// of it is tried: the oracle may know more contents than the verifier accepts, never fewer.

/** One piece of the content in a request: its bytes, and how a receiver reads it. */
interface Written {
  readonly name: string;
  readonly bytes: Buffer;
  /** Two requests whose views differ are different deliveries for a handler. */
  readonly view: string;
}

/** One way to read a request as a signed content. */
export interface Reading {
  readonly content: Buffer;
  readonly pieces: readonly Written[];
}

type Piece = { literal: string } | { name: string; of: string } | { optional: Piece[] };

const cache = new Map<string, Piece[]>();

/** The pieces of a template such as `{timestamp}.{body}`. */
function piecesOf(template: string): Piece[] {
  const known = cache.get(template);
  if (known !== undefined) return known;
  const stack: Piece[][] = [[]];
  for (const [token] of template.matchAll(/\{[^}]*\}|[[\]]|[^{}[\]]+/g)) {
    const list = stack.at(-1) as Piece[];
    if (token === '[') stack.push([]);
    else if (token === ']') stack.at(-2)?.push({ optional: stack.pop() as Piece[] });
    else if (token.startsWith('{')) {
      const [name = '', ...of] = token.slice(1, -1).split(':');
      list.push({ name, of: of.join(':') });
    } else list.push({ literal: token });
  }
  const pieces = stack[0] as Piece[];
  if (cache.size < 10_000) cache.set(template, pieces);
  return pieces;
}

/** Everything that may have been signed for a request, by one rule of a definition. */
export function readingsOf(
  definition: SchemeDefinition,
  rule: SignatureRule,
  request: FuzzRequest,
  publicUrl: string,
): Reading[] {
  if (rule.content === undefined) return [];
  const readings: Reading[] = [];
  for (const template of [rule.content].flat())
    for (const url of urlsOf(rule, request, publicUrl)) {
      const pieces = write(piecesOf(template), { definition, rule, request, url, publicUrl });
      if (pieces !== undefined)
        readings.push({ pieces, content: Buffer.concat(pieces.map(({ bytes }) => bytes)) });
    }
  return readings;
}

interface Context {
  readonly definition: SchemeDefinition;
  readonly rule: SignatureRule;
  readonly request: FuzzRequest;
  readonly url: string;
  readonly publicUrl: string;
}

function write(pieces: readonly Piece[], context: Context): Written[] | undefined {
  const all: Written[] = [];
  for (const piece of pieces) {
    if ('literal' in piece) all.push(plain('literal', piece.literal));
    else if ('optional' in piece) all.push(...(write(piece.optional, context) ?? []));
    else {
      const written = writeNamed(piece.name, piece.of, context);
      if (written === undefined) return undefined;
      all.push(written);
    }
  }
  return all;
}

function writeNamed(name: string, of: string, context: Context): Written | undefined {
  const { rule, request, url } = context;
  const text = (value: string | undefined) =>
    value === undefined ? undefined : plain(of === '' ? name : `${name}:${of}`, value);
  switch (name) {
    case 'body':
      return { name, bytes: request.body, view: request.body.toString('base64') };
    case 'secret':
      return { name, bytes: Buffer.from('\0secret\0'), view: '' };
    case 'timestamp':
      return text(timestampOf(rule, request, context));
    case 'id':
      return text(rule.id === undefined ? undefined : headerOf(request, rule.id.header));
    case 'method':
      return text(request.method);
    case 'url':
      return text(url);
    case 'baseUrl':
      return text(url.split('?')[0]);
    case 'path':
      return text(url.slice(url.indexOf('/', url.indexOf('://') + 3)));
    case 'header':
      return text(headerOf(request, of));
    case 'entry':
      return text(entryOf(rule, request, of));
    case 'query':
      return utf8(`query:${of}`, parameter(query(context), of));
    case 'formField':
      return utf8(`formField:${of}`, parameter(pairsOf(request.body.toString('utf8')), of));
    case 'field':
      return utf8(`field:${of}`, fieldText(fieldOf(json(context)?.value, of)));
    case 'canonicalJson': {
      const parsed = json(context);
      return parsed === undefined ? undefined : utf8(name, canonical(parsed.value));
    }
    default:
      return writePart(name, rule.parts?.[name], context);
  }
}

function writePart(name: string, part: ContentPart | undefined, context: Context): Written | undefined {
  const { rule, request } = context;
  if (part === undefined) return undefined;
  if ('digest' in part) {
    const digest = createHash(part.digest).update(request.body).digest();
    const bytes = part.encoding === 'binary' ? digest : Buffer.from(digest.toString(part.encoding));
    return { name, bytes, view: request.body.toString('base64') };
  }
  if ('fields' in part) {
    const parsed = json(context)?.value;
    const texts = part.fields.map((path) => {
      const value = fieldOf(parsed, path);
      return value === undefined || value === null ? '' : fieldText(value);
    });
    if (texts.includes(undefined)) return undefined;
    return { name, bytes: Buffer.from(texts.join(part.join)), view: JSON.stringify(texts) };
  }
  if ('sorted' in part) {
    const pairs = part.sorted === 'query' ? query(context) : pairsOf(request.body.toString('utf8'));
    if (pairs === undefined) return undefined;
    const omit = new Set(part.omit ?? []);
    let list = pairs
      .filter(([each]) => !omit.has(each))
      .map(([each, value, rawName, rawValue]) =>
        part.text === 'as-received' ? ([rawName, rawValue] as const) : ([each, value] as const),
      );
    const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
    list.sort(([a, x], [b, y]) => order(a, b) || (part.unique ? order(x, y) : 0));
    if (part.unique)
      list = list.filter(([each, value], at) => each !== list[at - 1]?.[0] || value !== list[at - 1]?.[1]);
    const { replace } = part;
    const fill = ([each, value]: readonly [string, string]) => {
      const shown =
        replace === undefined
          ? value
          : [...value].map((one) => (replace.characters.includes(one) ? replace.with : one)).join('');
      return part.pair.replace(/\{name\}|\{value\}/g, (hole) => (hole === '{name}' ? each : shown));
    };
    // Some senders write forms so that their own borders are lost (`{name}{value}`, characters that are replaced): no receiver can tell
    // those apart, and the text as it was signed is all there is to compare.
    const isLossy = replace !== undefined || part.pair.includes('}{') || (part.join ?? '') === '';
    const view = isLossy ? list.map(fill).join(part.join ?? '') : JSON.stringify(list);
    return { name, bytes: Buffer.from(list.map(fill).join(part.join ?? '')), view };
  }
  const place = part.listedHeaders;
  const names = (
    'entry' in place ? entryOf(rule, request, place.entry) : headerOf(request, place.header)
  )?.split(part.separator);
  if (names === undefined) return undefined;
  const values = names.map((each) => headerOf(request, each));
  if (values.includes(undefined)) return undefined;
  const written = names.map((each, at) =>
    part.pair.replace(/\{name\}|\{value\}/g, (hole) => (hole === '{name}' ? each : (values[at] ?? ''))),
  );
  return {
    name,
    bytes: Buffer.from(written.join(part.join), 'latin1'),
    view: JSON.stringify([names, values]),
  };
}

/** The addresses that a sender may have signed: its own, with the query as it came. */
function urlsOf(rule: SignatureRule, request: FuzzRequest, publicUrl: string): string[] {
  const received = queryOf(request.url);
  const url = received === undefined ? publicUrl : `${publicUrl.split('?')[0]}?${received}`;
  const { decode, variants } = rule.url ?? {};
  const first =
    decode === undefined
      ? url
      : url.replace(/%[0-9A-Fa-f]{2}/g, (code) => {
          const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
          return decode.includes(character) ? character : code;
        });
  if (variants !== 'port') return [first];
  const match = /^(https?:\/\/)([^/?:]+|\[[^\]]+\])(:[0-9]+)?(.*)$/.exec(first);
  if (match === null) return [first];
  const [, protocol = '', host = '', port, rest = ''] = match;
  const standard = protocol === 'https://' ? ':443' : ':80';
  return [...new Set([first, `${protocol}${host}${rest}`, `${protocol}${host}${port ?? standard}${rest}`])];
}

function timestampOf(rule: SignatureRule, request: FuzzRequest, context: Context): string | undefined {
  const { header, entry, query: parameterName } = rule.timestamp ?? {};
  if (header !== undefined) return headerOf(request, header);
  if (parameterName !== undefined) return parameter(query(context), parameterName);
  return typeof entry === 'number' ? entries(rule, request)[entry] : entryOf(rule, request, entry ?? '');
}

/** The texts that may contain signatures. */
export function signatureTexts(rule: SignatureRule, request: FuzzRequest, publicUrl: string): string[] {
  const { signature } = rule;
  if (signature.query !== undefined) {
    const pairs = pairsOf(queryOf(request.url) ?? queryOf(publicUrl) ?? '') ?? [];
    return pairs.filter(([name]) => name === signature.query).map(([, value]) => value);
  }
  if (signature.field !== undefined) {
    const text = fieldText(fieldOf(jsonOf(request.body)?.value, signature.field));
    return text === undefined ? [] : [text];
  }
  if (signature.formField !== undefined) {
    const pairs = pairsOf(request.body.toString('utf8')) ?? [];
    return pairs.filter(([name]) => name === signature.formField).map(([, value]) => value);
  }
  const names = request.headers.filter(([name]) =>
    signature.numberedHeader !== undefined
      ? name.toLowerCase().startsWith(signature.numberedHeader)
      : [signature.header].flat().includes(name.toLowerCase()),
  );
  return names.map(([, value]) => value);
}

function entries(rule: SignatureRule, request: FuzzRequest): string[] {
  const list = rule.signature.list;
  if (list === undefined) return [];
  return signatureTexts(rule, request, '').flatMap((text) => {
    const rest = text.startsWith(list.start ?? '') ? text.slice((list.start ?? '').length) : text;
    return (list.groups === undefined ? [rest] : rest.split(list.groups)).flatMap((group) =>
      group.split(list.separator).map((one) => (list.blanks ? one.trimStart() : one)),
    );
  });
}

function entryOf(rule: SignatureRule, request: FuzzRequest, label: string): string | undefined {
  const assign = rule.signature.list?.assign ?? '=';
  return entries(rule, request)
    .find((one) => one.startsWith(label + assign))
    ?.slice(label.length + assign.length);
}

function query({ request, publicUrl }: Context) {
  return pairsOf(queryOf(request.url) ?? queryOf(publicUrl) ?? '');
}

function parameter(pairs: ReturnType<typeof pairsOf>, name: string): string | undefined {
  const found = (pairs ?? []).filter(([each]) => each === name);
  return found.length === 1 ? found[0]?.[1] : undefined;
}

function json({ request, definition }: Context): { value: unknown } | undefined {
  return jsonOf(
    definition.multipartField === undefined ? request.body : multipart(request, definition.multipartField),
  );
}

/** The content of a multipart field: as far as the fuzzer builds such bodies. */
function multipart(request: FuzzRequest, field: string): Buffer {
  const boundary = /boundary=([^;]+)/.exec(headerOf(request, 'content-type') ?? '')?.[1];
  if (boundary === undefined) return request.body;
  const text = request.body.toString('latin1');
  const part = text.split(`--${boundary}`).find((each) => each.includes(`name="${field}"`));
  return Buffer.from(part?.slice(part.indexOf('\r\n\r\n') + 4, -2) ?? '', 'latin1');
}

function fieldText(value: unknown): string | undefined {
  if (typeof value === 'string') return isWellFormed(value) ? value : undefined;
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
    ? String(value)
    : undefined;
}

/** RFC 8785. What it can't write is `undefined`. */
function canonical(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const members = value.map(canonical);
    return members.includes(undefined) ? undefined : `[${members.join(',')}]`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  if (typeof value === 'string' && !isWellFormed(value)) return undefined;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value).sort();
  const members = names.map((name) => {
    const member = canonical((value as Record<string, unknown>)[name]);
    return member === undefined || !isWellFormed(name) ? undefined : `${JSON.stringify(name)}:${member}`;
  });
  return members.includes(undefined) ? undefined : `{${members.join(',')}}`;
}

function plain(name: string, text: string): Written {
  return { name, bytes: Buffer.from(text, 'latin1'), view: text };
}

function utf8(name: string, text: string | undefined): Written | undefined {
  return text === undefined ? undefined : { name, bytes: Buffer.from(text, 'utf8'), view: text };
}

/** Whether any signature in the request's signature texts is the right one for a content. */
export function proves(
  rule: SignatureRule,
  texts: readonly string[],
  content: Buffer,
  keys: { readonly bytes: Buffer; readonly public?: KeyObject | undefined },
): boolean {
  const { algorithm } = rule;
  if ('token' in algorithm)
    return texts.some(
      (text) => text.includes(keys.bytes.toString('latin1')) || text.includes(keys.bytes.toString('base64')),
    );
  if ('hmac' in algorithm) {
    const mac = createHmac(algorithm.hmac, keys.bytes).update(content).digest();
    return holds(texts, mac);
  }
  if ('publicKey' in algorithm)
    return (
      keys.public !== undefined &&
      texts.some((text) => verifies(algorithm, text, content, keys.public as KeyObject))
    );
  const secret = Buffer.from('\0secret\0');
  const parts: Buffer[] = [];
  let rest = content;
  for (let at = rest.indexOf(secret); at !== -1; at = rest.indexOf(secret)) {
    parts.push(rest.subarray(0, at), keys.bytes);
    rest = rest.subarray(at + secret.length);
  }
  return holds(
    texts,
    createHash(algorithm.hash)
      .update(Buffer.concat([...parts, rest]))
      .digest(),
  );
}

function holds(texts: readonly string[], mac: Buffer): boolean {
  const written = [
    mac.toString('hex'),
    mac.toString('hex').toUpperCase(),
    mac.toString('base64'),
    mac.toString('base64url'),
  ];
  return texts.some((text) =>
    written.some((one) => text.includes(one) || text.toLowerCase().includes(written[0] as string)),
  );
}

function verifies(
  algorithm: Extract<SignatureRule['algorithm'], { publicKey: string }>,
  text: string,
  content: Buffer,
  key: KeyObject,
): boolean {
  const hash = algorithm.publicKey === 'ed25519' ? null : 'hash' in algorithm ? algorithm.hash : 'sha256';
  const encoded = text.split(/[,;\s]/).flatMap((one) => [one, one.slice(one.indexOf('=') + 1)]);
  const options =
    'format' in algorithm
      ? ({ key, dsaEncoding: algorithm.format === 'der' ? 'der' : 'ieee-p1363' } as const)
      : key;
  return encoded.some((one) =>
    (['hex', 'base64', 'base64url'] as const).some((encoding) => {
      const signature = Buffer.from(one, encoding);
      try {
        return signature.length > 0 && verify(hash, content, options, signature);
      } catch {
        return false;
      }
    }),
  );
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
