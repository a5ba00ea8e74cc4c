import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Formula, type Received, receive, type Steps, stepsOf } from './by-hand.ts';
import type { Host } from './hosts.ts';
import type { StartReceiver } from './ours.ts';

/** A receiver with one mistake that people make. */
export interface PlantedFault {
  /** What its author did. */
  readonly mistake: string;
  readonly host: string;
  readonly sender: string;
  /** The row that names it. */
  readonly row: string;
  /** Rows that fail with it, because the same mistake breaks them too. */
  readonly consequences?: readonly (string | RegExp)[];
  readonly start: StartReceiver;
}

const FORGED = [
  /^altered-/,
  'unsigned',
  'empty-signature',
  'other-delivery',
  'missing-signed-header',
  'signature-start',
  'signature-longer',
];
export const MALFORMED = [
  /^(?:short|long|odd|non-ascii|huge|repeated)-signature$/,
  'unknown-version',
  'odd-time',
];
const HARMLESS = ['empty-post', 'malformed-json', 'not-utf8', 'no-content-type', 'compressed-junk'];
export const EVERYTHING = [
  ...FORGED,
  ...MALFORMED,
  ...HARMLESS,
  /^key-/,
  'stale',
  'future',
  'flood',
  'oversized',
  'connection-reuse',
  'retry',
  'handshake-forged',
];

export const on = (host: Host, formula: Formula, faults: Partial<Steps> = {}): StartReceiver => {
  return (setup) => {
    const steps = stepsOf(formula, faults);
    return host((request) => receive(request, steps, setup));
  };
};

/** Compares as examples do: it throws if the lengths differ. */
export const throwing = (given: string, expected: string) =>
  timingSafeEqual(Buffer.from(given), Buffer.from(expected));

export const githubMac = (secret: string, body: Buffer | string) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
export const githubHeader = ({ headers }: Received) => headers['x-hub-signature-256'] ?? '';
