import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Names under which a browser on this machine reaches it. */
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A random token for the address of a page. */
export function randomToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Whether both texts are the same. How long it takes depends on neither. */
export function isSameToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Whether a request was sent to a name of this machine. A page of another origin can let its own name point to 127.0.0.1 (DNS
 * rebinding), and then its requests are of the same origin, but their Host header says that name.
 */
export function isOwnHost(host: string | null, more: readonly string[]): boolean {
  const name = (host ?? '').toLowerCase().replace(/:\d+$/, '');
  return LOOPBACK.has(name) || more.includes(name);
}

/** Whether another page has caused the request. Browsers say so themselves. */
export function isFromAnotherSite(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') return true;
  const origin = headers.get('origin');
  if (origin === null) return false;
  const host = headers.get('host');
  return host !== null && !origin.toLowerCase().endsWith(`://${host.toLowerCase()}`);
}

/** Whether a connection comes from this machine. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && /^(?:127\.|::1$|::ffff:127\.)/.test(address);
}
