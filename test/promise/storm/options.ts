import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { PutBack } from './settings.ts';

export interface StormOptions {
  readonly seed: number;
  readonly deliveries: number;
  readonly seconds: number;
  /** The file that the figures are written to, as JSON. */
  readonly json: string | undefined;
  readonly putBack: PutBack | undefined;
}

const MAX_SEED = 2 ** 31;

/**
 * `--seed 7 --deliveries 2000 --seconds 30 --json result.json --put-back P1`. Without a seed, one is drawn.
 *
 * @throws `Error` for anything else.
 */
export function readOptions(args: readonly string[]): StormOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { seed: text, deliveries: text, seconds: text, json: text, 'put-back': text },
  });
  const putBack = values['put-back'];
  if (putBack !== undefined && putBack !== 'P1' && putBack !== 'P2') {
    throw new Error('--put-back must be P1 or P2.');
  }
  return {
    seed: number('seed', values.seed, randomInt(MAX_SEED), MAX_SEED),
    deliveries: number('deliveries', values.deliveries, 2000, 1_000_000),
    seconds: number('seconds', values.seconds, 30, 86_400),
    json: values.json,
    putBack,
  };
}

function number(name: string, text: string | undefined, fallback: number, most: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Error(`--${name} must be a whole number from 1 to ${most}.`);
}
