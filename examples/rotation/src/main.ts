// Rotates the signing secrets of simulated senders under load, and reports what happened to every delivery. See ../README.md.
import { setMaxListeners } from 'node:events';
import { readSeconds } from './arguments.ts';
import { faults, type Outcome } from './outcome.ts';
import { run } from './run.ts';
import { summary } from './summary.ts';

const INTERRUPTED = 130;

async function main(): Promise<number> {
  const seconds = readSeconds(process.argv.slice(2));
  const interruption = new AbortController();
  const { signal } = interruption;
  // Every endpoint waits with it.
  setMaxListeners(0, signal);
  const interrupted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined));
  });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interruption.abort());

  const closings: (() => unknown)[] = [];
  const atEnd = async (close: () => unknown): Promise<void> => {
    if (!signal.aborted) closings.unshift(close);
    else await close();
    // An aborted run must not open anything else.
    signal.throwIfAborted();
  };
  let outcome: Outcome | undefined;
  try {
    outcome = await Promise.race([interrupted, run(seconds, { signal, out: process.stdout, atEnd })]);
  } finally {
    for (const close of closings) await close();
  }
  if (outcome === undefined) {
    console.log('\nInterrupted: no result.');
    return INTERRUPTED;
  }
  console.log(`\n${summary(outcome)}`);
  return faults(outcome).length === 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
