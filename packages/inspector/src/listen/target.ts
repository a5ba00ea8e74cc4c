import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ListenError } from './listen-error.ts';

/** Where requests are passed on to. */
export interface Target {
  readonly url: URL;
  /** What is written before the path of each request: the path of `--to`, without a slash at its end. */
  readonly pathBefore: string;
}

/** @throws ListenError with a sentence if it is not the URL of a server. */
export function readTarget(to: string): Target {
  const example = 'Write it as http://localhost:3000 or http://localhost:3000/hooks.';
  if (!URL.canParse(to)) throw new ListenError(`The target "${shown(to)}" is not a URL. ${example}`);
  const url = new URL(to);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ListenError(`The target must begin with http:// or https://. ${example}`);
  if (url.username !== '' || url.password !== '')
    throw new ListenError('The target must not contain a user name or a password. Remove them from the URL.');
  if (url.search !== '' || url.hash !== '')
    throw new ListenError(
      'The target must not contain a query or a fragment: each request keeps its own query. Remove them from the URL.',
    );
  return { url, pathBefore: url.pathname.replace(/\/$/, '') };
}

/** Never more of a text than a URL needs: it may have been pasted by mistake. */
function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 20)}…` : text;
}

/** Opens a connection. Both ends may be closed one after the other, as the sender and the target do. */
export function connectTo({ url }: Target): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isTls = url.protocol === 'https:';
  const port = Number(url.port) || (isTls ? 443 : 80);
  const options = { host, port, allowHalfOpen: true, noDelay: true };
  if (!isTls) return connectPlain(options);
  return connectTls({
    ...options,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
  });
}

/** The start line with the target's path before the path of the request. Only these bytes of a request ever change. */
export function withPath(raw: Buffer, { pathBefore }: Target): Buffer {
  if (pathBefore === '') return raw;
  const text = raw.toString('latin1');
  const [, before, path] = /^([\r\n]*\S+ )(\/\S*)? /.exec(text) ?? [];
  if (before === undefined || path === undefined) return raw;
  const rest = path === '/' ? '' : path.startsWith('/?') ? path.slice(1) : path;
  return Buffer.concat([
    Buffer.from(before + pathBefore + rest, 'latin1'),
    raw.subarray(before.length + path.length),
  ]);
}

/** A sentence for the error of a connection that could not be opened. */
export function whyDown(error: NodeJS.ErrnoException, { url }: Target): string {
  const where = url.origin;
  switch (error.code) {
    case 'ECONNREFUSED':
      return `The target ${where} is down (connection refused). Start it, or correct --to.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name of the target ${where} is unknown. Correct --to.`;
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `The target ${where} can't be reached (${error.code}). Check the network, or correct --to.`;
    default:
      return `The connection to the target ${where} failed (${error.code ?? error.name}). Check the server, or correct --to.`;
  }
}
