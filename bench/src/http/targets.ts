import { differences, isEqual, printRatio, ratios } from '../measure/spread.ts';
import { atLeast, atMost, type Target } from '../report/report.ts';
import { BARE, BY_HAND, OURS, STRIPE } from './contenders.ts';
import type { Load } from './load.ts';

/** What one framework showed, by size: 1 KiB, then 16 KiB. */
export interface Result {
  readonly name: string;
  readonly loads: readonly Load[];
}

const SIZES = ['1 KiB', '16 KiB'];
/** CPU that the adapter may add to reading the bare body, in microseconds. */
const ADDED = [10, 25];
const ADDED_IN_NEST = [15, 32];
/** Requests a second of 1 KiB, over those of the bare route. */
const PACE: Readonly<Record<string, number>> = { 'Koa 3': 0.8, 'Fastify 5': 0.7 };

/** What an adapter is to cost. */
export function targetsOf(results: readonly Result[]): Target[] {
  return results.flatMap(({ name, loads }) => [
    ...loads.flatMap((load, at) => {
      const where = `${name}, ${SIZES[at]}`;
      const cpu = (contender: number) => load.cpu[contender] ?? [];
      const added = name.startsWith('Nest') ? ADDED_IN_NEST : ADDED;
      return [
        atMost(`${where}: CPU over the code by hand`, ratios(cpu(OURS), cpu(BY_HAND)).median, 1.05),
        notDearer(`${where}: CPU of stripe's function over ours`, ratios(cpu(STRIPE), cpu(OURS))),
        atMost(
          `${where}: CPU added to the bare route`,
          differences(cpu(OURS), cpu(BARE)).median,
          added[at] ?? 0,
          ' µs',
        ),
        ...(name.startsWith('Express')
          ? [notDearer(`${where}: CPU of bare express.raw over ours`, ratios(cpu(BARE), cpu(OURS)))]
          : []),
      ];
    }),
    ...paceOf(name, loads[0]),
  ]);
}

function paceOf(name: string, load: Load | undefined): Target[] {
  const least = PACE[name];
  if (least === undefined || load === undefined) return [];
  const pace = ratios(load.perSecond[OURS] ?? [], load.perSecond[BARE] ?? []).median;
  return [atLeast(`${name}, ${SIZES[0]}: requests a second over the bare route`, pace, least)];
}

function notDearer(name: string, ratio: ReturnType<typeof ratios>): Target {
  const equal = isEqual(ratio);
  return {
    name,
    limit: 'above 1, or equal',
    measured: `${printRatio(ratio)}${equal ? ' = equal' : ''}`,
    met: equal || ratio.median > 1,
  };
}
