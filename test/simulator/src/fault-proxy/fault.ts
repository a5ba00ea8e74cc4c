import { WebhookError } from '@countersign/core';

/** Which way bytes go: `requests` from the client to the target, `replies` back. */
export type Direction = 'requests' | 'replies';

/**
 * What happens to the bytes of one direction. It also applies to open connections.
 *
 * - `delay`: every piece arrives `delayMs` late, in order.
 * - `black-hole`: taken and dropped, and so is the end of the stream. What was swallowed is lost: cut the connections before you
 *   heal.
 * - `trickle`: `bytes` at a time, `intervalMs` apart.
 * - `cut`: the connection ends at the next byte, or after `afterBytes` more of this direction, counted over all connections. That
 *   byte is not passed on. So a cut of `requests` comes before the request arrives, a cut of `replies` after it was carried out.
 *   `how` is {@link CutKind}; with `once`, later bytes pass.
 */
export type Fault =
  | { readonly type: 'delay'; readonly delayMs: number }
  | { readonly type: 'black-hole' }
  | { readonly type: 'trickle'; readonly bytes: number; readonly intervalMs: number }
  | {
      readonly type: 'cut';
      /** Default: `reset`. */
      readonly how?: CutKind;
      /** Default: 0. */
      readonly afterBytes?: number;
      /** Default: `false`. */
      readonly once?: boolean;
    };

/**
 * How a connection ends: `reset` (RST to both sides), `end` (FIN to both sides), or `half-close` (FIN to the receiver of that
 * direction; the other direction goes on).
 */
export type CutKind = 'reset' | 'end' | 'half-close';

const KINDS: readonly unknown[] = ['reset', 'end', 'half-close'];

/** Refuses a fault that would do nothing, or that is a mistake. */
export function checkFault(fault: Fault): void {
  switch (fault?.type) {
    case 'delay':
      checkNumber('delayMs', fault.delayMs, 0);
      break;
    case 'black-hole':
      break;
    case 'trickle':
      checkCount('bytes', fault.bytes, 1);
      checkNumber('intervalMs', fault.intervalMs, 0);
      break;
    case 'cut':
      checkCutKind(fault.how ?? 'reset');
      checkCount('afterBytes', fault.afterBytes ?? 0, 0);
      break;
    default:
      throw refuse('"type" of a fault must be delay, black-hole, trickle or cut.');
  }
}

export function checkDirection(direction: Direction): void {
  if (direction !== 'requests' && direction !== 'replies') {
    throw refuse('The direction must be "requests" or "replies".');
  }
}

export function checkCutKind(how: CutKind): void {
  if (!KINDS.includes(how)) throw refuse('"how" must be reset, end or half-close.');
}

function checkNumber(name: string, value: unknown, min: number): void {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min) {
    throw refuse(`"${name}" must be a number from ${min}.`);
  }
}

function checkCount(name: string, value: unknown, min: number): void {
  if (!Number.isInteger(value) || Number(value) < min)
    throw refuse(`"${name}" must be a whole number from ${min}.`);
}

export function refuse(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}
