import { MEASURED, measureStores } from '../replay/measure.ts';
import { atMost, type Report, type Table, type Target } from '../report/report.ts';
import { dynamodbSubject, mysqlSubject, type SweptSubject, sqliteSubject } from './subjects.ts';
import { longestStep } from './sweep.ts';

const ROWS = 200_000;
const SWEPT: readonly [string, () => Promise<SweptSubject | undefined>][] = [
  ['MariaDB or MySQL', () => mysqlSubject(false)],
  ['SQLite', sqliteSubject],
];

/** The replay stores on MySQL, SQLite and DynamoDB: claims and commits against the plain statement, bytes an entry, sweeps. */
export async function stores(progress: (line: string) => void): Promise<Report> {
  const { tables, charts, targets, omitted } = await measureStores(
    [
      ['MariaDB or MySQL', () => mysqlSubject(false)],
      ['MariaDB or MySQL, prepared statements', () => mysqlSubject(true)],
      ['SQLite', sqliteSubject],
      ['DynamoDB', dynamodbSubject],
    ],
    progress,
  );
  const rows: string[][] = [];
  const sweepTargets: Target[] = [];
  for (const [name, make] of SWEPT) {
    progress(`sweep: ${name}`);
    const subject = await make();
    if (subject === undefined) continue;
    try {
      const { longestMs, claimMs, seconds } = await longestStep(subject, ROWS);
      rows.push([name, longestMs.toFixed(1), claimMs.toFixed(1), seconds.toFixed(1)]);
      sweepTargets.push(atMost(`${name}: longest claim beside a sweep of ${ROWS} rows`, claimMs, 100, ' ms'));
    } finally {
      await subject.close();
    }
  }
  const sweeps: Table = {
    caption: `A sweep of ${ROWS} expired rows`,
    columns: [
      'store',
      'longest step that blocks the process, ms',
      'longest claim beside it, ms',
      'all of it, s',
    ],
    rows,
  };
  return {
    title: 'Replay stores on other databases',
    head: [
      MEASURED,
      'A sweep removes its rows in batches, while one claim after the other is made beside it.',
    ],
    tables: [...tables, sweeps],
    charts,
    targets: [...targets, ...sweepTargets],
    omitted,
    faults: [],
  };
}
