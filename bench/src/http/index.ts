import { quantile } from '../measure/quantile.ts';
import { isEqual, printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, type Report } from '../report/report.ts';
import { BY_HAND, BY_HAND_WITH_MAP, contenders, OURS, OURS_WITH_REPLAY } from './contenders.ts';
import { frameworks } from './frameworks.ts';
import { type Load, loadsOf } from './load.ts';
import { type Result, targetsOf } from './targets.ts';
import { WORKING, works } from './work.ts';

const SIZES = [
  { name: '1 KiB', bytes: 1024 },
  { name: '16 KiB', bytes: 16 * 1024 },
] as const;

/** Webhooks over HTTP on this machine: each framework bare, with our adapter, with code written by hand, with stripe's function. */
export async function http(progress: (line: string) => void): Promise<Report> {
  const results: Result[] = [];
  for (const name of Object.keys(frameworks)) {
    for (const work of Object.keys(works)) {
      progress(`${name}, ${work}`);
      const sizes = SIZES.map(({ bytes }) => bytes);
      results.push({ name, work, loads: await loadsOf(name, work, sizes) });
    }
  }
  const charted = results.filter(({ work }) => work === WORKING);
  return {
    title: 'Webhooks over HTTP',
    head: [
      "CPU of the server per request in microseconds, and the multiple of the code written by hand in the same round (with replay: of that with a Map) (median over the rounds; quartiles); then requests a second over 16 connections, the share of the time in which the server was busy, and the 99th percentile of the requests' times. `=`: equal to countersign without replay, since no difference shows beyond the spread.",
    ],
    tables: results.map(({ name, work, loads }) => ({
      caption: `${name}, ${work}`,
      columns: ['', ...SIZES.map((size) => size.name)],
      rows: contenders.map((contender, index) => [contender.name, ...loads.map((load) => cell(load, index))]),
    })),
    charts: SIZES.map((size, at) => ({
      title: `CPU of the server, ${size.name}, ${WORKING}`,
      unit: 'multiple of the code by hand',
      categories: charted.map(({ name }) => name),
      series: contenders.map((contender, index) => ({
        name: contender.name,
        values: charted.map(
          ({ loads }) => ratios(loads[at]?.cpu[index] ?? [], loads[at]?.cpu[BY_HAND] ?? []).median,
        ),
      })),
    })),
    targets: targetsOf(results),
    omitted: [],
    faults: [],
  };
}

function cell({ cpu, perSecond, p99, busy }: Load, index: number): string {
  const own = cpu[index] ?? [];
  const base = index === OURS_WITH_REPLAY ? BY_HAND_WITH_MAP : BY_HAND;
  const ratio = printRatio(ratios(own, cpu[base] ?? []));
  const equal = index !== OURS && isEqual(ratios(own, cpu[OURS] ?? [])) ? ' =' : '';
  const pace = quantile(perSecond[index] ?? [], 0.5).toFixed(0);
  const share = `${(100 * spreadOf(busy[index] ?? []).median).toFixed(0)} %`;
  return `${amount(spreadOf(own).median)} · ${ratio}${equal}, ${pace}/s, ${share}, ${amount(spreadOf(p99[index] ?? []).median)} ms`;
}
