import { quantile } from './quantile.ts';

/** A median with the quartiles around it. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** The spread of some values. */
export function spreadOf(values: readonly number[]): Spread {
  return { low: quantile(values, 0.25), median: quantile(values, 0.5), high: quantile(values, 0.75) };
}

/** How often `base` goes into `own`, round by round: what disturbs a round disturbs both. */
export function ratios(own: readonly number[], base: readonly number[]): Spread {
  return spreadOf(own.map((value, round) => value / (base[round] ?? Number.NaN)));
}

/** How much more than `base` `own` is, round by round. */
export function differences(own: readonly number[], base: readonly number[]): Spread {
  return spreadOf(own.map((value, round) => value - (base[round] ?? Number.NaN)));
}

/** Whether a ratio shows no difference: 1 is within its spread. */
export function isEqual({ low, high }: Spread): boolean {
  return low <= 1 && 1 <= high;
}

/** A ratio as it is printed. */
export function printRatio(ratio: Spread): string {
  const digits = ratio.median >= 10 ? 1 : 2;
  return `${ratio.median.toFixed(digits)} (${ratio.low.toFixed(digits)}-${ratio.high.toFixed(digits)})`;
}
