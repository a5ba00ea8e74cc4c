import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DefinedScheme } from '@countersign/core';
import { stripe } from '@countersign/schemes';
import { type SignInput, sign } from '@countersign/testing';
import { type DeliverySummary, type Listening, type ListenOptions, listen } from '../../src/listen.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
export const PREVIOUS = 'whsec_C2FVsBQIhrscChlQIMVb5sSYspob7oD2';

/** A target, `listen()` in front of it, and a sender. */
export interface Fixture {
  readonly listening: Listening;
  /** The latest summary of each delivery that is over, by id. */
  readonly seen: Map<number, DeliverySummary>;
  readonly warnings: string[];
  /** What the target got. */
  readonly bodies: Buffer[];
  /** Sends a signed delivery, and waits until it is recorded. Returns its id. */
  send(input?: Partial<SignInput> & { path?: string; sent?: string | Buffer }): Promise<number>;
  /** Sends a request as it is, and waits until it is recorded. Returns its id. */
  post(path: string, headers: Record<string, string>, body: string | Buffer): Promise<number>;
  close(): Promise<void>;
}

export interface FixtureOptions extends Partial<ListenOptions> {
  respond?(body: Buffer): { status: number; headers?: Record<string, string>; body?: string | Buffer };
}

export async function startFixture({ respond, ...options }: FixtureOptions = {}): Promise<Fixture> {
  const bodies: Buffer[] = [];
  const target = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    bodies.push(body);
    const { status, headers = {}, body: text } = respond?.(body) ?? { status: 204 };
    response.writeHead(status, headers).end(text);
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const seen = new Map<number, DeliverySummary>();
  const warnings: string[] = [];
  const waiting = new Set<() => void>();
  const scheme = (options.scheme ?? stripe()) as DefinedScheme;
  const listening = await listen({
    ...{ scheme, secrets: { current: SECRET, previous: PREVIOUS } },
    ...{ to: `http://127.0.0.1:${(target.address() as AddressInfo).port}`, port: 0, inspectorPort: 0 },
    onDelivery: (delivery) => {
      seen.set(delivery.id, delivery);
      for (const look of waiting) look();
    },
    onWarning: (sentence) => void warnings.push(sentence),
    ...options,
  });
  const post: Fixture['post'] = async (path, headers, body) => {
    const before = Math.max(0, ...seen.keys());
    await fetch(listening.url + path, { method: 'POST', headers, body: new Uint8Array(Buffer.from(body)) });
    return new Promise((resolve) => {
      const look = () => {
        const latest = Math.max(0, ...seen.keys());
        if (latest <= before) return;
        waiting.delete(look);
        resolve(latest);
      };
      waiting.add(look);
      look();
    });
  };
  return {
    ...{ listening, seen, warnings, bodies, post },
    send({ path = '/hooks/stripe', sent, ...input } = {}) {
      const signed = sign(scheme, {
        secret: SECRET,
        body: JSON.stringify({
          id: `evt_${Math.random().toString(36).slice(2)}`,
          type: 'order.paid',
          amount: 4200,
        }),
        ...input,
      });
      return post(path, signed.headers, sent ?? signed.body);
    },
    async close() {
      await listening.close();
      target.closeAllConnections();
      await new Promise((resolve) => target.close(resolve));
    },
  };
}

/** Asks the inspector's API. */
export async function api(fixture: Fixture, path: string, init?: RequestInit): Promise<Response> {
  return fetch(`${fixture.listening.inspectorUrl}api/${path}`, init);
}
