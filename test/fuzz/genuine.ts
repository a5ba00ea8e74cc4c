import { createHmac } from 'node:crypto';
import type { SchemeDefinition, SignatureRule } from '@countersign/core';
import { readingsOf } from './oracle.ts';
import type { Random } from './random.ts';
import { type FuzzRequest, jsonOf, pairsOf, queryOf, withHeader } from './request.ts';

export const PUBLIC_URL = 'https://hooks.example.com/hook';
/** The time at which everything is signed and checked, in Unix seconds. */
export const NOW = 1_763_600_000;

const TEXT = 'abz019._:,|-=&+%"\' ';
const PLAIN = 'abcxyz0189';

/** A request as the sender of a random definition would send it, without its signature. */
export function unsignedRequest(random: Random, definition: SchemeDefinition): FuzzRequest {
  const rule = definition.signed as SignatureRule;
  const content = [rule.content ?? ''].flat().join('');
  const text = (min = 1) => random.text(random.chance(70) ? PLAIN : TEXT, min, 8).trim() || 'a';
  const time = timeText(random, rule.timestamp?.unit ?? 's');
  const headers: [string, string][] = [['content-type', 'application/json']];
  if (content.includes('{header:x-a}') || content.includes('{listed}') || random.chance(10))
    headers.push(['x-a', text()]);
  if (content.includes('{header:x-b}') || content.includes('{listed}') || random.chance(10))
    headers.push(['x-b', text()]);
  if (content.includes('{listed}')) headers.push(['x-listed', random.pick(['x-a x-b', 'x-b x-a', 'x-a'])]);
  if (rule.id !== undefined)
    headers.push([
      'x-id',
      rule.id.format === 'uuid' ? uuid(random) : random.text(random.chance(70) ? PLAIN : 'az01._:,|-', 1, 10),
    ]);
  if (rule.timestamp?.header !== undefined) headers.push(['x-ts', time]);
  const parameters: string[] = [];
  if (content.includes('{query:q}') || random.chance(10)) parameters.push(`q=${encodeURIComponent(text(0))}`);
  if (content.includes('{query:p}') || random.chance(10)) parameters.push(`p=${encodeURIComponent(text(0))}`);
  if (rule.timestamp?.query !== undefined) parameters.push(`ts=${encodeURIComponent(time)}`);
  const url = parameters.length > 0 ? `/hook?${parameters.join('&')}` : '/hook';
  return {
    method: random.pick(['POST', 'POST', 'PUT']),
    url,
    headers,
    body: randomBody(random, definition, content),
  };
}

function randomBody(random: Random, { identity }: SchemeDefinition, content: string): Buffer {
  const text = () => random.text(random.chance(60) ? PLAIN : `${TEXT}ü😀\\`, 0, 8);
  if (/\{formField|Form\}/.test(content)) {
    const fields = ['f', 'g', 'Zip', 'a', 'b'].filter((name) => 'fg'.includes(name) || random.chance(50));
    return Buffer.from(
      fields.map((name) => `${name}=${encodeURIComponent(text().replace(/\p{Surrogate}/gu, ''))}`).join('&'),
    );
  }
  if (content.includes('{body}') && typeof identity !== 'object' && random.chance(30))
    return Buffer.from(random.text(`${TEXT}{}[]\0ÿ`, 0, 20), 'latin1');
  const scalar = (): unknown => random.pick([text(), random.below(1000), true, null, 1e21, -0.5, text()]);
  return Buffer.from(
    JSON.stringify({
      id: random.chance(70) ? random.text(PLAIN, 1, 6) : scalar(),
      ...(random.chance(80) ? { a: scalar() } : {}),
      ...(random.chance(80) ? { b: { c: scalar(), d: [scalar()] } } : {}),
      ...(random.chance(30) ? { extra: scalar() } : {}),
    }).replace(/\\ud[89a-f]../gi, ''),
  );
}

function timeText(random: Random, unit: string): string {
  const ms = NOW * 1000 + random.below(60_000) - 30_000;
  const iso = new Date(ms).toISOString();
  if (unit === 's') return String(Math.floor(ms / 1000));
  if (unit === 'ms') return String(ms);
  if (unit === 'iso') return random.pick([iso, iso.replace(/\.\d+/, ''), iso.replace('Z', '+00:00')]);
  if (unit === 'iso-utc') return random.pick([iso.replace('Z', ''), iso.replace(/\.\d+Z/, '')]);
  return new Date(ms).toUTCString();
}

function uuid(random: Random): string {
  return random.text('0123456789abcdef', 32, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Signs a request by the oracle's reading of it; `undefined` if it has none. */
export function signed(
  definition: SchemeDefinition,
  request: FuzzRequest,
  secret: string,
): FuzzRequest | undefined {
  const rule = definition.signed as SignatureRule;
  if (!('hmac' in rule.algorithm)) return undefined;
  const { signature } = rule;
  const time = request.headers.find(([name]) => name === 'x-ts')?.[1] ?? timeOf(request);
  // Entries beside the signature are signed themselves: they are there before it is computed.
  const beside = signature.list === undefined ? [] : [`t=${time}`, 'n=nonce1'];
  let draft = place(rule, request, beside.join(signature.list?.separator ?? ','));
  const reading = readingsOf(definition, rule, draft, PUBLIC_URL)[0];
  if (reading === undefined) return undefined;
  const mac = createHmac(rule.algorithm.hmac, secret).update(reading.content).digest();
  const { encoding } = signature;
  const digest =
    encoding === 'hex-upper'
      ? mac.toString('hex').toUpperCase()
      : mac.toString(encoding === 'hex-any' ? 'hex' : (encoding as 'hex' | 'base64' | 'base64url'));
  const text =
    signature.list === undefined
      ? `${signature.prefix ?? ''}${digest}`
      : [...beside, `${signature.list.label}${signature.list.assign}${digest}`].join(
          signature.list.separator,
        );
  draft = place(rule, request, text);
  return draft;
}

function timeOf({ url }: FuzzRequest): string {
  return pairsOf(queryOf(url) ?? '')?.find(([name]) => name === 'ts')?.[1] ?? String(NOW);
}

function place(rule: SignatureRule, request: FuzzRequest, text: string): FuzzRequest {
  const { header, query, formField, field } = rule.signature;
  if (header !== undefined) return withHeader(request, 'x-sig', text);
  if (query !== undefined)
    return {
      ...request,
      url: `${request.url}${request.url.includes('?') ? '&' : '?'}sig=${encodeURIComponent(text)}`,
    };
  if (formField !== undefined)
    return {
      ...request,
      body: Buffer.from(`${request.body.toString('utf8')}&sig=${encodeURIComponent(text)}`),
    };
  const json = jsonOf(request.body)?.value;
  if (field === undefined || json === null || typeof json !== 'object') return request;
  return { ...request, body: Buffer.from(JSON.stringify({ ...json, sig: text })) };
}
