import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { benchmarks } from './benchmarks.ts';
import { describeRun } from './report/machine.ts';
import { writeReport } from './report/write.ts';

const results = fileURLToPath(new URL('../results/', import.meta.url));
const names = Object.keys(benchmarks);
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(benchmarks, name));
const wanted = names.filter((name) => asked.length === 0 || asked.includes(name));

if (unknown.length > 0) {
  process.stderr.write(`No benchmark is called ${unknown.join(', ')}. There are: ${names.join(', ')}.\n`);
  process.exitCode = 1;
} else if (wanted.length > 1) {
  // Each in a process of its own: what one leaves in the heap and in compiled code would weigh on the next.
  for (const name of wanted) {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), name];
    const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'close');
    if (code !== 0) process.exitCode = 1;
  }
} else {
  for (const name of wanted) await runOne(name);
}

async function runOne(name: string): Promise<void> {
  const started = performance.now();
  const run = describeRun();
  const benchmark = await benchmarks[name]?.();
  if (benchmark === undefined) return;
  const report = await benchmark((line) => process.stderr.write(`${name}: ${line}\n`));
  process.stdout.write(`${await writeReport(results, name, report, run)}\n`);
  process.stderr.write(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  for (const fault of report.faults) process.stderr.write(`FAULT: ${name}: ${fault}\n`);
  if (report.faults.length > 0) process.exitCode = 1;
}
