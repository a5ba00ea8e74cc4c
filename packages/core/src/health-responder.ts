import { createHash, timingSafeEqual } from 'node:crypto';
import type { VerifierHealth } from './health.ts';
import { type HeadersInput, HeadReader } from './request.ts';
import type { WebhookResponse } from './response.ts';
import { checkKeys, configError } from './util/options.ts';
import type { Verifier } from './verifier-types.ts';

/** What a health handler responds with, as JSON. Contains ids of keys, and no secrets. */
export interface HealthReport {
  /** `not-ready`: no endpoint can verify deliveries. One endpoint that can is enough for `ready`; endpoints that are switched off don't count. */
  readonly state: 'ready' | 'not-ready';
  /** Which process this is. */
  readonly instance: string;
  /** When the report was made, as ISO 8601. */
  readonly time: string;
  /** The verifiers by the names that you gave them. In JSON, their dates are ISO 8601. */
  readonly verifiers: Readonly<Record<string, VerifierHealth>>;
}

/** The options of every adapter's `healthHandler()`. */
export interface HealthOptions {
  /**
   * Requests with `Authorization: Bearer <token>` are answered too, wherever they come from. At least 32 characters, for example from
   * `openssl rand -hex 32`. Default: only requests from this machine are answered.
   */
  token?: string | undefined;
  /** What the report calls this process. Default: `<host name>:<process id>`. */
  instance?: string;
}

/** A request for health, as an adapter sees it. */
export interface HealthRequest {
  readonly method: string | undefined;
  readonly headers: HeadersInput;
  /** The address at the other end of the connection, never one from a header. `undefined` if the host does not tell. */
  readonly remoteAddress: string | undefined;
}

const SHORTEST_TOKEN = 32;
/** Headers that a proxy adds: the connection comes from the proxy, and the request from anywhere. */
const PROXY_HEADERS = [
  'cf-connecting-ip',
  'fastly-client-ip',
  'forwarded',
  'true-client-ip',
  'via',
  'x-client-ip',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
];
const NO_STORE = { 'cache-control': 'no-store' };

/**
 * Returns the function that responds to requests for health: the common part of every adapter's `healthHandler()`.
 *
 * @param owner The function's name in messages: `healthHandler()`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` without a verifier, for a short token, and for any other wrong option.
 * @example
 * ```ts
 * const respond = createHealthResponder('healthHandler()', { stripe: verifier }, options)
 * const { status, headers, body } = respond({ method, headers: request.rawHeaders, remoteAddress: request.socket.remoteAddress })
 * ```
 */
export function createHealthResponder(
  owner: string,
  verifiers: Readonly<Record<string, Verifier>>,
  options: HealthOptions = {},
): (request: HealthRequest) => WebhookResponse {
  const { token, instance = instanceName() } = checkKeys(owner, options, ['token', 'instance']);
  const named = checkVerifiers(owner, verifiers);
  const expected = token === undefined ? undefined : digestOf(checkToken(token));
  if (typeof instance !== 'string' || instance === '') throw configError('"instance" must be text.');
  return ({ method, headers, remoteAddress }) => {
    const head = new HeadReader({ headers, body: new Uint8Array() }, undefined);
    const isAllowed =
      (expected !== undefined && hasToken(head, expected)) || isFromThisMachine(head, remoteAddress);
    if (!isAllowed) {
      return expected === undefined
        ? { status: 404, headers: NO_STORE, body: '' }
        : { status: 401, headers: { ...NO_STORE, 'www-authenticate': 'Bearer' }, body: '' };
    }
    if (method !== 'GET' && method !== 'HEAD')
      return { status: 405, headers: { ...NO_STORE, allow: 'GET, HEAD' }, body: '' };
    const report = healthReport(named, instance);
    return {
      status: report.state === 'ready' ? 200 : 503,
      headers: { ...NO_STORE, 'content-type': 'application/json; charset=utf-8' },
      body: method === 'HEAD' ? '' : JSON.stringify(report),
    };
  };
}

/** Combines the states of a process's verifiers. */
export function healthReport(
  verifiers: Readonly<Record<string, Verifier>>,
  instance: string = instanceName(),
): HealthReport {
  const healths = Object.entries(verifiers).map(([name, verifier]) => [name, verifier.health()] as const);
  const enabled = healths.filter(([, { state }]) => state !== 'disabled');
  const works = enabled.length === 0 || enabled.some(([, { state }]) => state !== 'not-ready');
  return {
    state: works ? 'ready' : 'not-ready',
    instance,
    time: new Date().toISOString(),
    verifiers: Object.fromEntries(healths),
  };
}

function checkVerifiers(owner: string, verifiers: unknown): Readonly<Record<string, Verifier>> {
  const named = Object.entries(verifiers ?? {}) as [string, Verifier][];
  if (named.length === 0 || named.some(([, verifier]) => typeof verifier?.health !== 'function'))
    throw configError(`${owner} needs an object of verifiers by name: { stripe: verifier }.`);
  return Object.fromEntries(named);
}

function checkToken(token: unknown): string {
  if (typeof token === 'string' && token.length >= SHORTEST_TOKEN && /^[\x21-\x7e]+$/.test(token))
    return token;
  throw configError(
    `"token" must be text of at least ${SHORTEST_TOKEN} visible ASCII characters. Make one with \`openssl rand -hex 32\`.`,
  );
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Digests are compared, because they have the same length and do not show how much of the token is right. */
function hasToken(head: HeadReader, expected: Buffer): boolean {
  const [given, ...others] = valuesOf(head, 'authorization');
  const token = others.length === 0 ? /^bearer +([\x21-\x7e]+)$/i.exec(given ?? '')?.[1] : undefined;
  return token !== undefined && timingSafeEqual(digestOf(token), expected);
}

function isFromThisMachine(head: HeadReader, address: string | undefined): boolean {
  if (!/^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/i.test(address ?? '')) return false;
  if (PROXY_HEADERS.some((name) => valuesOf(head, name).length > 0)) return false;
  // A proxy on this machine may keep the name that its client asked for. A web page can make a browser send another name here, too.
  const hosts = valuesOf(head, 'host');
  return hosts.every((host) => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host));
}

function valuesOf(head: HeadReader, name: string): readonly string[] {
  try {
    return head.values(name);
  } catch {
    // A host passed a header that is not text.
    return ['?'];
  }
}

/** Not imported: not every runtime that loads this file has the module. */
function instanceName(): string {
  const { process } = globalThis as { process?: NodeJS.Process };
  const host = process?.getBuiltinModule?.('node:os')?.hostname?.() ?? 'unknown';
  return `${host}:${process?.pid ?? 0}`;
}
