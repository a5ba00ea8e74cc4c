import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Claim,
  createVerifier,
  type HandlerEnding,
  type Verifier,
  type VerifierOptions,
  type WebhookEvent,
  type WebhookRequest,
} from '@countersign/core';
import type { Delivery, Endpoint } from './delivery.ts';
import type { ExplainQueue } from './explain-queue.ts';
import { NotedSecrets } from './noted-secrets.ts';
import { rawPairs } from './raw-headers.ts';
import type { Recorder } from './recorder.ts';
import { Redactor } from './redactor.ts';
import type { Replays } from './replay.ts';
import type { StepName } from './wire.ts';

/** What a verifier's deliveries are noted in. */
export interface Notes {
  readonly recorder: Recorder;
  readonly replays: Replays;
  readonly explanations: ExplainQueue;
}

/** The delivery about which events are, in everything that its verification has started. */
const current = new AsyncLocalStorage<Delivery>();

/** A verifier that behaves as any other, and what the inspector knows of its endpoint. */
export interface WatchedVerifier {
  readonly verifier: Verifier;
  readonly endpoint: Endpoint;
}

/** Makes a verifier whose requests are noted. */
export function watchedVerifier(name: string, options: VerifierOptions, notes: Notes): WatchedVerifier {
  const { scheme, publicUrl, toleranceSeconds } = options;
  const secrets = new NotedSecrets(options.secrets, scheme);
  const verifier = createVerifier({ ...options, secrets: secrets.source });
  const endpoint: Endpoint = {
    ...{ name, scheme, secrets, toleranceSeconds },
    redactor: new Redactor(secrets, scheme, typeof publicUrl === 'string' ? publicUrl : undefined),
    publicUrl: (target) => (typeof publicUrl === 'function' ? publicUrlOf(publicUrl, target) : publicUrl),
    forget: (deliveryId) => verifier.forget(deliveryId),
  };
  return { verifier: watch(verifier, endpoint, notes), endpoint };
}

function publicUrlOf(make: (path: string) => string, target: string): string | undefined {
  try {
    return make(target.split('?')[0] ?? '/');
  } catch {
    return undefined;
  }
}

/** Notes what an event says, if it is about a delivery that is being verified. */
export function noteEvent(event: WebhookEvent, { explanations }: Notes): void {
  const delivery = current.getStore();
  if (delivery === undefined) return;
  const step = (name: StepName, note?: string) => delivery.note(name, note === undefined ? {} : { note });
  switch (event.type) {
    case 'verified':
      delivery.note('verified', {
        verdict: { state: 'accepted', key: event.key },
        note: `by the key ${event.key.id} (${event.key.role})`,
      });
      return;
    case 'refused':
      delivery.note('refused', {
        verdict: { ...delivery.verdict, state: 'refused', code: event.code, message: event.message },
        response: { status: event.status },
        note: event.code,
      });
      explanations.add(delivery);
      return;
    case 'handshake':
      delivery.note('handshake', { verdict: { state: 'handshake' } });
      return;
    case 'claimed':
    case 'duplicate':
      step(event.type);
      return;
    case 'committed':
    case 'released':
      step(event.type);
      return;
    case 'handler-failed':
      step('handler failed', event.error instanceof Error ? event.error.message : String(event.error));
      return;
    case 'handler-timeout':
      step('handler timeout');
      return;
    case 'claim-lost':
      step('claim lost', 'Another run may have taken over.');
      return;
    case 'commit-failed':
    case 'release-failed':
      step('settling failed', 'The replay store did not accept it.');
  }
}

/** The same verifier, with each request noted. */
function watch(verifier: Verifier, endpoint: Endpoint, { recorder, replays }: Notes): Verifier {
  const deliveries = new WeakMap<object, Delivery>();
  const begin = (request: WebhookRequest): [Delivery, WebhookRequest] => {
    const rawHeaders = rawPairs(request.headers);
    const { method = 'POST' } = request;
    const head = { method, url: targetOf(request.url), rawHeaders };
    const delivery = recorder.add(endpoint, head, replays.originOf(rawHeaders));
    replays.arrived(rawHeaders, delivery.id);
    return [delivery, noting(request, delivery)];
  };
  const verified = <T extends { readonly id: string; readonly type?: string | undefined }>(
    webhook: T,
    delivery: Delivery,
  ) => {
    deliveries.set(webhook, delivery);
    const { id, type } = webhook;
    delivery.update({
      verdict: { ...delivery.verdict, deliveryId: id, ...(type === undefined ? {} : { type }) },
    });
  };
  return {
    scheme: verifier.scheme,
    endpoint: verifier.endpoint,
    ready: () => verifier.ready(),
    verify(request) {
      const [delivery, noted] = begin(request);
      return current.run(delivery, async () => {
        const webhook = await verifier.verify(noted);
        verified(webhook, delivery);
        return webhook;
      });
    },
    async claim(webhook) {
      const delivery = deliveries.get(webhook);
      if (delivery === undefined) return verifier.claim(webhook);
      const claim = await current.run(delivery, () => verifier.claim(webhook));
      return claim.state === 'claimed' ? new NotedClaim(claim, delivery) : claim;
    },
    receive(request, options) {
      const [delivery, noted] = begin(request);
      return current.run(delivery, async () => {
        const received = await verifier.receive(noted, options);
        if (received.state !== 'handshake') verified(received.webhook, delivery);
        if (received.state !== 'claimed') {
          delivery.note('responded', { response: { status: received.response.status } });
          return received;
        }
        return { ...received, claim: new NotedClaim(received.claim, delivery) };
      });
    },
    handle(request, handler, options) {
      const [delivery, noted] = begin(request);
      return current.run(delivery, async () => {
        const response = await verifier.handle(
          noted,
          async (webhook) => {
            verified(webhook, delivery);
            const result = await current.exit(() => handler(webhook));
            delivery.note('handled');
            return result;
          },
          options,
        );
        const { status } = response;
        if (hasEnded(delivery)) delivery.update({ response: { status } });
        else delivery.note('responded', { response: { status } });
        return response;
      });
    },
    reload: () => verifier.reload(),
    revoke: (keyId) => verifier.revoke(keyId),
    forget: (delivery) => verifier.forget(delivery),
    health: () => verifier.health(),
    close: () => verifier.close(),
    [Symbol.asyncDispose]: () => verifier[Symbol.asyncDispose](),
  };
}

/** Path and query. Hosts with Web requests pass the whole URL. */
function targetOf(url = '/'): string {
  const target = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  return target.startsWith('/') ? target : `/${target}`;
}

/** Whether a step has said how it ended. */
function hasEnded({ steps }: Delivery): boolean {
  return steps.some(({ step }) => ['handled', 'handler failed', 'refused'].includes(step));
}

/** The same request. Its body is noted when it is read. */
function noting(request: WebhookRequest, delivery: Delivery): WebhookRequest {
  const { body, method, url, headers } = request;
  const requestId = request.requestId;
  const note = (bytes: Uint8Array) => {
    // A small slice would keep the whole buffer of the socket.
    const isSlice = bytes.byteLength * 2 < bytes.buffer.byteLength;
    delivery.note('body read', {
      body: isSlice ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      note: `${bytes.byteLength} bytes`,
    });
    return bytes;
  };
  // Headers stay as they are: raw pairs must not become joined, nor the reverse.
  const same = { method, url, headers, requestId };
  if (typeof body !== 'function') {
    if (body !== undefined && body !== null && body.buffer !== undefined) note(body);
    return { ...same, body };
  }
  return {
    ...same,
    // Requests of adapters are objects with methods.
    body: async (reserve) => note(await body.call(request, reserve)),
  };
}

/** A claim whose settling is noted: when it is settled, its handler has ended. */
class NotedClaim implements Claim {
  readonly state = 'claimed';
  readonly fencingToken: number;
  readonly #claim: Claim;
  readonly #delivery: Delivery;
  #isHandled = false;

  constructor(claim: Claim, delivery: Delivery) {
    this.fencingToken = claim.fencingToken;
    this.#claim = claim;
    this.#delivery = delivery;
  }
  get signal(): AbortSignal {
    return this.#claim.signal;
  }
  isOverdue(): boolean {
    return this.#claim.isOverdue();
  }
  commit(ending?: HandlerEnding): Promise<void> {
    this.#noteEnd(ending);
    return current.run(this.#delivery, () => this.#claim.commit(ending));
  }
  release(ending?: HandlerEnding): Promise<void> {
    this.#noteEnd(ending);
    return current.run(this.#delivery, () => this.#claim.release(ending));
  }

  #noteEnd(ending: HandlerEnding | undefined): void {
    if (this.#isHandled) return;
    this.#isHandled = true;
    const status = ending?.status;
    this.#delivery.note('handled', {
      ...(status === undefined ? {} : { note: `with status ${status}`, response: { status } }),
    });
  }
}
