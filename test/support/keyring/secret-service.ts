import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { functionSecrets, type SecretProvider, type SecretSetInput } from '@countersign/core';
import type { ManualClock } from '@countersign/testing';
import { type FaultProxy, faultProxy } from '@countersign-internal/simulator';
import { expect, vi } from 'vitest';
import { portOf } from '../listen.ts';

/** A call of the service that the test answers by itself. */
interface HeldCall {
  answer(text: string): void;
  /** Whether the caller has hung up. */
  readonly isGone: boolean;
}

/**
 * Where instances fetch their set from: HTTP on the loopback address, behind a proxy that fails on demand. The network takes real
 * time; what the keyring waits for, and the proxy's delays, follow the test's clock.
 */
export interface SecretService {
  readonly proxy: FaultProxy;
  /** Its response: a set, or any text. */
  content: SecretSetInput | string | Buffer;
  readonly headers: Record<string, string>;
  /** Returns the status of a call that is refused; `at` is when it arrived. */
  refuse: ((at: number) => number | undefined) | undefined;
  /** Whether calls wait in `held` instead of being answered. */
  hold: boolean;
  readonly held: HeldCall[];
  /** When each call arrived, by the test's clock. */
  readonly calls: number[];
  /** Loads of all providers that have not ended. */
  readonly underway: number;
  /** @param isDeaf Goes on with a call that the keyring has given up. */
  provider(isDeaf?: boolean): SecretProvider;
  /** Lets what is on the network come to its end; `held` and swallowed calls stay. */
  settled(waiting?: number): Promise<void>;
  /** Lets time pass in steps, and the network keep up. */
  pass(ms: number, stepMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function startSecretService(
  clock: ManualClock,
  content: SecretSetInput | string,
): Promise<SecretService> {
  let underway = 0;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    service.calls.push(clock.monotonic());
    if (service.hold) service.held.push(heldCall(response));
    else send(response, service, clock.monotonic());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await faultProxy({ target: { host: '127.0.0.1', port: portOf(server) }, clock });

  const service: SecretService = {
    proxy,
    content,
    headers: {},
    refuse: undefined,
    hold: false,
    held: [],
    calls: [],
    get underway() {
      return underway;
    },
    provider: (isDeaf = false) =>
      functionSecrets(async ({ signal }) => {
        underway++;
        try {
          const url = `http://${proxy.host}:${proxy.port}/set`;
          const response = await fetch(url, isDeaf ? {} : { signal });
          if (!response.ok) throw Object.assign(new Error(await response.text()), { code: response.status });
          return JSON.parse(await response.text());
        } finally {
          underway--;
        }
      }, 'secret service'),
    async settled(waiting = 0) {
      await vi.waitFor(() => expect(underway).toBeLessThanOrEqual(waiting), { timeout: 60_000, interval: 1 });
    },
    async pass(ms, stepMs) {
      for (let passed = 0; passed < ms; passed += stepMs) {
        await clock.advance(Math.min(stepMs, ms - passed));
        await service.settled();
        // What the last response has brought about.
        await clock.advance(0);
      }
    },
    async close() {
      await proxy.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return service;
}

function send(response: ServerResponse, { content, headers, refuse }: SecretService, at: number): void {
  const status = refuse?.(at) ?? 200;
  const body = typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content);
  // No connection is used twice: one that a fault has cut must not be found out by the next call.
  response.writeHead(status, { Connection: 'close', ...headers }).end(status === 200 ? body : 'refused');
}

function heldCall(response: ServerResponse): HeldCall {
  let isGone = false;
  response.once('close', () => {
    isGone = true;
  });
  return {
    answer: (text) => void response.writeHead(200, { Connection: 'close' }).end(text),
    get isGone() {
      return isGone;
    },
  };
}
