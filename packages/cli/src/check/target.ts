import { lookup as lookUp } from 'node:dns/promises';
import { BlockList, connect, isIP } from 'node:net';
import { CommandError } from '../command-error.ts';

/** Where requests go: an address that was resolved and checked once, so that a later answer of the name server changes nothing. */
export interface Target {
  readonly url: URL;
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
  /** The URL without credentials and query, which may hold a token. */
  readonly shown: string;
}

interface Address {
  readonly address: string;
  readonly family: number;
}

const LOCAL = new BlockList();
LOCAL.addSubnet('127.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('10.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('172.16.0.0', 12, 'ipv4');
LOCAL.addSubnet('192.168.0.0', 16, 'ipv4');
LOCAL.addAddress('::1', 'ipv6');
LOCAL.addSubnet('fc00::', 7, 'ipv6');

/** Whether an address is a loopback or private one. Link-local addresses are not: clouds serve credentials there. */
function isLocalAddress(address: string): boolean {
  // BlockList compares an IPv4 address in IPv6 form with the IPv4 ranges.
  const family = isIP(address);
  return family !== 0 && LOCAL.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Resolves a URL, and checks that requests to it stay on this machine or in a private network.
 *
 * @param option What messages call the URL: `--to`.
 * @param allowedHosts Names of other hosts to which requests may be sent.
 * @param resolve Default: the system's resolver.
 * @throws CommandError if the URL is malformed, the host is neither local nor allowed, or nothing listens there.
 */
export async function resolveTarget(
  option: string,
  text: string,
  allowedHosts: readonly string[],
  resolve: (host: string) => Promise<readonly Address[]> = (host) => lookUp(host, { all: true }),
): Promise<Target> {
  const url = parse(option, text);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await resolve(host).catch(() => []);
  const first = addresses[0];
  if (first === undefined) throw new CommandError(`The host "${host}" of ${option} is unknown. Correct it.`);
  if (!allowedHosts.some((name) => name.toLowerCase() === host.toLowerCase())) {
    const outside = addresses.find(({ address }) => !isLocalAddress(address));
    if (outside !== undefined)
      throw new CommandError(
        `${option} leads to ${outside.address}, which is neither on this machine nor in a private network. If the receiver there is yours, add --allow-host ${host}.`,
      );
  }
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const shown = `${url.origin}${url.pathname}`;
  for (const { address, family } of addresses) {
    if (await listens(address, port)) return { url, address, family: family === 6 ? 6 : 4, port, shown };
  }
  throw new CommandError(`Nothing listens at ${shown}. Start the receiver, or correct ${option}.`);
}

function parse(option: string, text: string): URL {
  if (!URL.canParse(text))
    throw new CommandError(`${option} is not a URL. Write it like http://127.0.0.1:3000/webhooks.`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new CommandError(`${option} must begin with http:// or https://.`);
  return url;
}

const CONNECT_TIMEOUT_MS = 5_000;

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
