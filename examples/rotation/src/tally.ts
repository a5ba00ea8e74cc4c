import type { KeyRole } from '@countersign/core';
import type { Run } from './messages.ts';

/** One event of a sender, as the sender records it. */
export interface SentEvent {
  readonly sequence: number | undefined;
  readonly state: 'pending' | 'delivered' | 'lost';
}

/** What a sender reports while it works. */
export interface SenderNumbers {
  readonly sent: number;
  readonly retried: number;
  readonly lost: number;
  /** Requests that the receivers refused because they did not know the new secret yet. */
  readonly early: number;
  /** Forgeries of this sender's deliveries that were refused. */
  readonly forgeriesRefused: number;
}

/** One row of the table. */
export interface Count {
  /** Events that the sender made. */
  readonly sent: number;
  /** Events for which the handler ran, in whichever process. */
  readonly handled: number;
  /** Runs by the role of the key that matched. */
  readonly by: Readonly<Record<KeyRole, number>>;
  /** Events that took more than one attempt. */
  readonly retried: number;
  /** Genuine requests that were refused, and sent again by the sender. */
  readonly early: number;
  /** Forged requests that were refused. */
  readonly forgeriesRefused: number;
  /** Runs that ended with their process, before the store remembered them. Such a delivery runs again. */
  readonly cut: number;
  /** Events that the sender dropped for good, or that no handler ever saw. */
  readonly lost: number;
  /** Events for which the handler ran more than once, all processes taken together. */
  readonly twice: number;
  /** Runs of the handler for something that is not an event of the sender. */
  readonly forged: number;
}

/** Counts what happened, and nothing that should have happened: handler runs as the receivers report them, events as the senders know them. */
export class Tally {
  readonly #endpoints = new Map<string, Run[]>();
  readonly #finished = new Set<string>();
  readonly #noted = new Set<string>();
  readonly #killed = new Set<number>();

  ran(run: Run): void {
    this.#of(run.endpoint).push(run);
  }

  finished(run: Pick<Run, 'endpoint' | 'id' | 'pid'>): void {
    this.#finished.add(keyOf(run));
  }

  noted(run: Pick<Run, 'endpoint' | 'id' | 'pid'>): void {
    this.#noted.add(keyOf(run));
  }

  killed(pid: number): void {
    this.#killed.add(pid);
  }

  /** How often the handler of an endpoint ran so far. */
  runsOf(endpoint: string): number {
    return this.#of(endpoint).length;
  }

  /** The row as it is while deliveries are still under way: senders number their events from 1. */
  live(endpoint: string, numbers: SenderNumbers): Count {
    const isGenuine = (sequence: number) =>
      Number.isInteger(sequence) && sequence >= 1 && sequence <= numbers.sent;
    const { handled, ...counted } = this.#count(endpoint, isGenuine);
    return { ...numbers, ...counted, handled: handled.size };
  }

  /** The row at the end, from the sender's own list of its events. An event that is still pending then counts as lost. */
  final(
    endpoint: string,
    events: readonly SentEvent[],
    numbers: Omit<SenderNumbers, 'sent' | 'lost'>,
  ): Count {
    const genuine = new Set(events.map(({ sequence }) => sequence));
    const { handled, ...counted } = this.#count(endpoint, (sequence) => genuine.has(sequence));
    const lost = events.filter(
      ({ sequence, state }) => state !== 'delivered' || sequence === undefined || !handled.has(sequence),
    );
    return {
      ...numbers,
      sent: events.length,
      lost: lost.length,
      ...counted,
      handled: handled.size,
    };
  }

  #count(endpoint: string, isGenuine: (sequence: number) => boolean) {
    const handled = new Map<number, number>();
    const by: Record<KeyRole, number> = { current: 0, previous: 0, next: 0 };
    let forged = 0;
    let cut = 0;
    const runs = this.#of(endpoint);
    const isNoted = (run: Run) => !this.#killed.has(run.pid) || this.#noted.has(keyOf(run));
    const noted = new Set(runs.filter(isNoted).map(({ sequence }) => sequence));
    for (const run of runs) {
      const { sequence, role } = run;
      // Only a run that nobody remembers may come again. The store may remember one that had finished and was never noted: then
      // the sender's retry is a duplicate, and no other run comes.
      if (!isNoted(run) && (noted.has(sequence) || !this.#finished.has(keyOf(run)))) {
        cut++;
        continue;
      }
      if (sequence === undefined || !isGenuine(sequence)) {
        forged++;
        continue;
      }
      by[role]++;
      handled.set(sequence, (handled.get(sequence) ?? 0) + 1);
    }
    let twice = 0;
    for (const times of handled.values()) if (times > 1) twice++;
    return { handled, by, cut, twice, forged };
  }

  #of(endpoint: string): Run[] {
    let found = this.#endpoints.get(endpoint);
    if (found === undefined) {
      found = [];
      this.#endpoints.set(endpoint, found);
    }
    return found;
  }
}

function keyOf({ endpoint, id, pid }: Pick<Run, 'endpoint' | 'id' | 'pid'>): string {
  return `${pid} ${endpoint} ${id}`;
}

/** The rows added up. */
export function total(counts: readonly Count[]): Count {
  const sum = (pick: (count: Count) => number) => counts.reduce((all, count) => all + pick(count), 0);
  return {
    sent: sum(({ sent }) => sent),
    handled: sum(({ handled }) => handled),
    by: {
      current: sum(({ by }) => by.current),
      previous: sum(({ by }) => by.previous),
      next: sum(({ by }) => by.next),
    },
    retried: sum(({ retried }) => retried),
    early: sum(({ early }) => early),
    forgeriesRefused: sum(({ forgeriesRefused }) => forgeriesRefused),
    cut: sum(({ cut }) => cut),
    lost: sum(({ lost }) => lost),
    twice: sum(({ twice }) => twice),
    forged: sum(({ forged }) => forged),
  };
}
