import { type CapturedHead, printable } from './captured-request.ts';
import type { CauseCode, Finding } from './cause.ts';
import type { Variant } from './trials.ts';

/** An address in its parts, as they are written. */
interface Address {
  readonly protocol: string;
  readonly host: string;
  /** With its colon, or empty. */
  readonly port: string;
  readonly path: string;
  /** Without its question mark; `undefined` if there is none. */
  readonly query: string | undefined;
}

const MAX_ADDRESSES = 500;

/**
 * Addresses that the sender may have signed instead. What the request's headers say (`Host`, `X-Forwarded-*`) is only tried: a verifier
 * must never believe it. Addresses that differ in one part come first.
 *
 * @param signsAddress Whether the sender signs the whole address. Otherwise only the query is varied.
 */
export function* urlVariants(head: CapturedHead, signsAddress: boolean): Generator<Variant<CapturedHead>> {
  const given = givenAddress(head);
  if (given === undefined) return;
  const same = <T>(value: T) => [value];
  const vary = <T>(value: T, others: readonly T[]) =>
    signsAddress ? distinct([value, ...others]) : same(value);
  const protocols = vary(given.protocol, ['https', 'http']);
  const hosts = vary(given.host, hostsOf(head, given));
  const ports = vary(given.port, portsOf(head));
  const paths = vary(given.path, pathsOf(head, given));
  const queries = distinct([given.query, ...queriesOf(head, given)]);
  const addresses: { address: Address; distance: number }[] = [];
  for (const [a, protocol] of protocols.entries())
    for (const [b, host] of hosts.entries())
      for (const [c, port] of ports.entries())
        for (const [d, path] of paths.entries())
          for (const [e, query] of queries.entries())
            addresses.push({
              address: { protocol, host, port, path, query },
              distance: [a, b, c, d, e].filter((at) => at > 0).length,
            });
  addresses.sort((x, y) => x.distance - y.distance);
  for (const { address } of addresses.slice(head.publicUrl === undefined ? 0 : 1, MAX_ADDRESSES)) {
    const { protocol, host, port, path, query } = address;
    yield {
      value: head.with({
        publicUrl: `${protocol}://${host}${port}${path}`,
        // Only a request target with a query replaces the query of "publicUrl".
        url: `${path === '' ? '/' : path}${query === undefined ? '' : `?${query}`}`,
      }),
      findings: head.publicUrl === undefined ? [missing(address)] : differences(given, address),
    };
  }
}

/** The address that a verifier uses: `publicUrl` with the query of the request. Without `publicUrl`, the one that the request names. */
function givenAddress(head: CapturedHead): Address | undefined {
  const query = queryOf(head.url);
  const url =
    head.publicUrl ?? (head.has('host') ? `https://${head.first('host')}${pathOf(head.url)}` : undefined);
  const address = url === undefined ? undefined : addressOf(url);
  if (address !== undefined) return query === undefined ? address : { ...address, query };
  // Schemes that sign only parts of the query need no address.
  return { protocol: 'https', host: 'localhost', port: '', path: pathOf(head.url), query };
}

function addressOf(url: string): Address | undefined {
  const match = /^(https?):\/\/(\[[^\]]*\]|[^/?#:]*)(:[0-9]*)?([^?#]*)(?:\?([^#]*))?/.exec(url);
  if (match === null) return undefined;
  const [, protocol = '', host = '', port = '', path = '', query] = match;
  return { protocol, host, port, path, query };
}

function pathOf(url: string | undefined): string {
  if (url === undefined) return '/';
  return (addressOf(url)?.path ?? url.split('?')[0] ?? '') || '/';
}

function queryOf(url: string | undefined): string | undefined {
  const at = url?.indexOf('?') ?? -1;
  return url === undefined || at === -1 ? undefined : url.slice(at + 1);
}

const HOST_HEADERS = ['host', 'x-forwarded-host', 'x-original-host', 'x-forwarded-server', ':authority'];
const PATH_HEADERS = [
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-envoy-original-path',
  'x-forwarded-uri',
  'x-forwarded-path',
];

/** `Host: a` and `Forwarded: host=a`, without their ports. */
function authorities(head: CapturedHead): string[] {
  const named = HOST_HEADERS.flatMap((name) => head.values(name)).flatMap((value) => value.split(/\s*,\s*/));
  const forwarded = [...(head.first('forwarded') ?? '').matchAll(/host="?([^;,"\s]+)/gi)].map(
    ([, host]) => host ?? '',
  );
  return [...named, ...forwarded].filter((text) => /^[A-Za-z0-9.[\]:_-]{1,255}$/.test(text));
}

function hostsOf(head: CapturedHead, { host }: Address): string[] {
  const hosts = authorities(head).map((text) => text.replace(/:[0-9]+$/, ''));
  return [...hosts, host.startsWith('www.') ? host.slice(4) : `www.${host}`, host.toLowerCase()];
}

function portsOf(head: CapturedHead): string[] {
  const ports = authorities(head).flatMap((text) => /:[0-9]+$/.exec(text)?.[0] ?? []);
  const forwarded = head.values('x-forwarded-port').filter((text) => /^[0-9]{1,5}$/.test(text));
  return ['', ...ports, ...forwarded.map((port) => `:${port}`), ':443', ':80'];
}

function pathsOf(head: CapturedHead, { path }: Address): string[] {
  const received = pathOf(head.url);
  const prefix = head.first('x-forwarded-prefix') ?? '';
  const paths = [
    path,
    received,
    ...PATH_HEADERS.flatMap((name) => head.values(name)).map(pathOf),
    ...(prefix === '' ? [] : [`${prefix.replace(/\/$/, '')}${received}`]),
  ];
  return [...paths, ...paths.flatMap(spellings)];
}

/** The same path in other spellings. */
function spellings(path: string): string[] {
  const toggled = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
  return [toggled, path.replace(/\/{2,}/g, '/'), decoded(path), encodeURI(decoded(path)), path.toLowerCase()];
}

function queriesOf(head: CapturedHead, { query }: Address): (string | undefined)[] {
  const own = queryOf(head.publicUrl);
  const original = PATH_HEADERS.flatMap((name) => head.values(name)).map(queryOf);
  const base = query ?? own;
  if (base === undefined || base === '') return [...original, undefined];
  const pairs = base.split('&');
  const sorted = [...pairs].sort();
  const encode = (text: string) => encodeURIComponent(decoded(text.replace(/\+/g, ' ')));
  const anew = (each: (text: string) => string) =>
    pairs.map((pair) => pair.split('=').map(each).join('=')).join('&');
  return [
    ...original,
    own,
    undefined,
    sorted.join('&'),
    [...pairs].reverse().join('&'),
    base.replace(/\+/g, '%20'),
    base.replace(/%20/g, '+'),
    anew((text) => decoded(text.replace(/\+/g, ' '))),
    anew(encode),
    anew((text) => encode(text).replace(/%20/g, '+')),
    anew((text) =>
      encode(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`),
    ),
    new URLSearchParams(base).toString(),
    new URLSearchParams(sorted.join('&')).toString(),
    base.replace(/%[0-9a-f]{2}/gi, (each) => each.toLowerCase()),
    base.replace(/%[0-9a-f]{2}/gi, (each) => each.toUpperCase()),
    ...(pairs.length > 1 ? [pairs.slice(0, -1).join('&'), pairs.slice(1).join('&')] : []),
    ...(own === undefined || own === base ? [] : [`${own}&${base}`]),
  ];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

const PARTS: readonly (readonly [CauseCode, keyof Address, string])[] = [
  ['url-host', 'host', 'host'],
  ['url-scheme', 'protocol', 'protocol'],
  ['url-port', 'port', 'port'],
  ['url-path', 'path', 'path'],
  ['url-query', 'query', 'query'],
];

function differences(given: Address, signed: Address): Finding[] {
  return PARTS.flatMap(([code, part, name]): Finding[] => {
    if (given[part] === signed[part]) return [];
    // A query may contain a token of the user's.
    if (part === 'query') {
      const difference = howQueriesDiffer(given.query, signed.query);
      return [
        {
          code,
          message: `The query is not the one that the sender signed: ${difference}.`,
          evidence: { difference },
        },
      ];
    }
    const text = (value: string | undefined) => printable(value === '' ? 'none' : (value ?? 'none'));
    return [
      {
        code,
        message: `The sender signed the ${name} ${quoted(signed[part])}, but the verifier's "publicUrl" has ${quoted(given[part])}.`,
        evidence: { signed: text(signed[part]), given: text(given[part]) },
      },
    ];
  });
}

function quoted(part: string | undefined): string {
  return part === '' || part === undefined ? '(none)' : `"${printable(part)}"`;
}

function howQueriesDiffer(given: string | undefined, signed: string | undefined): string {
  if (signed === undefined || signed === '') return 'the sender signed none';
  if (given === undefined || given === '') return 'it is missing';
  const sorted = (text: string) => text.split('&').sort().join('&');
  if (sorted(given) === sorted(signed)) return 'the same parameters in another order';
  const plain = (text: string) => decoded(text.replace(/\+/g, ' '));
  if (plain(given) === plain(signed)) return 'the same parameters in another encoding';
  return 'parameters were added, removed, or written anew';
}

function missing({ protocol, host, port, path }: Address): Finding {
  const address = printable(`${protocol}://${host}${port}${path}`);
  return {
    code: 'url-host',
    message: `This sender signs the URL that you gave it, but "publicUrl" is missing. The signature matches "${address}".`,
    evidence: { signed: address },
  };
}
