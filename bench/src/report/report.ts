/** What a benchmark found. It only measures: other files print, write and draw it. */
export interface Report {
  readonly title: string;
  /** How the numbers are to be read, a paragraph each. */
  readonly head: readonly string[];
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  readonly targets: readonly Target[];
  /** What was left out, and why. */
  readonly omitted: readonly string[];
  /** What must not happen on any machine: the command fails. Never contains times. */
  readonly faults: readonly string[];
}

/** Rows of text under a caption. */
export interface Table {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Bars in groups: for each category one bar of each series. */
export interface Chart {
  readonly title: string;
  /** What the axis counts. */
  readonly unit: string;
  readonly categories: readonly string[];
  /** `undefined`: there is no such bar. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
  /** For values that differ by orders of magnitude. */
  readonly logarithmic?: boolean;
}

/** A target, and the result of this run. */
export interface Target {
  readonly name: string;
  readonly limit: string;
  readonly measured: string;
  readonly met: boolean;
}

/** A benchmark by its name; `progress` is told what is under way. */
export type Benchmark = (progress: (line: string) => void) => Promise<Report>;

/** A target on a number that must not be larger than a limit. */
export function atMost(name: string, measured: number, limit: number, unit = ''): Target {
  return {
    name,
    limit: `at most ${amount(limit)}${unit}`,
    measured: `${amount(measured)}${unit}`,
    met: measured <= limit,
  };
}

/** A target on a number that must not be smaller than a limit. */
export function atLeast(name: string, measured: number, limit: number, unit = ''): Target {
  return {
    name,
    limit: `at least ${amount(limit)}${unit}`,
    measured: `${amount(measured)}${unit}`,
    met: measured >= limit,
  };
}

/** A number with the digits that mean something. */
export function amount(value: number): string {
  if (!Number.isFinite(value)) return '?';
  const size = Math.abs(value);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}
