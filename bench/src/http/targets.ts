import { differences, isEqual, printRatio, ratios } from '../measure/spread.ts';
import { atLeast, atMost, type Target } from '../report/report.ts';
import { BARE, BY_HAND, BY_HAND_WITH_MAP, OURS, OURS_WITH_REPLAY, STRIPE } from './contenders.ts';
import type { Load } from './load.ts';
import { EMPTY, WORKING } from './work.ts';

/** What one framework showed, by size: 1 KiB, then 16 KiB. */
export interface Result {
  readonly name: string;
  /** What the handler does. */
  readonly work: string;
  readonly loads: readonly Load[];
}

const SIZES = ['1 KiB', '16 KiB'];
/** CPU that the adapter may add to reading the bare body, in microseconds. */
const ADDED = [10, 25];
const ADDED_IN_NEST = [15, 32];
/** Requests a second of 1 KiB, over those of the bare route. */
const PACE: Readonly<Record<string, number>> = { 'Koa 3': 0.8, 'Fastify 5': 0.7 };
/** CPU without replay over the code by hand; elsewhere {@link WITHOUT_REPLAY}. */
const WITHOUT_REPLAY_ON: Readonly<Record<string, number>> = { 'Nest 12 on Fastify': 1.15 };
const WITHOUT_REPLAY = 1.05;
/** CPU with replay over the code by hand with a Map, if the handler works. */
const WITH_REPLAY: Readonly<Record<string, number>> = {
  'Express 5': 1.15,
  'Fastify 5': 1.35,
  'Koa 3': 1.3,
  'fetch in Hono': 1.3,
  'Nest 12 on Express': 1.15,
  'Nest 12 on Fastify': 1.3,
};

/** What an adapter is to cost. */
export function targetsOf(results: readonly Result[]): Target[] {
  return [...results.flatMap(ratiosOf), ...results.filter(({ work }) => work === EMPTY).flatMap(addedOf)];
}

/** What the whole request may cost, over the code by hand. */
function ratiosOf({ name, work, loads }: Result): Target[] {
  return loads.flatMap(({ cpu }, at) => {
    const over = (own: number, base: number) => ratios(cpu[own] ?? [], cpu[base] ?? []).median;
    const where = `${name}, ${work}, ${SIZES[at]}`;
    const withReplay = work === WORKING && at === 0 ? WITH_REPLAY[name] : undefined;
    return [
      atMost(
        `${where}: CPU over the code by hand`,
        over(OURS, BY_HAND),
        WITHOUT_REPLAY_ON[name] ?? WITHOUT_REPLAY,
      ),
      ...(withReplay === undefined
        ? []
        : [
            atMost(
              `${where}: CPU with replay over the code by hand with a Map`,
              over(OURS_WITH_REPLAY, BY_HAND_WITH_MAP),
              withReplay,
            ),
          ]),
    ];
  });
}

function addedOf({ name, loads }: Result): Target[] {
  return [
    ...loads.flatMap((load, at) => {
      const where = `${name}, ${SIZES[at]}`;
      const cpu = (contender: number) => load.cpu[contender] ?? [];
      const added = name.startsWith('Nest') ? ADDED_IN_NEST : ADDED;
      return [
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
  ];
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
