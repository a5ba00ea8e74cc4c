import type { Report } from '../report/report.ts';
import { type Case, cases } from './cases.ts';
import { type Gap, HANDOVER_MS, measureGap, type Operator } from './gap.ts';
import { PULL_SECONDS, type Source } from './receivers.ts';

const COLUMNS: readonly { readonly title: string; readonly source: Source; readonly operator: Operator }[] = [
  { title: 'a file, watched', source: 'watched', operator: 'package' },
  { title: `a store, asked every ${PULL_SECONDS} s`, source: 'pulled', operator: 'package' },
  {
    title: `by hand, ${HANDOVER_MS / 1000} s from the response to the file`,
    source: 'watched',
    operator: 'person',
  },
];

/** The gap that a rotation opens: how many deliveries are not accepted at the first attempt, and for how long. */
export async function rotation(progress: (line: string) => void): Promise<Report> {
  const columns: Gap[][] = [];
  for (const { title, source, operator } of COLUMNS) {
    progress(title);
    columns.push(await Promise.all(cases.map((one) => measureGap(one, source, operator))));
  }
  const titles = COLUMNS.map(({ title }) => title);
  const faults = COLUMNS.flatMap(({ title, operator }, index) =>
    operator === 'person' ? [] : cases.flatMap((one, row) => faultOf(one, columns[index]?.[row], title)),
  );
  return {
    title: 'Rotating a secret under load',
    head: [
      'Deliveries that needed a retry, in three rotations under 40 deliveries a second, a tenth of the traffic forged; in brackets the time from calling the vendor to the last delivery that was refused, the longest of the three.',
      'With the package none may be lost, none may be retried if the order leaves no gap, and elsewhere none more than once: on every machine.',
    ],
    tables: [
      {
        caption: 'Deliveries that needed a retry',
        columns: ['sender', 'order', ...titles],
        rows: cases.map(({ name, order }, row) => [
          name,
          order,
          ...columns.map((column) => cell(column[row])),
        ]),
      },
    ],
    charts: [
      {
        title: 'Deliveries that needed a retry',
        unit: 'of a hundred',
        categories: cases.map(({ name }) => name),
        series: titles.map((name, index) => ({
          name,
          values: (columns[index] ?? []).map(({ retried, sent }) => (100 * retried) / sent),
        })),
      },
    ],
    targets: [],
    omitted: [],
    faults,
  };
}

function cell(gap: Gap | undefined): string {
  if (gap === undefined) return '';
  const { sent, retried, mostRetries, lost, longestMs } = gap;
  if (retried === 0 && lost === 0) return `0 of ${sent}`;
  const often = mostRetries > 1 ? `, up to ${mostRetries} times` : '';
  const gone = lost > 0 ? `, ${lost} lost` : '';
  return `${retried} of ${sent}${often}${gone} (${(longestMs / 1000).toFixed(2)} s)`;
}

function faultOf({ name, hasNoGap }: Case, gap: Gap | undefined, title: string): string[] {
  if (gap === undefined) return [];
  const { retried, mostRetries, lost } = gap;
  const where = `${name}, ${title}`;
  if (lost > 0) return [`${where}: ${lost} deliveries were lost.`];
  if (hasNoGap && retried > 0) return [`${where}: ${retried} deliveries needed a retry.`];
  return mostRetries > 1 ? [`${where}: a delivery needed ${mostRetries} retries.`] : [];
}
