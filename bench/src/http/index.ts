import { quantile } from '../measure/quantile.ts';
import { isEqual, printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, type Report } from '../report/report.ts';
import { BY_HAND, contenders, OURS } from './contenders.ts';
import { frameworks } from './frameworks.ts';
import { type Load, loadsOf } from './load.ts';
import { type Result, targetsOf } from './targets.ts';

const SIZES = [
  { name: '1 KiB', bytes: 1024 },
  { name: '16 KiB', bytes: 16 * 1024 },
] as const;

/** Webhooks over HTTP on this machine: each framework bare, with our adapter, with code written by hand, with stripe's function. */
export async function http(progress: (line: string) => void): Promise<Report> {
  const results: Result[] = [];
  for (const name of Object.keys(frameworks)) {
    progress(name);
    const sizes = SIZES.map(({ bytes }) => bytes);
    results.push({ name, loads: await loadsOf(name, sizes) });
  }
  return {
    title: 'Webhooks over HTTP',
    head: [
      'CPU of the server per request in microseconds, and in brackets the multiple of the code written by hand in the same round (median over the rounds; quartiles); then requests a second over 16 connections, and the 99th percentile of their times. `=`: equal to countersign without replay, since no difference shows beyond the spread.',
    ],
    tables: results.map(({ name, loads }) => ({
      caption: name,
      columns: ['', ...SIZES.map((size) => size.name)],
      rows: contenders.map((contender, index) => [contender.name, ...loads.map((load) => cell(load, index))]),
    })),
    charts: SIZES.map((size, at) => ({
      title: `CPU of the server, ${size.name}`,
      unit: 'multiple of the code by hand',
      categories: results.map(({ name }) => name),
      series: contenders.map((contender, index) => ({
        name: contender.name,
        values: results.map(
          ({ loads }) => ratios(loads[at]?.cpu[index] ?? [], loads[at]?.cpu[BY_HAND] ?? []).median,
        ),
      })),
    })),
    targets: targetsOf(results),
    omitted: [],
    faults: [],
  };
}

function cell({ cpu, perSecond, p99 }: Load, index: number): string {
  const own = cpu[index] ?? [];
  const ratio = printRatio(ratios(own, cpu[BY_HAND] ?? []));
  const equal = index !== OURS && isEqual(ratios(own, cpu[OURS] ?? [])) ? ' =' : '';
  const pace = quantile(perSecond[index] ?? [], 0.5).toFixed(0);
  return `${amount(spreadOf(own).median)} · ${ratio}${equal}, ${pace}/s, ${amount(spreadOf(p99[index] ?? []).median)} ms`;
}
