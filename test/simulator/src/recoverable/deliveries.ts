import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@countersign/core/extend';
import { post } from '../sender/post.ts';

/** One attempt to deliver an event. */
interface Attempt {
  /** Rises with each attempt of the account. */
  readonly number: number;
  readonly at: Date;
  /** 0 if there was no response. */
  readonly status: number;
  /** Made because somebody asked for it. */
  readonly isRepetition: boolean;
}

/** One event and what came of it. */
export interface RecoverableEvent {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly createdAt: Date;
  readonly body: string;
  readonly attempts: readonly Attempt[];
  /** A retry of the sender is still to come. */
  readonly isPending: boolean;
}

type Mutable = { -readonly [K in keyof RecoverableEvent]: RecoverableEvent[K] } & { attempts: Attempt[] };

/** What differs between the vendors. */
export interface EventForm {
  event(about: { sequence: number; createdAt: Date }): { id: string; type: string; body: string };
  /** The headers of one attempt. */
  headers(event: RecoverableEvent): Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 30_000;

/** The events of one endpoint: each is sent, and tried again after the waits that the vendor makes. */
export class Deliveries {
  readonly #form: EventForm;
  readonly #receiverUrl: string;
  readonly #retriesAfterMs: readonly number[];
  readonly #events: Mutable[] = [];
  readonly #underway = new Set<Promise<void>>();
  readonly #closed = new AbortController();
  #attempts = 0;

  constructor(form: EventForm, options: { receiverUrl: string; retriesAfterMs: readonly number[] }) {
    this.#form = form;
    this.#receiverUrl = options.receiverUrl;
    this.#retriesAfterMs = options.retriesAfterMs;
  }

  get all(): readonly RecoverableEvent[] {
    return this.#events;
  }

  find(id: string): RecoverableEvent | undefined {
    return this.#events.find((event) => event.id === id);
  }

  /** Sends a new event; resolves after its first attempt. */
  async emit(createdAt: Date): Promise<void> {
    const about = { sequence: this.#events.length + 1, createdAt };
    const event: Mutable = { ...this.#form.event(about), ...about, attempts: [], isPending: true };
    this.#events.push(event);
    await this.#track(this.#attempt(event, createdAt, false));
    this.#track(this.#retry(event)).catch(() => undefined);
  }

  /** Sends it once more, soon. */
  repeat(id: string): boolean {
    const event = this.#events.find((one) => one.id === id);
    if (event === undefined) return false;
    this.#track(this.#attempt(event, new Date(), true)).catch(() => undefined);
    return true;
  }

  /** Resolves when no attempt is under way and none is to come. */
  async idle(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.idle();
  }

  async #retry(event: Mutable): Promise<void> {
    for (const waitMs of this.#retriesAfterMs) {
      if (isDelivered(event)) break;
      await delay(waitMs, undefined, { signal: this.#closed.signal }).catch(() => undefined);
      if (this.#closed.signal.aborted) return;
      if (!isDelivered(event)) await this.#attempt(event, new Date(), false);
    }
    event.isPending = false;
  }

  async #attempt(event: Mutable, at: Date, isRepetition: boolean): Promise<void> {
    const number = ++this.#attempts;
    const message = { headers: this.#form.headers(event), body: Buffer.from(event.body) };
    const { answer } = await post(this.#receiverUrl, message, {
      agent: false,
      clock: systemClock,
      timeoutMs: TIMEOUT_MS,
    }).result;
    event.attempts.push({ number, at, status: typeof answer === 'number' ? answer : 0, isRepetition });
  }

  #track(work: Promise<void>): Promise<void> {
    this.#underway.add(work);
    return work.finally(() => this.#underway.delete(work));
  }
}

/** Whether the receiver has accepted it. */
export function isDelivered({ attempts }: Pick<RecoverableEvent, 'attempts'>): boolean {
  return attempts.some(({ status }) => status >= 200 && status < 300);
}
