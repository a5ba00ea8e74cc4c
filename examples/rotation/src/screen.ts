import { type Count, total } from './tally.ts';

/** What the screen shows at one moment. */
export interface View {
  readonly elapsedSeconds: number;
  readonly rows: readonly (readonly [endpoint: string, count: Count])[];
  readonly rotations: number;
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
const LEAST_ROWS = 20;
const PLAIN_EVERY_SECONDS = 3;
const NAME_WIDTH = 13;
const COLUMNS: readonly (readonly [title: string, width: number, value: (count: Count) => number])[] = [
  ['sent', 6, ({ sent }) => sent],
  ['handled', 9, ({ handled }) => handled],
  ['again', 7, ({ retried }) => retried],
  ['early', 7, ({ early }) => early],
  ['forged', 8, ({ forgeriesRefused }) => forgeriesRefused],
  ['LOST', 9, ({ lost }) => lost],
  ['TWICE', 8, ({ twice }) => twice],
  ['LET IN', 9, ({ forged }) => forged],
];

/** The table as lines of at most 79 characters. */
export function table(rows: View['rows']): string[] {
  const line = (name: string, cells: readonly string[]) =>
    name.padEnd(NAME_WIDTH) + cells.map((cell, index) => cell.padStart(COLUMNS[index]?.[1] ?? 0)).join('');
  const row = (name: string, count: Count) =>
    line(
      name,
      COLUMNS.map(([, , value]) => String(value(count))),
    );
  return [
    `${'sent  ---- refused ----'.padStart(50)}${'must stay at 0'.padStart(26)}`,
    line(
      'sender',
      COLUMNS.map(([title]) => title),
    ),
    ...rows.map(([name, count]) => row(name, count)),
    row('all', total(rows.map(([, count]) => count))),
  ];
}

/** One line of at most 79 characters about the whole run. */
export function progressLine({ elapsedSeconds, rows, rotations }: View): string {
  const { sent, handled, forgeriesRefused, lost, twice, forged } = total(rows.map(([, count]) => count));
  const bad = [
    ...(lost > 0 ? [`${lost} LOST`] : []),
    ...(twice > 0 ? [`${twice} TWICE`] : []),
    ...(forged > 0 ? [`${forged} LET IN`] : []),
  ];
  const verdict = bad.length === 0 ? '' : `  ${bad.join(' ')}`;
  return `${elapsedSeconds.toFixed(0).padStart(3)} s  ${sent} sent, ${handled} handled, ${forgeriesRefused} forgeries refused, ${rotations} rotations${verdict}`;
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

  /** Tells what has just happened. Without a terminal it gets a line of its own. */
  tell(event: string): void {
    if (this.#timer === undefined || this.#inPlace) return;
    const { elapsedSeconds } = this.#view();
    this.#out.write(`${`${elapsedSeconds.toFixed(0).padStart(3)} s  * ${event}`.slice(0, WIDTH)}\n`);
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
    if (this.#inPlace) {
      this.#draw();
      return;
    }
    const view = this.#view();
    if (view.elapsedSeconds < this.#plainAt) return;
    this.#plainAt = view.elapsedSeconds + PLAIN_EVERY_SECONDS;
    this.#out.write(`${progressLine(view)}\n`);
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
}
