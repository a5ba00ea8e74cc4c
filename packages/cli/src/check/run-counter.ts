import { readFile } from 'node:fs/promises';
import { CommandError } from '../command-error.ts';
import { delay, exchange } from './exchange.ts';
import { resolveTarget } from './target.ts';

/** Says how often the receiver's handler has run so far. */
export type CountRuns = () => Promise<number>;

const READ_TIMEOUT_MS = 5_000;
const POLL_MS = 5;

/**
 * Counts runs in a file that grows by a line for each, or at a URL that returns the number.
 *
 * @throws CommandError if the URL is not local and not allowed, or does not return a number.
 */
export async function openRunCounter(source: string, allowedHosts: readonly string[]): Promise<CountRuns> {
  if (!/^https?:\/\//i.test(source)) return () => linesOf(source);
  const target = await resolveTarget('--ran', source, allowedHosts);
  const request = {
    method: 'GET',
    path: target.url.pathname + target.url.search,
    headers: [],
    body: Buffer.of(),
  };
  const count = async () => {
    const { status, body } = await exchange(target, request, { framing: 'none', timeoutMs: READ_TIMEOUT_MS });
    const number = /^\s*(\d{1,15})\s*$/.exec(body)?.[1];
    if (status !== 200 || number === undefined)
      throw new CommandError(
        `${target.shown} of --ran did not return a number. It must respond with 200 and the number of runs as text.`,
      );
    return Number(number);
  };
  await count();
  return count;
}

async function linesOf(path: string): Promise<number> {
  try {
    const bytes = await readFile(path);
    let lines = 0;
    for (const byte of bytes) if (byte === 0x0a) lines += 1;
    return lines;
  } catch (error) {
    // The first run creates it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw new CommandError(`The file of --ran can't be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** How long the checks wait for runs. That something does not happen can only be seen by waiting for it. */
export interface Patience {
  /** How long a run may take to show after its answer. */
  readonly runMs: number;
  /** The least time to wait for a run that must not happen. It grows with the slowest run that was seen. */
  readonly settleMs: number;
}

/** Watches the handler's runs between two moments. */
export class Runs {
  readonly #count: CountRuns;
  readonly #patience: Patience;
  #slowestMs = 0;
  #last = 0;

  private constructor(count: CountRuns, patience: Patience, last: number) {
    this.#count = count;
    this.#patience = patience;
    this.#last = last;
  }

  static async start(count: CountRuns, patience: Patience): Promise<Runs> {
    return new Runs(count, patience, await count());
  }

  /** How long a wait for a run that must not happen lasts. */
  get settleMs(): number {
    return Math.min(this.#patience.runMs, Math.max(this.#patience.settleMs, 3 * this.#slowestMs));
  }

  /** How many runs there were since the last call: waits until there are `expected` of them, and then whether there are more. */
  async since(expected: number, settleMs = this.settleMs): Promise<number> {
    const startedAt = performance.now();
    let runs = await this.#new();
    const isLate = runs < expected;
    while (runs < expected && performance.now() - startedAt < this.#patience.runMs) {
      await delay(POLL_MS);
      runs = await this.#new();
    }
    if (isLate && runs >= expected)
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedAt);
    if (runs <= expected) {
      await delay(settleMs);
      runs = await this.#new();
    }
    this.#last += runs;
    return runs;
  }

  async #new(): Promise<number> {
    return (await this.#count()) - this.#last;
  }
}
