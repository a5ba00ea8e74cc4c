// Random definitions and requests against an HMAC that is computed a second time, from the documentation alone; and alterations of
// genuine requests of every sender in the catalogue.
//
//   npm run fuzz                               1,000,000 inputs with a seed of its own
//   npm run fuzz -- --inputs 10000000          more
//   npm run fuzz -- --seed 7                   the same run again
//   npm run fuzz -- --batch 3735928559         one batch again, as a failure prints it
//   npm run fuzz -- --only definitions         or presets
import { parseArgs } from 'node:util';
import { fuzzDefinitions } from './fuzz-definitions.ts';
import { fuzzPresets } from './fuzz-presets.ts';
import { Random } from './random.ts';
import { Report } from './report.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    batch: { type: 'string' },
    only: { type: 'string' },
  },
});
const inputs = wholeNumber('inputs', values.inputs);
const seed = wholeNumber('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 32)));
if (![undefined, 'definitions', 'presets'].includes(values.only))
  fail('--only must be "definitions" or "presets".');

const report = new Report();
const kinds = { definitions: fuzzDefinitions, presets: fuzzPresets };
const chosen =
  values.only === undefined ? kinds : { [values.only]: kinds[values.only as keyof typeof kinds] };
const started = performance.now();
console.log(`seed ${seed}, ${inputs.toLocaleString('en')} inputs`);
for (const [kind, run] of Object.entries(chosen)) {
  const share = inputs / Object.keys(chosen).length;
  const seeds = new Random(seed ^ kind.length);
  report.begin(kind);
  if (values.batch !== undefined) await run(wholeNumber('batch', values.batch), report);
  else while (report.inputs < share && !report.isFull) await run(seeds.next(), report);
}
report.print((performance.now() - started) / 1000);
process.exitCode = report.hasFailed ? 1 : 0;

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) fail(`--${name} must be a whole number.`);
  return number;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
