import { interleave, type Measurement } from '../interleave.ts';
import { jsonOfSize } from '../json-of-size.ts';
import { groups } from './groups.ts';

/** Where countersign stands among the contenders. */
const OURS = 1;
const SIZES = [
  { name: '200 B', bytes: 200 },
  { name: '1 KiB', bytes: 1024 },
  { name: '64 KiB', bytes: 64 * 1024 },
  { name: '1 MiB', bytes: 1024 * 1024 },
];

/** Verifying one valid signature with one key, against peers and against what a careful programmer writes by hand. */
export async function verify(print: (line: string) => void): Promise<void> {
  print(
    'Verifying a valid signature with one key: microseconds, and in brackets the multiple of the code written by hand',
  );
  print('(median of the rounds; quartiles behind it). `=`: equal to countersign, the spreads overlap.');
  for (const group of groups) {
    const columns: Measurement[][] = [];
    for (const { bytes } of SIZES) {
      const contenders = group.contenders(jsonOfSize(bytes));
      for (const contender of contenders) await mustAccept(contender.name, contender.run());
      columns.push(await interleave(contenders, 0));
    }
    print('');
    print(`| ${group.scheme} | ${SIZES.map(({ name }) => name).join(' | ')} |`);
    print(`| --- |${' --- |'.repeat(SIZES.length)}`);
    for (const [row, { name }] of (columns[0] ?? []).entries()) {
      print(`| ${name} | ${columns.map((column) => cell(column[row], column[OURS])).join(' | ')} |`);
    }
  }
}

function cell(measured: Measurement | undefined, ours: Measurement | undefined): string {
  if (measured === undefined || ours === undefined) return '';
  const { microseconds, ratio, spread } = measured;
  const digits = microseconds < 100 ? 1 : 0;
  const overlap = measured !== ours && spread[0] <= ours.spread[1] && ours.spread[0] <= spread[1];
  return `${microseconds.toFixed(digits)} (${ratio.toFixed(2)}, ${spread[0].toFixed(2)}-${spread[1].toFixed(2)})${overlap ? ' =' : ''}`;
}

/** A benchmark of refusals would flatter whoever refuses fastest. */
async function mustAccept(name: string, result: unknown): Promise<void> {
  if ((await result) === false) throw new Error(`${name} refuses the request that all must accept.`);
}
