import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type {
  DefinedScheme,
  ReceivedWebhook,
  Verifier,
  VerifierOptions,
  WebhookEvent,
} from '@countersign/core';
import type { AdapterOptions, VerifierSource } from '@countersign/core/extend';
import { manualClock } from '../manual-clock.ts';
import type { WireAnswer } from './answer-parser.ts';
import { Connection, type WireRequest } from './connection.ts';
import type { AdapterMount, AdapterSetup, MountedAdapter, RequestWithHeaders, RouteAction } from './mount.ts';
import { ProbeStore } from './probe-store.ts';
import { bodyHeaders, canaries, idHeaders, idSender, SECRETS } from './senders.ts';

/** What one run of the guarded route was given. */
export interface Run {
  readonly webhook: ReceivedWebhook;
  readonly body: unknown;
  /** 1 for the first run in this receiver. */
  readonly number: number;
}

/** What a case needs to be set up; everything has a default. */
export interface ReceiverSetup {
  readonly scheme?: DefinedScheme;
  readonly secrets?: VerifierOptions['secrets'];
  /** Further options of the verifier. */
  readonly verifier?: Partial<VerifierOptions>;
  /** How the verifier is given to the adapter. Default: as it is. */
  readonly source?: (verifier: Verifier) => VerifierSource<RequestWithHeaders>;
  readonly options?: AdapterOptions<RequestWithHeaders>;
  readonly parser?: AdapterSetup['parser'];
  readonly maxEntries?: number;
  /** Default: answers 200. */
  readonly handler?: (run: Run) => RouteAction | Promise<RouteAction>;
}

/** How a case runs: its host, and how long it waits for something that should happen. */
export interface CaseContext {
  readonly mount: AdapterMount;
  readonly createVerifier: (options: VerifierOptions) => Verifier;
  readonly patienceMs: number;
}

/** The default of `handlerTimeoutSeconds`. */
const HANDLER_TIMEOUT_MS = 300_000;

export const HANDLED: RouteAction = { action: 'answer', status: 200, body: 'handled' };

/** A mounted adapter with everything around it in view: its clock, store, events and runs. */
export class Receiver {
  readonly clock = manualClock(Date.UTC(2026, 2, 14, 9, 26, 53));
  readonly store: ProbeStore;
  readonly events: WebhookEvent[] = [];
  readonly runs: Run[] = [];
  readonly verifier: Verifier;
  readonly #context: CaseContext;
  readonly #scheme: DefinedScheme;
  readonly #connections: Connection[] = [];
  readonly #problems: string[] = [];
  #mounted: MountedAdapter | undefined;

  private constructor(context: CaseContext, setup: ReceiverSetup) {
    this.#context = context;
    this.#scheme = setup.scheme ?? idSender();
    this.store = new ProbeStore(this.clock, setup.maxEntries);
    this.verifier = context.createVerifier({
      scheme: this.#scheme,
      secrets: setup.secrets ?? { current: SECRETS.current },
      replay: this.store,
      clock: this.clock,
      observe: (event) => this.events.push(event),
      ...setup.verifier,
    });
  }

  static async start(context: CaseContext, setup: ReceiverSetup = {}): Promise<Receiver> {
    const receiver = new Receiver(context, setup);
    const { handler = () => HANDLED, source } = setup;
    receiver.#mounted = await context.mount({
      verifier: source === undefined ? receiver.verifier : source(receiver.verifier),
      options: setup.options ?? {},
      parser: setup.parser ?? 'none',
      handler: ({ webhook, body }) => {
        const number = receiver.runs.length + 1;
        // Recorded whatever it is: a run without a verified webhook must count as a run.
        receiver.runs.push({ webhook: webhook as ReceivedWebhook, body, number });
        if (webhook === undefined) receiver.#problems.push('the handler ran without a verified webhook');
        return handler({ webhook: webhook as ReceivedWebhook, body, number });
      },
    });
    return receiver;
  }

  /** A delivery of this receiver's sender, signed now. A body given twice is the same delivery for a sender without ids. */
  delivery(
    parts: { id?: string; body?: string | Uint8Array; secret?: string; timestamp?: string } = {},
  ): WireRequest & { headers: [string, string][] } {
    const {
      secret = SECRETS.current,
      id = `msg_${randomUUID()}`,
      timestamp = String(this.seconds()),
    } = parts;
    const body = Buffer.from(parts.body ?? `{"event":"${randomUUID()}", "amount": 10.00}`);
    const headers =
      this.#scheme.name === 'case-id'
        ? idHeaders(secret, { id, timestamp, body })
        : bodyHeaders(secret, body);
    return { headers: [['Content-Type', 'application/json'], ...headers], body };
  }

  /** The time in whole seconds, as senders sign it. */
  seconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  async connect(): Promise<Connection> {
    assert.ok(this.#mounted !== undefined);
    const connection = await Connection.open(this.#mounted.port, this.#context.patienceMs);
    this.#connections.push(connection);
    return connection;
  }

  /** Sends a request on a connection of its own. */
  send(request: WireRequest): Promise<WireAnswer> {
    const answer = this.#exchange(request);
    // A case that fails for another reason no longer waits for this one.
    answer.catch(() => undefined);
    return answer;
  }

  async #exchange(request: WireRequest): Promise<WireAnswer> {
    const connection = await this.connect();
    const answer = await connection.exchange(request);
    connection.close();
    return this.checked(request, answer);
  }

  /** The answer, after a look for what no answer may hold. */
  checked(request: WireRequest, answer: WireAnswer): WireAnswer {
    for (const canary of canaries(request)) {
      assert.ok(!answer.raw.includes(canary), 'the answer holds a secret or a computed signature');
    }
    return answer;
  }

  /** Sends a genuine delivery, and sees that it is handled. */
  async deliver(request: WireRequest = this.delivery()): Promise<Run> {
    const before = this.runs.length;
    const answer = await this.send(request);
    assert.equal(answer.status, 200, 'a genuine delivery is answered 200');
    const run = this.runs[before];
    assert.ok(run !== undefined, 'a genuine delivery reaches the handler');
    assert.equal(this.runs.length, before + 1, 'a delivery reaches the handler once');
    return run;
  }

  /** Waits until claims were settled: in all so many commits or releases. */
  async settled(type: 'committed' | 'released', count = 1): Promise<void> {
    await this.until(
      `${count} × ${type}`,
      () => this.events.filter((event) => event.type === type).length >= count,
    );
  }

  async until(what: string, reached: () => boolean, passingMs = 0): Promise<void> {
    const deadline = performance.now() + this.#context.patienceMs;
    while (!reached()) {
      assert.ok(performance.now() < deadline, `waited ${this.#context.patienceMs} ms for ${what}`);
      await this.clock.advance(passingMs);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Lets time go by until an answer comes that has to be waited for. */
  async whileTimePasses<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const watched = work.finally(() => {
      done = true;
    });
    await Promise.all([watched.catch(() => undefined), this.until('the end of a wait', () => done, 100)]);
    return watched;
  }

  /** Lets the server take notice of everything that was sent or broken off before. */
  async caughtUp(): Promise<void> {
    for (let round = 0; round < 2; round++) await this.sibling('{"ping":1}');
  }

  /** Sends a JSON body to the route that is not guarded. */
  async sibling(json: string): Promise<WireAnswer> {
    const headers = [['Content-Type', 'application/json']] as const;
    return this.send({ path: '/sibling', headers, body: Buffer.from(json) });
  }

  /** Sees that no request has got past the verifier. */
  assertUntouched(): void {
    assert.equal(this.runs.length, 0, 'the handler ran');
    assert.deepEqual(this.store.calls, [], 'the store was asked');
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await this.#mounted?.close();
    const closed = this.verifier.close();
    // If a case failed, a commit may be under way that the store never accepts. The verifier waits for it, by this clock.
    await this.clock.advance(HANDLER_TIMEOUT_MS);
    await closed;
  }

  /** Sees that no run, wanted or not, was without a verified delivery. */
  assertGuarded(): void {
    assert.deepEqual(this.#problems, []);
  }
}
