import { randomBytes } from 'node:crypto';
import { createVerifier, type ReceivedWebhook, type ReplayStore, type WebhookEvent } from '@countersign/core';
import { webhook } from '@countersign/express';
import { anchorBrowser } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { type SimulatedSender, sequenceOf, simulateSender } from '@countersign-internal/simulator';
import express from 'express';
import { expect, onTestFinished, vi } from 'vitest';
import { listen } from '../listen.ts';

/** One run of the handler. */
export interface Run {
  readonly sequence: number;
  readonly fencingToken: number;
  readonly signal: AbortSignal;
  readonly webhook: ReceivedWebhook;
}

/** A receiver in this process, and a sender that tries again as Anchor Browser does, only sooner. */
export interface FaultFixture {
  readonly sender: SimulatedSender;
  /** Every run of the handler, as it began. */
  readonly runs: readonly Run[];
  readonly events: readonly WebhookEvent[];
  /** What the handler does, from now on. */
  onRun: (run: Run) => unknown;
  /** One delivery of the event with this number: the sender's, if it has delivered one, else a new one. Returns the status. */
  deliver(sequence: number): Promise<number>;
  /**
   * Delivers the same again for as long as the response is 503. Returns the other status: 200 for a duplicate, 204 after a run.
   */
  redeliver(sequence: number): Promise<number>;
  /** Until `observe` saw one of these, `times` times in all. */
  seen(types: WebhookEvent['type'] | readonly WebhookEvent['type'][], times?: number): Promise<void>;
  /** Emits one event and waits until the sender has delivered it; then asserts that the sender lost nothing. */
  deliverOne(): Promise<void>;
}

/** Six hundred attempts, a tenth of a second apart: longer than anything here is away, and than any lease here. */
export const ATTEMPTS = [0, ...Array.from({ length: 600 }, () => 0.1)];

export const PATIENCE = { timeout: 90_000, interval: 20 } as const;

/** 64 hex digits, as Anchor Browser's secrets are. */
export function newSecret(): string {
  return randomBytes(32).toString('hex');
}

/** A body of an event of no simulated sender. */
export function bodyOf(sequence: number): Buffer {
  return Buffer.from(JSON.stringify({ id: `evt_${sequence}`, data: { sequence } }));
}

/** Signs the body, as Anchor Browser does again for each retry, and posts it; returns the status. */
export async function post(url: string, secret: string, body: Buffer): Promise<number> {
  const { headers } = sign(anchorBrowser(), { secret, body });
  const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
  await response.arrayBuffer();
  return response.status;
}

/** Returns the result of `attempt` once it is no longer 503. */
export async function untilAnswered(attempt: () => Promise<number>): Promise<number> {
  return vi.waitFor(async () => {
    const status = await attempt();
    expect(status).not.toBe(503);
    return status;
  }, PATIENCE);
}

/** Holds a handler back; opens by itself when the test is over. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  onTestFinished(open);
  return { opened, open };
}

/** @param options.secret Another fixture's secret, to be another instance of the same endpoint. */
export async function faultFixture(
  store: ReplayStore,
  options: { leaseSeconds?: number; claim?: 'manual'; secret?: string } = {},
): Promise<FaultFixture> {
  const { claim, leaseSeconds = 1, secret = newSecret() } = options;
  const events: WebhookEvent[] = [];
  const runs: Run[] = [];
  const verifier = createVerifier({
    scheme: anchorBrowser(),
    secrets: secret,
    replay: store,
    leaseSeconds,
    observe: (event) => events.push(event),
  });
  const app = express();
  app.set('env', 'test');
  app.post('/hooks', webhook(verifier, claim === undefined ? {} : { claim }), async (request, response) => {
    const { fencingToken, signal, body } = request.webhook;
    const run = { sequence: sequenceOf(body) ?? 0, fencingToken, signal, webhook: request.webhook };
    runs.push(run);
    const status = await fixture.onRun(run);
    response.sendStatus(typeof status === 'number' ? status : 204);
  });
  const { port, close } = await listen(app);
  const url = `http://127.0.0.1:${port}/hooks`;
  const sender = await simulateSender({
    vendor: 'anchorBrowser',
    receiverUrl: url,
    initialSecret: secret,
    attemptsAfterSeconds: ATTEMPTS,
    timeoutSeconds: 60,
  });
  onTestFinished(async () => {
    await sender.close();
    await close();
    await verifier.close();
  });

  const bodies = (sequence: number) =>
    sender.captured().find(({ event }) => event.sequence === sequence)?.event.body ?? bodyOf(sequence);
  const fixture: FaultFixture = {
    sender,
    runs,
    events,
    onRun: () => undefined,
    deliver: (sequence) => post(url, secret, bodies(sequence)),
    redeliver: (sequence) => untilAnswered(() => post(url, secret, bodies(sequence))),
    seen: (types, times = 1) =>
      vi.waitFor(() => {
        expect(events.filter(({ type }) => types.includes(type)).length).toBeGreaterThanOrEqual(times);
      }, PATIENCE),
    async deliverOne() {
      sender.emit();
      await sender.idle();
      expect(sender.stats()).toMatchObject({ delivered: 1, lost: 0, pending: 0 });
    },
  };
  return fixture;
}
