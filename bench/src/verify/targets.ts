import { differences, isEqual, printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, atLeast, atMost, type Target } from '../report/report.ts';
import { BY_HAND, type Field, LIMIT, OURS } from './field.ts';
import { SIZES } from './sizes.ts';

/** The fields of one sender, by size. */
export interface Results {
  readonly name: string;
  readonly fields: readonly Field[];
}

const OVER_BY_HAND = 0.1;
const OVER_BY_HAND_MICROSECONDS = 3;

/** What verifying is to cost. */
export function targetsOf(results: readonly Results[]): Target[] {
  return [
    ...results.map(overByHand),
    ...results.flatMap(peersOf),
    ...timesFaster(results, 'stripe verifyHeader', 3),
    ...timesFaster(results, 'standardwebhooks', 10),
    ...results.map(invalidOverValid),
  ];
}

function overByHand({ name, fields }: Results): Target {
  const sizes = fields.map((field, size) => {
    const ours = field.of('valid', OURS);
    const reference = field.of('valid', BY_HAND);
    const over = differences(ours, reference).median;
    const share = ratios(ours, reference).median - 1;
    const allowed = Math.max(OVER_BY_HAND_MICROSECONDS, OVER_BY_HAND * spreadOf(reference).median);
    return { size: sizeName(size), over, share, used: over / allowed };
  });
  const worst = sizes.reduce((a, b) => (b.used > a.used ? b : a));
  return {
    name: `${name}: over the code by hand`,
    limit: `at most the larger of ${OVER_BY_HAND * 100} % and ${OVER_BY_HAND_MICROSECONDS} µs at every size`,
    measured: `${amount(worst.over)} µs (${amount(worst.share * 100)} %) at ${worst.size}`,
    met: worst.used <= 1,
  };
}

function peersOf({ name, fields }: Results): Target[] {
  const peers = (fields[0]?.names ?? []).filter((each) => ![BY_HAND, OURS, LIMIT].includes(each));
  return peers.map((peer) => {
    const sizes = fields.map((field, size) => ({
      size: sizeName(size),
      slower: ratios(field.of('valid', peer), field.of('valid', OURS)),
    }));
    const worst = sizes.reduce((a, b) => (b.slower.median < a.slower.median ? b : a));
    const equal = isEqual(worst.slower);
    return {
      name: `${name}: time of ${peer} over ours`,
      limit: 'above 1, or equal, at every size',
      measured: `${printRatio(worst.slower)}${equal ? ' = equal' : ''} at ${worst.size}`,
      met: equal || worst.slower.median > 1,
    };
  });
}

function timesFaster(results: readonly Results[], peer: string, times: number): Target[] {
  const last = SIZES.length - 1;
  return results.flatMap(({ name, fields }) => {
    const field = fields[last];
    if (field?.names.includes(peer) !== true) return [];
    const slower = ratios(field.of('valid', peer), field.of('valid', OURS)).median;
    return [atLeast(`${name}: time of ${peer} over ours at ${sizeName(last)}`, slower, times)];
  });
}

function invalidOverValid({ name, fields }: Results): Target {
  const worst = fields
    .map((field, size) => ({
      size: sizeName(size),
      ratio: ratios(field.of('invalid', OURS), field.of('valid', OURS)).median,
    }))
    .reduce((a, b) => (b.ratio > a.ratio ? b : a));
  return atMost(`${name}: invalid over valid, worst at ${worst.size}`, worst.ratio, 1.2);
}

function sizeName(index: number): string {
  return SIZES[index]?.name ?? '';
}
