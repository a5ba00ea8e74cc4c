import { cpus } from 'node:os';
import { http } from './http/index.ts';
import { verify } from './verify/index.ts';

const benchmarks: Readonly<Record<string, (print: (line: string) => void) => Promise<void>>> = {
  verify,
  http,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(benchmarks, name));
const print = (line: string) => {
  process.stdout.write(`${line}\n`);
};

if (unknown.length > 0) {
  process.stderr.write(
    `No benchmark is called ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}.\n`,
  );
  process.exitCode = 1;
} else {
  print(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`);
  print('');
  for (const [name, run] of Object.entries(benchmarks))
    if (wanted.length === 0 || wanted.includes(name)) {
      await run(print);
      print('');
    }
}
