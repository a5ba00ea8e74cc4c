import { type Count, total } from './tally.ts';

/** What the screen shows at one moment. */
export interface View {
  readonly elapsedSeconds: number;
  readonly rows: readonly (readonly [endpoint: string, count: Count])[];
  readonly lastEvent: string;
}

/** Where the screen is written to: `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const WIDTH = 79;
const LEAST_ROWS = 16;
const PLAIN_EVERY_SECONDS = 3;
const COLUMNS: readonly (readonly [title: string, width: number, value: (count: Count) => number])[] = [
  ['sent', 6, ({ sent }) => sent],
  ['handled', 8, ({ handled }) => handled],
  ['current', 8, ({ by }) => by.current],
  ['prev.', 6, ({ by }) => by.previous],
  ['next', 5, ({ by }) => by.next],
  ['retried', 8, ({ retried }) => retried],
  ['refused', 8, ({ refused }) => refused],
  ['lost', 5, ({ lost }) => lost],
  ['twice', 6, ({ twice }) => twice],
  ['forged', 7, ({ forged }) => forged],
];

/** The table as lines of at most 79 characters. */
export function table(rows: View['rows']): string[] {
  const line = (name: string, cells: readonly string[]) =>
    name.padEnd(12) + cells.map((cell, index) => cell.padStart(COLUMNS[index]?.[1] ?? 0)).join('');
  const row = (name: string, count: Count) =>
    line(
      name,
      COLUMNS.map(([, , value]) => String(value(count))),
    );
  return [
    `${'run, by role of key'.padStart(45)}${'must stay at 0'.padStart(34)}`,
    line(
      'endpoint',
      COLUMNS.map(([title]) => title),
    ),
    ...rows.map(([name, count]) => row(name, count)),
    row('all', total(rows.map(([, count]) => count))),
  ];
}

/** Shows the run while it goes on: a table drawn in place on a terminal, a line every few seconds elsewhere. */
export class Screen {
  readonly #out: Output;
  readonly #view: () => View;
  #drawnLines = 0;
  #plainAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(out: Output, view: () => View) {
    this.#out = out;
    this.#view = view;
  }

  start(): void {
    this.#timer = setInterval(() => this.#show(), 250);
  }

  /** Leaves the table standing as it is at the end. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#inPlace) this.#draw();
    else this.#out.write(`\n${table(this.#view().rows).join('\n')}\n`);
  }

  get #inPlace(): boolean {
    const { isTTY = false, columns = 0, rows = 0 } = this.#out;
    return isTTY && columns > WIDTH && rows >= LEAST_ROWS;
  }

  #show(): void {
    if (this.#inPlace) this.#draw();
    else this.#printLine();
  }

  #draw(): void {
    const { elapsedSeconds, rows, lastEvent } = this.#view();
    const lines = [
      ...table(rows),
      '',
      `${elapsedSeconds.toFixed(0).padStart(3)} s  ${lastEvent}`.slice(0, WIDTH),
    ];
    const up = this.#drawnLines === 0 ? '' : `\x1b[${this.#drawnLines}A`;
    this.#out.write(`${up}${lines.map((line) => `\r${line}\x1b[K\n`).join('')}`);
    this.#drawnLines = lines.length;
  }

  #printLine(): void {
    const { elapsedSeconds, rows, lastEvent } = this.#view();
    if (elapsedSeconds < this.#plainAt) return;
    this.#plainAt = elapsedSeconds + PLAIN_EVERY_SECONDS;
    const all = total(rows.map(([, count]) => count));
    const { sent, handled, retried, refused, lost, twice, forged } = all;
    this.#out.write(
      `${elapsedSeconds.toFixed(0).padStart(3)} s: sent ${sent}, handled ${handled}, retried ${retried}, refused ${refused}, ` +
        `lost ${lost}, run twice ${twice}, forged accepted ${forged}. ${lastEvent}\n`,
    );
  }
}
