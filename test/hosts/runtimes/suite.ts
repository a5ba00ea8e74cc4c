/** Cases that belong together. */
export interface Suite {
  /** The host whose adapter they test, or what else they test. */
  readonly host: string;
  readonly limits: readonly string[];
  readonly cases: readonly { readonly name: string; run(): Promise<void> }[];
}

/** What a suite has shown. */
export interface SuiteResult {
  readonly host: string;
  readonly limits: readonly string[];
  readonly run: number;
  readonly passed: number;
  /** Each with the name of its case. */
  readonly failures: readonly string[];
}

const AT_ONCE = 4;
/** How long a case waits: it only ends what hangs, so it is far above what a busy machine needs. */
export const PATIENCE_MS = 60_000;
/** Longer than any case waits. */
const HUNG_MS = 180_000;

/** Runs suites in the runtime that this process is, and prints a line of JSON for each one when it is done. */
export async function runSuites(suites: readonly Suite[]): Promise<void> {
  for (const { host, limits, cases } of suites) {
    const failures: string[] = [];
    const left = [...cases];
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { name, run } = next;
        await orHung(run()).catch((error: Error) => failures.push(`${name}: ${error.message}`));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const run = cases.length;
    const result: SuiteResult = { host, limits, run, passed: run - failures.length, failures };
    console.log(JSON.stringify(result));
  }
  // What a case has left open must not keep the runtime alive.
  process.exit();
}

/** Reads what {@link runSuites} has printed. */
export function resultsIn(output: string): SuiteResult[] {
  const lines = output.split('\n').filter((line) => line.startsWith('{"host":'));
  return lines.map((line): SuiteResult => JSON.parse(line));
}

/** A result as a line, and one more for each failure. */
export function shown(where: string, { host, limits, run, passed, failures }: SuiteResult): string {
  const declared = limits.length === 0 ? '' : `; limits: ${limits.join(', ')}`;
  const lines = failures.map((failure) => `  FAILED ${failure}`);
  return [`${where}, ${host}: ${run} run, ${passed} passed${declared}`, ...lines].join('\n');
}

function orHung(running: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end after ${HUNG_MS} ms`)), HUNG_MS);
    running.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
