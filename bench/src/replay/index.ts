import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Report } from '../report/report.ts';
import { growth } from './growth.ts';
import { MEASURED, measureStores } from './measure.ts';
import { memorySubject, type PostgresUse, postgresSubject, redisSubject, type Subject } from './subjects.ts';

const postgres: readonly PostgresUse[] = [
  { name: 'PostgreSQL', prepare: false },
  { name: 'PostgreSQL, prepared statements', prepare: true },
  { name: 'PostgreSQL, prepared statements, relaxed durability', prepare: true, durability: 'relaxed' },
];
const STORES: readonly [string, () => Subject | Promise<Subject | undefined>][] = [
  ['memory', memorySubject],
  ['Redis', () => redisSubject(false)],
  ['Redis, autopipelining', () => redisSubject(true)],
  ...postgres.map((use): [string, () => Promise<Subject | undefined>] => [
    use.name,
    () => postgresSubject(use),
  ]),
];

/** Replay stores: claims and commits against the plain command that remembers an id, bytes an entry, growth. */
export async function replay(progress: (line: string) => void): Promise<Report> {
  // Heap sizes mean something only right after a collection.
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc');
  const { tables, charts, targets, omitted } = await measureStores(STORES, progress);
  progress('growth of the memory store');
  const grown = await growth();
  return {
    title: 'Replay stores',
    head: [MEASURED, ...grown.head],
    tables: [...tables, ...grown.tables],
    charts,
    targets: [...targets, ...grown.targets],
    omitted,
    faults: [],
  };
}
