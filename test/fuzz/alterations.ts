import type { Random } from './random.ts';
import { type FuzzRequest, jsonOf, queryOf } from './request.ts';

/** What an attacker does to a request that was captured: the signature stays, the rest may become anything. */
type Alteration = (request: FuzzRequest, random: Random) => FuzzRequest;

/** A text of the request that can be changed. */
interface Place {
  readonly text: string;
  set(request: FuzzRequest, text: string): FuzzRequest;
}

/** Everything in a request that contains text, except the signature. */
function placesOf(request: FuzzRequest): Place[] {
  const places: Place[] = [];
  for (const [at, [name, value]] of request.headers.entries())
    places.push({
      text: value,
      set: (to, text) => ({
        ...to,
        headers: to.headers.map((each, index) => (index === at ? [name, text] : each)),
      }),
    });
  const query = queryOf(request.url);
  for (const [at, pair] of (query ?? '').split('&').entries()) {
    if (pair === '') continue;
    const name = pair.split('=')[0] ?? '';
    places.push({
      text: safeDecode(pair.slice(name.length + 1)),
      set: (to, text) => withPair(to, at, `${name}=${encodeURIComponent(text)}`),
    });
  }
  places.push({
    text: request.body.toString('latin1'),
    set: (to, text) => ({ ...to, body: Buffer.from(text, 'latin1') }),
  });
  const json = jsonOf(request.body)?.value;
  if (json !== null && typeof json === 'object')
    for (const [name, value] of Object.entries(json))
      if (typeof value === 'string')
        places.push({ text: value, set: (to, text) => withField(to, name, text) });
      else if (value !== null && typeof value === 'object' && 'c' in value && typeof value.c === 'string')
        places.push({ text: value.c, set: (to, text) => withField(to, name, { ...value, c: text }) });
  for (const [at, pair] of request.body.toString('latin1').split('&').entries()) {
    if (!pair.includes('=') || pair.length > 200) continue;
    const name = pair.split('=')[0] ?? '';
    places.push({
      text: safeDecode(pair.slice(name.length + 1)),
      set: (to, text) => {
        const pairs = to.body.toString('latin1').split('&');
        pairs[at] = `${name}=${encodeURIComponent(text)}`;
        return { ...to, body: Buffer.from(pairs.join('&'), 'latin1') };
      },
    });
  }
  return places;
}

function withPair(request: FuzzRequest, at: number, pair: string): FuzzRequest {
  const pairs = (queryOf(request.url) ?? '').split('&');
  pairs[at] = pair;
  return { ...request, url: `${request.url.split('?')[0]}?${pairs.join('&')}` };
}

function withField(request: FuzzRequest, name: string, value: unknown): FuzzRequest {
  const json = jsonOf(request.body)?.value as Record<string, unknown>;
  return { ...request, body: Buffer.from(JSON.stringify({ ...json, [name]: value })) };
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const ODD = [
  '',
  '0',
  '.',
  '..',
  '"',
  '\\u0000',
  '😀',
  '%',
  '%zz',
  '{}',
  '__proto__',
  '1e999',
  'null',
  ' ',
  '\t',
  '\u00ff',
  '=',
  '&',
  ',',
];

/** Moves text over the border between two places: from the end of one to the beginning of another, or back. */
function moveBorder(request: FuzzRequest, random: Random): FuzzRequest {
  const places = placesOf(request);
  const from = random.pick(places);
  const to = random.pick(places);
  if (from === to || from.text === '') return request;
  const count = 1 + random.below(Math.min(from.text.length, 4));
  try {
    return random.chance(50)
      ? to.set(from.set(request, from.text.slice(0, -count)), from.text.slice(-count) + to.text)
      : to.set(from.set(request, from.text.slice(count)), to.text + from.text.slice(0, count));
  } catch {
    return request;
  }
}

/** Another text in one place. */
function changeText(request: FuzzRequest, random: Random): FuzzRequest {
  const place = random.pick(placesOf(request));
  const at = random.below(place.text.length + 1);
  const text = random.pick([
    () => random.pick(ODD),
    () => place.text.slice(0, at) + random.pick(ODD) + place.text.slice(at),
    () => place.text.slice(0, at) + place.text.slice(at + 1),
    () => `${place.text}0`,
    () => `${place.text}.0`,
    () => `0${place.text}`,
    () => place.text.toUpperCase(),
    () => ` ${place.text} `,
    () => place.text.replace('Z', '+00:00'),
    () => place.text.replace(/\.(\d+)/, '.$10'),
  ])();
  try {
    return place.set(request, text);
  } catch {
    return request;
  }
}

/** The same JSON, or nearly, in another spelling. */
function respellJson(request: FuzzRequest, random: Random): FuzzRequest {
  const json = jsonOf(request.body);
  if (json === undefined) return request;
  const text = request.body.toString('utf8');
  const respelled = random.pick([
    () => ` ${text}`,
    () => `${text}\n`,
    () => JSON.stringify(json.value, null, 2),
    () => text.replace(/(:)(\d+)([,}])/, (_, a, digits, b) => `${a}${digits}.0${b}`),
    () => text.replace(/(:)(\d+)([,}])/, (_, a, digits, b) => `${a}${digits}e0${b}`),
    () => text.replace(/null/, random.pick(['1e999', '-1e999', '0', '""', 'false'])),
    () => text.replace(/:(-?\d[^,}\]]*)/, random.pick([':1e999', ':-0', ':null', ':0.0'])),
    () => text.replace(/"([a-z])/, (_, letter: string) => `"\\u00${letter.charCodeAt(0).toString(16)}`),
    () => text.replace(/^\{/, `{"${random.pick(['id', 'a', 'b', 'x'])}":"evil",`),
    () =>
      text.replace(
        /\}$/,
        `,"${random.pick(['id', 'a', 'b', 'x', '__proto__'])}":${random.pick(['"evil"', '1', '{"c":1}', 'null'])}}`,
      ),
    () => JSON.stringify(Object.fromEntries(Object.entries(json.value ?? {}).reverse())),
    () =>
      text.replace(/"([^"]*)"([,}])/, (_, value, end) =>
        /^\d+$/.test(value) ? value + end : `"${value}\\ud800"${end}`,
      ),
    () => text.replace(/:true/, ':"true"'),
    () => text.replace(/:(\d+)([,}])/, ':"$1"$2'),
    () => `\ufeff${text}`,
  ])();
  return { ...request, body: Buffer.from(respelled) };
}

/** The same form, or nearly, in another spelling; and parameters between the query and the form. */
function respellForm(request: FuzzRequest, random: Random): FuzzRequest {
  const text = request.body.toString('latin1');
  const query = queryOf(request.url);
  const pairs = text.split('&');
  const path = request.url.split('?')[0] ?? '';
  return random.pick<() => FuzzRequest>([
    () => ({ ...request, body: Buffer.from(pairs.toReversed().join('&'), 'latin1') }),
    () => ({ ...request, body: Buffer.from(text.replaceAll('%20', '+'), 'latin1') }),
    () => ({ ...request, body: Buffer.from(`&${text}&`, 'latin1') }),
    () => ({ ...request, body: Buffer.from(`${text}&${random.pick(pairs)}`, 'latin1') }),
    () => ({
      ...request,
      body: Buffer.from(
        text.replace(/([a-z])=/i, (_, letter: string) => `%${letter.charCodeAt(0).toString(16)}=`),
        'latin1',
      ),
    }),
    // `Amount=100` as `Amount10=0`: the same letters, another border.
    () => ({ ...request, body: Buffer.from(text.replace(/=([^&%])/, '$1='), 'latin1') }),
    () => ({ ...request, body: Buffer.from(text.replace(/([^&=%])=/, '=$1'), 'latin1') }),
    () => ({
      ...request,
      url: path,
      body: Buffer.from(`${encodeURIComponent(query === undefined ? '' : `?${query}`)}&${text}`, 'latin1'),
    }),
    () => ({
      ...request,
      url: path,
      body: Buffer.from(encodeURIComponent(`?${query ?? ''}${safeDecode(text)}`), 'latin1'),
    }),
    () => ({
      ...request,
      url: `${request.url}${query === undefined ? '?' : '&'}${text}`,
      body: Buffer.alloc(0),
    }),
    () => ({
      ...request,
      url: `${request.url}${text.slice(0, 3)}`,
      body: Buffer.from(text.slice(3), 'latin1'),
    }),
    () => ({
      ...request,
      headers: request.headers.map(([name, value]) =>
        name === 'content-type' ? [name, 'application/x-www-form-urlencoded'] : [name, value],
      ),
    }),
  ])();
}

/** Headers and lines that HTTP allows. */
function reshape(request: FuzzRequest, random: Random): FuzzRequest {
  const at = random.below(request.headers.length);
  const [name = '', value = ''] = request.headers[at] ?? [];
  return random.pick<() => FuzzRequest>([
    () => ({ ...request, headers: request.headers.filter((_, index) => index !== at) }),
    () => ({ ...request, headers: [...request.headers, [name, value]] }),
    () => ({ ...request, headers: [...request.headers, [name, 'evil']] }),
    () => ({ ...request, headers: [[name, 'evil'], ...request.headers] }),
    () => ({ ...request, headers: request.headers.toReversed() }),
    () => ({ ...request, headers: request.headers.map(([each, text]) => [each.toUpperCase(), text]) }),
    () => ({
      ...request,
      headers: [
        ...request.headers,
        [random.pick(['x-a', 'x-b', 'x-id', 'x-ts', 'x-extra', 'content-type']), random.pick(ODD)],
      ],
    }),
    () => ({ ...request, headers: [...request.headers, ['x-long', 'x'.repeat(5000)]] }),
    () => ({ ...request, method: random.pick(['GET', 'PUT', 'post', '', 'X'.repeat(40), 'PATCH']) }),
    () => ({
      ...request,
      url: random.pick([
        '',
        '/',
        '/other',
        `${request.url}?`,
        `${request.url}#x`,
        `${request.url}&`,
        `${request.url}&sig=00`,
        '?q=1',
        request.url.replace('=', '=%zz'),
      ]),
    }),
    () => ({ ...request, url: request.url.replace(/\?(.*)&(.*)$/, '?$2&$1') }),
    () => ({ ...request, body: Buffer.concat([request.body, Buffer.of(random.below(256))]) }),
    () => ({ ...request, body: request.body.subarray(0, -1) }),
    () => ({ ...request, body: Buffer.alloc(0) }),
  ])();
}

function flipBit(request: FuzzRequest, random: Random): FuzzRequest {
  if (request.body.length === 0) return request;
  const body = Buffer.from(request.body);
  const at = random.below(body.length);
  body[at] = (body[at] ?? 0) ^ (1 << random.below(8));
  return { ...request, body };
}

const ALTERATIONS: readonly Alteration[] = [
  moveBorder,
  moveBorder,
  changeText,
  respellJson,
  respellForm,
  reshape,
  flipBit,
];

/** One to three changes at random. */
export function altered(request: FuzzRequest, random: Random): FuzzRequest {
  let changed = random.pick(ALTERATIONS)(request, random);
  while (random.chance(25)) changed = random.pick(ALTERATIONS)(changed, random);
  return changed;
}
