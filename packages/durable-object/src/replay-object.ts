import { createIndex, createTable, type Execute, Records } from '@countersign/sqlite/records';
import type { Step, StepResult } from './step.ts';

/** The part of the state of a Durable Object that is used. */
export interface ObjectState {
  readonly storage: {
    readonly sql: {
      // biome-ignore lint/suspicious/noExplicitAny: the platform's types describe what may be bound.
      exec(query: string, ...bindings: any[]): { toArray(): Record<string, unknown>[] };
    };
    getAlarm(): Promise<number | null>;
    setAlarm(at: number): Promise<void>;
  };
}

const TABLE = '"countersign_replay"';
const INDEX = '"countersign_replay_sweep"';
const HOUR_MS = 3_600_000;
/** Few records, so that a batch delays no claim for long. */
const SWEEP_ROWS = 500;

/**
 * The Durable Object behind `durableObjectReplayStore()`: remembers the deliveries of one range of keys. Export it from your
 * Worker, and declare it with storage on SQLite (`new_sqlite_classes`).
 *
 * An object does one thing at a time, and its clock is the only one for its keys. So a claim is atomic, no matter which Worker
 * makes it. The object's alarm removes expired records.
 *
 * @example
 * ```ts
 * export { CountersignReplay } from '@countersign/durable-object'
 * ```
 */
export class CountersignReplay {
  readonly #state: ObjectState;
  readonly #records: Records;
  #hasAlarm = false;

  constructor(state: ObjectState) {
    this.#state = state;
    const execute: Execute = (sql, ...values) =>
      state.storage.sql
        .exec(sql, ...values.map((value) => (value instanceof Uint8Array ? bufferOf(value) : value)))
        .toArray();
    execute(createTable(TABLE));
    execute(createIndex(INDEX, TABLE));
    this.#records = new Records(execute, TABLE);
  }

  /** Takes one step of the store. Only the Worker's own code can reach it. */
  async fetch(request: Request): Promise<Response> {
    const step = (await request.json()) as Step;
    const result = this.#take(step);
    if (step.step === 'claim' && !this.#hasAlarm) await this.#arm();
    return Response.json(result);
  }

  /** Removes a batch of expired records, and wakes again when more may have expired. */
  async alarm(): Promise<void> {
    this.#hasAlarm = false;
    const now = Date.now();
    const removed = this.#records.sweep(SWEEP_ROWS, now);
    const next = this.#records.nextSweep();
    if (next === undefined) return;
    // The hour of a record has passed if it was committed for longer than it was claimed; such records are checked once an hour.
    await this.#state.storage.setAlarm(removed === SWEEP_ROWS ? now : Math.max(next, now + HOUR_MS));
    this.#hasAlarm = true;
  }

  // Nothing is awaited here, so no other step can run in between.
  #take(step: Step): StepResult {
    const now = Date.now();
    const key = Buffer.from(step.key, 'base64url');
    switch (step.step) {
      case 'claim':
        // An object does one thing at a time, so a record can't disappear in between.
        return this.#records.claim(key, step.owner, step, now) ?? { state: 'in-progress', retryAfterMs: 1 };
      case 'renew':
        return this.#records.renew(key, step.token, step.leaseMs, now);
      case 'commit':
        return this.#records.commit(key, step.token, step.ttlMs, now);
      case 'release':
        return this.#records.release(key, step.token, now);
      case 'forget':
        return this.#records.forget(key, now);
    }
  }

  async #arm(): Promise<void> {
    if ((await this.#state.storage.getAlarm()) === null) {
      await this.#state.storage.setAlarm(Math.max(this.#records.nextSweep() ?? 0, Date.now() + HOUR_MS));
    }
    this.#hasAlarm = true;
  }
}

/** Storage binds whole buffers. A Buffer may be a view of a larger, shared one, so its bytes are copied into a new one. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
