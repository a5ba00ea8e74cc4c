import { amount, atMost, type Report } from '../report/report.ts';
import { outage } from './outage.ts';
import { reloads } from './reloads.ts';
import { size } from './size.ts';

const COUNT = 10_000;
const KIB = 1024;

/** What many tenants in one process cost, and what one of them in trouble costs the others. */
export async function tenants(progress: (line: string) => void): Promise<Report> {
  progress('memory and first requests');
  const { bytesEach, first, later } = await size(COUNT);
  progress('reloads');
  const { from, to, busiest } = await reloads(COUNT);
  progress('one tenant whose source hangs');
  const { quiet, during, ratio } = await outage();
  const microseconds = (value: number) => `${amount(value)} µs`;
  return {
    title: 'Many tenants',
    head: [
      `${COUNT} tenants of createTenants(), each with a secret of its own, in one process. \`load\` returns at once, so what is measured is ours.`,
      `Reloads are counted on a clock that the benchmark moves, with the default interval of 300 s: all tenants were loaded at the same moment, and their reloads must not come at the same moment.`,
      "One tenant's `load` hangs, and a request for it arrives before each request for another tenant. The 99th percentile of the others is compared with that of the same round without the outage (median over the rounds).",
    ],
    tables: [
      {
        caption: 'In memory',
        columns: [
          'memory each',
          'first request, median',
          '99th percentile',
          'later request, median',
          '99th percentile',
        ],
        rows: [
          [
            `${amount(bytesEach / KIB)} KiB`,
            microseconds(first.median),
            microseconds(first.p99),
            microseconds(later.median),
            microseconds(later.p99),
          ],
        ],
      },
      {
        caption: 'Reloads',
        columns: ['the first after', 'the last after', 'in the busiest second'],
        rows: [[`${from} s`, `${to} s`, `${busiest} of ${COUNT}`]],
      },
      {
        caption: "Others during one tenant's outage, 99th percentile",
        columns: ['before', 'during', 'multiple'],
        rows: [[microseconds(quiet), microseconds(during), amount(ratio)]],
      },
    ],
    charts: [],
    targets: [
      atMost('Memory a tenant', bytesEach / KIB, 16, ' KiB'),
      atMost('Reloads in the busiest second', (busiest / COUNT) * 100, 2, ' % of all tenants'),
      atMost("99th percentile of others during one tenant's outage", ratio, 1.5),
    ],
    omitted: [],
    faults: [],
  };
}
