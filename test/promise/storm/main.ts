// A storm over receivers in processes of their own: see ../README.md.
import { writeFile } from 'node:fs/promises';
import { readOptions } from './options.ts';
import { figures, isGood, report } from './report.ts';
import { run } from './run.ts';

const INTERRUPTED = 130;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const { seed, deliveries, seconds, putBack, json } = options;
  console.log(
    `Storm: seed ${seed}, ${deliveries} deliveries in ${seconds} s${putBack === undefined ? '' : `, with ${putBack} put back`}.`,
  );
  const closings: (() => unknown)[] = [];
  const interrupted = new Promise<undefined>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => resolve(undefined));
  });
  try {
    const outcome = await Promise.race([interrupted, run(options, (close) => closings.unshift(close))]);
    if (outcome === undefined) {
      console.log('Interrupted: no result.');
      return INTERRUPTED;
    }
    console.log(report(outcome));
    if (json !== undefined) await writeFile(json, `${JSON.stringify(figures(outcome), undefined, 2)}\n`);
    return isGood(outcome) ? 0 : 1;
  } finally {
    for (const close of closings) await close();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
