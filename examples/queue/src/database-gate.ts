import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { RETRY_MS, WorkerEnds } from './job.ts';

// It writes, as every job does: a replica that only reads, or a full disk, would also answer a SELECT. No job has this id.
// A server that does not respond counts as down after 5 seconds.
const PROBE = {
  text: "INSERT INTO handled_jobs (id) VALUES ('probe') ON CONFLICT (id) DO UPDATE SET handled_at = now()",
  query_timeout: 5000,
};

/** A job that brings the database down itself must end too: after so many outages, this attempt has failed. */
const OUTAGES_IN_AN_ATTEMPT = 5;

/**
 * Keeps jobs waiting while the database is down. A job that waits here is at work for its queue, so an outage of any length uses up
 * none of its attempts, and the worker takes no more jobs than it may have at the same time.
 */
export class DatabaseGate {
  readonly #pool: pg.Pool;
  readonly #closing: AbortSignal;
  #waiting: Promise<void> | undefined;

  /** @param closing Ends all waiting: the worker ends. */
  constructor(pool: pg.Pool, closing: AbortSignal) {
    this.#pool = pool;
    this.#closing = closing;
  }

  /** Resolves when the database takes writes. All that wait share one probe. */
  untilUp(): Promise<void> {
    this.#waiting ??= this.#wait().finally(() => {
      this.#waiting = undefined;
    });
    return this.#waiting;
  }

  /** Runs `attempt` again as often as it fails because the database is down. If it fails although the database is up, the job has failed. */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    for (let outages = 1; ; outages++) {
      try {
        return await attempt();
      } catch (error) {
        if (outages > OUTAGES_IN_AN_ATTEMPT || (await this.#fault()) === undefined) throw error;
        await this.untilUp();
      }
    }
  }

  async #wait(): Promise<void> {
    for (let said = false; ; said = true) {
      const fault = await this.#fault();
      if (fault === undefined) return;
      if (!said) console.error(`The database is down, and jobs wait: ${fault}`);
      await delay(RETRY_MS, undefined, { signal: this.#closing }).catch(() => {
        throw new WorkerEnds('The worker ends while the database is down.');
      });
    }
  }

  async #fault(): Promise<unknown> {
    try {
      await this.#pool.query(PROBE);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
