import type { Report } from '../report/report.ts';
import { measureOutage, type Recovered } from './outage.ts';
import { type Recoverable, senders } from './senders.ts';

const MISSED = 250;
const WAYS = [
  { title: 'in one run', stops: false },
  { title: 'stopped half-way, and run again', stops: true },
];

/** What `recover()` brings back after half an hour without a receiver, and how many calls of the sender's API it takes. */
export async function recover(progress: (line: string) => void): Promise<Report> {
  const rows: string[][] = [];
  const faults: string[] = [];
  for (const sender of senders) {
    for (const { title, stops } of WAYS) {
      progress(`${sender.name}, ${title}`);
      const found = await measureOutage(sender, { missed: MISSED, stops });
      rows.push([sender.name, title, ...cells(found)]);
      faults.push(...faultsOf(sender, title, found));
    }
  }
  return {
    title: 'Recovering what a sender gave up on',
    head: [
      `A receiver is down for half an hour. In that time, a simulated sender makes ${MISSED} deliveries, and then stops retrying. Then recover() runs.`,
      'On every machine, each must be handled once, with at most one call for each missed delivery and one for each page of a list.',
    ],
    tables: [
      {
        caption: 'Deliveries after half an hour without a receiver',
        columns: [
          'sender',
          'recovered',
          'missed',
          'handled in the end',
          'handled twice',
          'calls',
          'of these, pages',
        ],
        rows,
      },
    ],
    charts: [],
    targets: [],
    omitted: [],
    faults,
  };
}

function cells({ missed, recovered, twice, calls, pages }: Recovered): string[] {
  return [missed, recovered, twice, calls, pages].map(String);
}

function faultsOf({ name }: Recoverable, title: string, found: Recovered): string[] {
  const { missed, recovered, twice, calls, pages } = found;
  const where = `${name}, ${title}`;
  return [
    ...(recovered < missed ? [`${where}: ${missed - recovered} deliveries were not recovered.`] : []),
    ...(twice > 0 ? [`${where}: ${twice} deliveries were handled twice.`] : []),
    ...(calls > missed + pages
      ? [`${where}: ${calls} calls for ${missed} deliveries and ${pages} pages.`]
      : []),
  ];
}
