/** Samples of one class: count, mean and variance. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
}

export function momentsOf(samples: readonly number[]): Moments {
  const count = samples.length;
  const mean = samples.reduce((sum, value) => sum + value, 0) / count;
  const variance = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { count, mean, variance };
}

/** Welch's t: how far two means lie apart, in units of what chance moves them by. */
export function welch(a: Moments, b: Moments): number {
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count);
}

/** Without the slowest samples, which collections and other processes make: the same bound for every class. */
export function cropped(classes: readonly (readonly number[])[], share: number): number[][] {
  const all = classes.flat().sort((a, b) => a - b);
  const bound = all[Math.floor(all.length * share)] ?? Number.POSITIVE_INFINITY;
  return classes.map((samples) => samples.filter((value) => value <= bound));
}
