import type { Report } from '../report/report.ts';
import { type Case, cases } from './cases.ts';
import { type EndpointCase, endpointCases, PERSON_MS } from './endpoint-cases.ts';
import { type EndpointGap, measureEndpointGap } from './endpoint-gap.ts';
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

/** The same, for webhooks with two endpoints and those that a person rotates. `ROTATION_PART=endpoints` measures only these. */
async function endpointPart(
  progress: (line: string) => void,
): Promise<{ rows: string[][]; faults: string[] }> {
  const columns: EndpointGap[][] = [];
  for (const source of ['watched', 'pulled'] as const) {
    progress(`two endpoints, Svix and guided: ${source}`);
    columns.push(await Promise.all(endpointCases.map((one) => measureEndpointGap(one, source))));
  }
  return {
    rows: endpointCases.map(({ name, strategy }, row) => [
      name,
      strategy,
      ...columns.map((column) => endpointCell(column[row])),
    ]),
    faults: endpointCases.flatMap((one, row) =>
      columns.flatMap((column) => endpointFaults(one, column[row])),
    ),
  };
}

function endpointCell(gap: EndpointGap | undefined): string {
  if (gap === undefined) return '';
  const { events, late, lost, twice, copiesPutOff } = gap;
  const copies = copiesPutOff === 0 ? '' : `; ${copiesPutOff} second copies came again`;
  return `${late} of ${events}, ${lost} lost, ${twice} run twice${copies}`;
}

function endpointFaults({ name, hasNoGap }: EndpointCase, gap: EndpointGap | undefined): string[] {
  if (gap === undefined) return [];
  const { late, lost, twice } = gap;
  return [
    ...(lost > 0 ? [`${name}: ${lost} events were lost.`] : []),
    ...(twice > 0 ? [`${name}: ${twice} events ran twice.`] : []),
    ...(hasNoGap && late > 0 ? [`${name}: ${late} events waited for a retry.`] : []),
  ];
}

/** The gap that a rotation opens: how many deliveries are not accepted at the first attempt, and for how long. */
export async function rotation(progress: (line: string) => void): Promise<Report> {
  const endpoints = await endpointPart(progress);
  const measured = process.env.ROTATION_PART === 'endpoints' ? [] : COLUMNS;
  const columns: Gap[][] = [];
  for (const { title, source, operator } of measured) {
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
      {
        caption: `Events that waited for a retry, with two endpoints, at Svix, and with a person who takes ${PERSON_MS / 1000} s for a step`,
        columns: ['sender', 'strategy', ...COLUMNS.slice(0, 2).map(({ title }) => title)],
        rows: endpoints.rows,
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
    faults: [...faults, ...endpoints.faults],
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
