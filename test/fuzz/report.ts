import type { Violation } from './properties.ts';
import type { FuzzRequest } from './request.ts';

/** How many failures of one property are printed. */
const MOST_PRINTED = 3;
/** How many failures end the run. */
const MOST_FAILURES = 1000;

/** What a run has counted and found. */
export class Report {
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #printed = new Map<string, number>();
  #failures = 0;
  #kind = '';
  inputs = 0;

  begin(kind: string): void {
    this.#kind = kind;
    this.inputs = 0;
    this.#counts.set(kind, new Map());
  }

  count(what: string): void {
    const counts = this.#counts.get(this.#kind);
    counts?.set(what, (counts.get(what) ?? 0) + 1);
  }

  /** One request was checked. */
  input(): void {
    this.inputs += 1;
    this.count('inputs');
  }

  /** Prints the first failures of each property, with what makes it again. */
  failure(batch: number, of: string, violation: Violation, requests: readonly FuzzRequest[]): void {
    this.count(`FAILED: ${violation.property}`);
    this.#failures += 1;
    const kind = `${violation.property}${this.#kind === 'presets' ? of : ''}`;
    const printed = this.#printed.get(kind) ?? 0;
    this.#printed.set(kind, printed + 1);
    if (printed >= MOST_PRINTED) return;
    console.log(`\nFAILED: ${violation.property}\n  ${violation.detail}\n  definition: ${of}`);
    for (const { method, url, headers, body } of requests)
      console.log(`  request: ${JSON.stringify({ method, url, headers, body: body.toString('latin1') })}`);
    console.log(`  again: npm run fuzz -- --only ${this.#kind} --batch ${batch}`);
  }

  get isFull(): boolean {
    return this.#failures >= MOST_FAILURES;
  }

  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  print(seconds: number): void {
    let inputs = 0;
    for (const [kind, counts] of this.#counts) {
      inputs += counts.get('inputs') ?? 0;
      const line = [...counts].map(([what, count]) => `${what} ${count.toLocaleString('en')}`).join(', ');
      console.log(`${kind}: ${line}`);
    }
    const summary = this.hasFailed ? `${this.#failures} failures` : 'nothing found';
    console.log(`${inputs.toLocaleString('en')} inputs in ${seconds.toFixed(1)} s: ${summary}`);
  }
}
