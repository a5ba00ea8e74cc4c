import { parseArgs } from 'node:util';

const DEFAULT_SECONDS = 30;
const LEAST_SECONDS = 5;
const MOST_SECONDS = 3600;

/**
 * How long the load lasts, in seconds: `--seconds 60`. Default: 30.
 *
 * @throws `Error` for anything else.
 */
export function readSeconds(args: readonly string[]): number {
  const { values } = parseArgs({ args: [...args], options: { seconds: { type: 'string' } } });
  const { seconds: text = String(DEFAULT_SECONDS) } = values;
  const seconds = Number(text);
  if (seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS) return seconds;
  throw new Error(`--seconds must be a number from ${LEAST_SECONDS} to ${MOST_SECONDS}.`);
}
