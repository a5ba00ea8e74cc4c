import { randomUUID } from 'node:crypto';
import type { DefinedScheme } from '@countersign/core';
import { type SignedRequest, sign } from '@countersign/testing';
import type { Delivery } from './delivery.ts';
import { headerText } from './raw-headers.ts';
import { pathOf, urlAt } from './request-path.ts';
import { renewedHeaders, ruleFor, rulesOfScheme } from './signed-content.ts';

/** By this header a recorder recognizes a replay. Its value is a random text that is used once. */
const REPLAY_HEADER = 'countersign-replay';
/** They belong to a connection, or `fetch()` writes them itself. */
const NOT_REPEATED = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  REPLAY_HEADER,
]);
const TIMEOUT_MS = 30_000;
const NO_PATH = 'Its target is no path of this server, so it can’t be sent again.';

/** Says in a sentence why a delivery can't be signed again. `undefined` if it can. */
export function replayObstacle({ endpoint, body, head }: Delivery): string | undefined {
  const { scheme, secrets } = endpoint;
  if (body === undefined) return 'Its body was not read, so it can’t be sent again.';
  if (head.method === 'GET' || head.method === 'HEAD') return 'A GET request has nothing to sign.';
  if (pathOf(head.url) === undefined) return NO_PATH;
  if (rulesOfScheme(scheme).length === 0)
    return `The scheme ${scheme.name} is code, so only its sender can sign a delivery. Use “Resend” at the sender.`;
  if (secrets.signsWithPrivateKey) return 'Only the sender has the private key. Use “Resend” at the sender.';
  if (secrets.current() === undefined) return 'No secret is loaded yet.';
  return undefined;
}

/** The replays that are under way. */
export class Replays {
  readonly #expected = new Map<string, { readonly of: number; arrivedAs?: number }>();

  /** Whether a request is one of our replays: the id of the delivery that it repeats. */
  originOf(rawHeaders: readonly string[]): number | undefined {
    return this.#expected.get(headerText(rawHeaders, REPLAY_HEADER) ?? '')?.of;
  }

  /** Notes as which delivery a replay has arrived. */
  arrived(rawHeaders: readonly string[], id: number): void {
    const expected = this.#expected.get(headerText(rawHeaders, REPLAY_HEADER) ?? '');
    if (expected !== undefined) expected.arrivedAs = id;
  }

  /**
   * Signs a delivery again, with the current secret and the present time, and sends it.
   *
   * @param origin Where to send it: `http://127.0.0.1:3000`.
   * @returns The id of the new delivery.
   * @throws Error with a sentence.
   */
  async send(delivery: Delivery, origin: string): Promise<number> {
    const obstacle = replayObstacle(delivery);
    if (obstacle !== undefined) throw new Error(obstacle);
    const nonce = randomUUID();
    const { verdict, endpoint, head } = delivery;
    // Otherwise the replay would be a duplicate, which does not run.
    if (verdict.deliveryId !== undefined) await endpoint.forget?.(verdict.deliveryId).catch(() => undefined);
    const signed = signedAnew(delivery);
    const url = urlAt(origin, targetOf(head.url, signed.url));
    if (url === undefined) throw new Error(NO_PATH);
    const expected: { of: number; arrivedAs?: number } = { of: delivery.id };
    this.#expected.set(nonce, expected);
    try {
      const response = await fetch(url, {
        method: head.method,
        headers: { ...signed.headers, [REPLAY_HEADER]: nonce },
        body: new Uint8Array(signed.body),
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.arrayBuffer();
      if (expected.arrivedAs !== undefined) return expected.arrivedAs;
      throw new Error(`The replay got ${response.status}, but it reached no verifier. Check the route.`);
    } catch (error) {
      if (expected.arrivedAs !== undefined) return expected.arrivedAs;
      if (error instanceof Error && error.message.startsWith('The replay got')) throw error;
      throw new Error(`The replay could not be sent to ${origin}. Check that the server is running.`);
    } finally {
      this.#expected.delete(nonce);
    }
  }
}

function signedAnew(delivery: Delivery): SignedRequest {
  const { endpoint, head, body = Buffer.of() } = delivery;
  const rules = rulesOfScheme(endpoint.scheme);
  const rule = ruleFor(delivery);
  const url = endpoint.publicUrl(head.url);
  try {
    return sign(endpoint.scheme as DefinedScheme, {
      secret: endpoint.secrets.current() ?? '',
      body,
      method: head.method,
      headers: repeatedHeaders(delivery),
      ...(url === undefined ? {} : { url: withQuery(url, head.url, delivery) }),
      ...(rule === undefined ? {} : { rule: rules.indexOf(rule) }),
    });
  } catch (error) {
    throw new Error(
      error instanceof TypeError
        ? endpoint.redactor.text(error.message)
        : 'This delivery can’t be signed again: its body is not what the scheme signs.',
    );
  }
}

/** The headers of the captured request that its sender would send again. */
function repeatedHeaders({ head, endpoint }: Delivery): Record<string, string> {
  const renewed = new Set(rulesOfScheme(endpoint.scheme).flatMap(renewedHeaders));
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < head.rawHeaders.length; at += 2) {
    const name = head.rawHeaders[at]?.toLowerCase() ?? '';
    if (NOT_REPEATED.has(name) || renewed.has(name)) continue;
    const before = headers[name];
    const value = head.rawHeaders[at + 1] ?? '';
    headers[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}

/** The URL that is signed: the one that the sender was given, with the query of the request, without the old signature. */
function withQuery(publicUrl: string, target: string, { endpoint }: Delivery): string {
  const at = target.indexOf('?');
  if (at === -1 || publicUrl.includes('?')) return publicUrl;
  const renewed = new Set(
    rulesOfScheme(endpoint.scheme).flatMap(({ signature, timestamp, bodyDigest }) => [
      signature.query,
      timestamp?.query,
      bodyDigest?.query,
    ]),
  );
  const kept = target
    .slice(at + 1)
    .split('&')
    .filter((pair) => !renewed.has(pair.split('=')[0]));
  return kept.length === 0 ? publicUrl : `${publicUrl}?${kept.join('&')}`;
}

/** The captured path, with the query of what was signed. */
function targetOf(captured: string, signedUrl: string | undefined): string {
  if (signedUrl === undefined) return captured;
  const at = signedUrl.indexOf('?');
  return (captured.split('?')[0] ?? '/') + (at === -1 ? '' : signedUrl.slice(at));
}
