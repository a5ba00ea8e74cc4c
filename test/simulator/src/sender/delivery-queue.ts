import { Agent } from 'node:http';
import type { Clock } from '@countersign/core';
import type { EndedAttempt } from './management-api.ts';
import { type AttemptAnswer, judge, type Post, post } from './post.ts';
import type { AnyAccount, DeliveryPolicy, VendorEvent } from './vendor-account.ts';

/** One attempt, as `onAttempt` sees it after its response came or failed to come. */
export interface AttemptEvent {
  readonly eventId: string;
  /** The number in the body, see {@link sequenceOf}. */
  readonly sequence: number | undefined;
  /** From 1. */
  readonly attempt: number;
  readonly answer: AttemptAnswer;
  /** No further attempt follows: the event is delivered or lost. */
  readonly final: boolean;
}

/** One event and what came of it. */
export interface EventRecord {
  readonly id: string;
  readonly sequence: number | undefined;
  /** `lost`: the vendor has dropped it for good, after a final status or the last attempt. */
  readonly state: 'pending' | 'delivered' | 'lost';
  /** The responses in the order of the attempts. */
  readonly answers: readonly AttemptAnswer[];
  /** When the first success came. */
  readonly deliveredAt: Date | undefined;
}

/** What a sender has done so far. */
export interface SenderStats {
  /** Events, test deliveries that the vendor doesn't count left out. */
  readonly sent: number;
  /** Finished attempts. */
  readonly attempts: number;
  readonly delivered: number;
  /** Events that needed, or will get, more than one attempt. */
  readonly retried: number;
  /** Events dropped for good. */
  readonly lost: number;
  /** Events neither delivered nor lost yet. */
  readonly pending: number;
  /** How often each response came. */
  readonly answers: Readonly<Record<string, number>>;
}

/** A genuine request that got a success, as an attacker could have recorded it. */
export interface CapturedRequest {
  readonly event: VendorEvent;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly sentAt: Date;
}

/** How deliveries are made in one simulation. */
export interface DeliveryOptions {
  readonly receiverUrl: string;
  readonly clock: Clock;
  readonly timeScale: number;
  readonly minRetryDelayMs: number;
  readonly policy: DeliveryPolicy;
  readonly onAttempt: ((attempt: AttemptEvent) => void) | undefined;
}

const MAX_CONNECTIONS = 64;
const CAPTURED = 256;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface Tracked extends Mutable<Omit<EventRecord, 'answers'>> {
  readonly answers: AttemptAnswer[];
}

/** What signs deliveries: an account, or one of its endpoints. */
export type Signer = Pick<AnyAccount, 'signing' | 'digest' | 'headers'>;

/** Delivers events as the vendor does: signs, posts, waits and tries again, until delivered or dropped. */
export class DeliveryQueue {
  readonly #account: Signer;
  readonly #options: DeliveryOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
  readonly #tracked: Tracked[] = [];
  readonly #captured: CapturedRequest[] = [];
  readonly #underway = new Set<Post>();
  readonly #waits = new Map<() => void, Tracked>();
  #isAbandoned = false;
  readonly #answers: Record<string, number> = {};
  readonly #attempts: EndedAttempt[] = [];
  #counts = { attempts: 0, delivered: 0, retried: 0, lost: 0, pending: 0 };
  #idleWaiters: (() => void)[] = [];
  #closed = false;

  constructor(account: Signer, options: DeliveryOptions) {
    this.#account = account;
    this.#options = options;
  }

  enqueue(event: VendorEvent): void {
    if (this.#closed) return;
    const tracked: Tracked = {
      id: event.id,
      sequence: event.sequence,
      state: 'pending',
      answers: [],
      deliveredAt: undefined,
    };
    this.#tracked.push(tracked);
    this.#counts.pending++;
    void this.#attempt(tracked, event);
  }

  /** One attempt whose outcome the caller needs; neither retried nor counted. */
  async attemptOnce(event: VendorEvent): Promise<{
    effect: 'delivered' | 'retry' | 'final';
    answer: AttemptAnswer;
    excerpt: string;
    durationMs: number;
  }> {
    const { clock, policy, onAttempt } = this.#options;
    const start = clock.monotonic();
    const { answer, excerpt } = await this.#post(this.#sign(event), event.body);
    onAttempt?.({ eventId: event.id, sequence: event.sequence, attempt: 1, answer, final: true });
    return { effect: judge(policy, answer), answer, excerpt, durationMs: clock.monotonic() - start };
  }

  stats(): SenderStats {
    return { sent: this.#tracked.length, ...this.#counts, answers: { ...this.#answers } };
  }

  events(): readonly EventRecord[] {
    return this.#tracked.map(({ id, sequence, state, answers, deliveredAt }) => ({
      id,
      sequence,
      state,
      answers: [...answers],
      deliveredAt,
    }));
  }

  captured(): readonly CapturedRequest[] {
    return [...this.#captured];
  }

  attempts(): readonly EndedAttempt[] {
    return this.#attempts;
  }

  /** Tries an event again that was given up. */
  redeliver(id: string): void {
    const tracked = this.#tracked.find((one) => one.id === id);
    const event = this.#attempts.find((one) => one.event.id === id)?.event;
    if (this.#closed || tracked === undefined || event === undefined) return;
    if (tracked.state === 'lost') {
      this.#counts.lost--;
      this.#counts.pending++;
      tracked.state = 'pending';
      void this.#attempt(tracked, event);
    }
  }

  idle(): Promise<void> {
    if (this.#counts.pending === 0 || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Gives up every retry. Requests that are on their way end as ever. */
  abandon(): void {
    this.#isAbandoned = true;
    for (const [cancel, tracked] of this.#waits) {
      cancel();
      this.#settle(tracked, 'lost');
    }
    this.#waits.clear();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#waits.keys()) cancel();
    this.#waits.clear();
    const cut = [...this.#underway];
    for (const underway of cut) underway.abort();
    await Promise.all(cut.map(({ result }) => result));
    this.#agent.destroy();
    this.#wakeIdle();
  }

  async #attempt(tracked: Tracked, event: VendorEvent, firstHeaders?: Record<string, string>): Promise<void> {
    const { clock, policy, onAttempt } = this.#options;
    const repeated = policy.retrySignature === 'repeated' ? firstHeaders : undefined;
    const headers = repeated ?? this.#sign(event);
    const sentAt = new Date(clock.now());
    const { answer } = await this.#post(headers, event.body);
    if (this.#closed) return;

    tracked.answers.push(answer);
    this.#counts.attempts++;
    this.#answers[answer] = (this.#answers[answer] ?? 0) + 1;
    const effect = judge(policy, answer);
    if (policy.listsAttempts === true) {
      const number = this.#attempts.length + 1;
      this.#attempts.push({ number, event, at: sentAt, answer, delivered: effect === 'delivered' });
    }
    const wait = effect === 'retry' ? policy.attemptsAfterSeconds[tracked.answers.length] : undefined;
    if (effect === 'delivered') {
      tracked.deliveredAt = new Date(clock.now());
      this.#captured.push({ event, headers, body: event.body, sentAt });
      if (this.#captured.length > CAPTURED) this.#captured.shift();
      this.#settle(tracked, 'delivered');
    } else if (wait === undefined || this.#isAbandoned) {
      this.#settle(tracked, 'lost');
    } else {
      if (tracked.answers.length === 1) this.#counts.retried++;
      this.#after(tracked, wait, () => this.#attempt(tracked, event, firstHeaders ?? headers));
    }
    onAttempt?.({
      eventId: event.id,
      sequence: event.sequence,
      attempt: tracked.answers.length,
      answer,
      final: tracked.state !== 'pending',
    });
  }

  #after(tracked: Tracked, seconds: number, retry: () => Promise<void>): void {
    const { clock, timeScale, minRetryDelayMs } = this.#options;
    const cancel = clock.schedule(
      () => {
        this.#waits.delete(cancel);
        void retry();
      },
      Math.max(minRetryDelayMs, seconds * 1000 * timeScale),
    );
    this.#waits.set(cancel, tracked);
  }

  #settle(tracked: Tracked, state: 'delivered' | 'lost'): void {
    tracked.state = state;
    this.#counts[state]++;
    this.#counts.pending--;
    if (this.#counts.pending === 0) this.#wakeIdle();
  }

  #wakeIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  #sign(event: VendorEvent): Record<string, string> {
    const seconds = Math.floor(this.#options.clock.now() / 1000);
    const digests = this.#account.signing().map((secret) => this.#account.digest(secret, event, seconds));
    return this.#account.headers(event, seconds, digests);
  }

  async #post(
    headers: Record<string, string>,
    body: Buffer,
  ): Promise<{ answer: AttemptAnswer; excerpt: string }> {
    const { receiverUrl, clock, policy } = this.#options;
    const underway = post(
      receiverUrl,
      { headers, body },
      { agent: this.#agent, clock, timeoutMs: policy.timeoutSeconds * 1000 },
    );
    this.#underway.add(underway);
    try {
      return await underway.result;
    } finally {
      this.#underway.delete(underway);
    }
  }
}
