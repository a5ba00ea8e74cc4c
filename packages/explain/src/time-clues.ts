import type { Scheme } from '@countersign/core';
import type { Freshness, ParsedHead } from '@countersign/core/extend';
import type { CapturedHead } from './captured-request.ts';
import { type Cause, causeOf } from './cause.ts';
import { definitionOf } from './rule-facts.ts';
import { unitVariants } from './rule-variants.ts';
import { type Found, parse, type Trials } from './trials.ts';

const MINUTE = 60;
const HALF_HOUR = 30 * MINUTE;
const DAY = 86_400;
const YEAR_MS = 365 * DAY * 1000;
/** Before this, no sender signed webhooks with a time. */
const EARLIEST = Date.UTC(2010);

/** What is known of the time of a request. */
export interface TimedRequest {
  readonly scheme: Scheme<unknown>;
  readonly head: CapturedHead;
  readonly body: Uint8Array;
  readonly parsed: ParsedHead<unknown> | undefined;
  /** What reproduced the signature, if anything did. */
  readonly found: Found | undefined;
  /** Whether the signature is that of the request as given. */
  readonly isAsGiven: boolean;
  /** When the request was received, in milliseconds since the epoch. */
  readonly now: number;
  readonly freshness: Freshness;
}

/** Why the signed time of a request is outside of the tolerance; nothing if it is within. */
export async function timeCauses(request: TimedRequest, trials: Trials): Promise<readonly Cause[]> {
  const { parsed, found, now, freshness } = request;
  const inBody = found?.match.signedAt;
  const signedAt = inBody === undefined ? parsed?.signedAt : inBody;
  const notAfter = Math.min(...[parsed?.notAfter, found?.match.notAfter].filter((at) => at !== undefined));
  if (notAfter < now) return tooOld((now - notAfter) / 1000, found !== undefined);
  // The body that was found may be of another kind than the one in which the scheme looks for the time.
  if (signedAt === null && !request.isAsGiven) return [];
  if (signedAt === null)
    return [(await otherUnit(request, Number.NaN, trials)) ?? unreadable(request.scheme)];
  if (signedAt === undefined || freshness.signed === 'none') return [];
  const age = Math.floor(now / 1000) - Math.floor(signedAt / 1000);
  if (age <= freshness.past && -age <= freshness.future) return [];
  const unit = await otherUnit(request, signedAt, trials);
  if (unit !== undefined) return [unit];
  return age > 0 ? tooOld(age, found !== undefined) : [ahead(-age, found !== undefined)];
}

/** The time in the unit in which it makes sense. */
async function otherUnit(
  { scheme, head, body, found, now }: TimedRequest,
  signedAt: number,
  trials: Trials,
): Promise<Cause | undefined> {
  const isPlausible = (at: number) => at > EARLIEST && at < now + YEAR_MS;
  if (isPlausible(signedAt)) return undefined;
  for (const { value, findings } of unitVariants(scheme)) {
    const parsed = parse(value, head);
    const match = found && (await trials.match(parsed, body, [found.key]))?.match;
    const at = match?.signedAt ?? parsed?.signedAt;
    const [finding] = findings;
    if (typeof at === 'number' && isPlausible(at) && finding !== undefined)
      return causeOf(finding, match === undefined ? 'likely' : 'proven');
  }
  return undefined;
}

function unreadable(scheme: Scheme<unknown>): Cause {
  const { field, formField } = definitionOf(scheme)?.bodyTimestamp ?? {};
  const name = field ?? formField ?? 'time';
  return causeOf(
    {
      code: 'timestamp-unit',
      message: `The signature is right, but the body has no time in its field "${name}", or not in the unit of the scheme.`,
      evidence: { field: name },
    },
    'likely',
  );
}

function ahead(seconds: number, reproduced: boolean): Cause {
  return causeOf(
    {
      code: 'clock-skew',
      message: `${subject(reproduced)} ${duration(seconds)} in the future, so this machine's clock is behind (or the sender's is ahead).`,
      evidence: { aheadSeconds: seconds },
    },
    reproduced ? 'likely' : 'possible',
  );
}

function tooOld(seconds: number, reproduced: boolean): readonly Cause[] {
  const ageSeconds = Math.round(seconds);
  const late = causeOf(
    {
      code: 'verified-too-late',
      message: `${subject(reproduced)} ${duration(ageSeconds)} before it was verified: it waited in a queue, or a captured request was replayed.`,
      evidence: { ageSeconds },
    },
    reproduced && ageSeconds > DAY ? 'likely' : 'possible',
  );
  // A clock is seldom wrong by more than a day: local time that is taken for UTC makes whole or half hours.
  if (ageSeconds > DAY) return [late];
  const clock = causeOf(
    {
      code: 'clock-skew',
      message: `${subject(reproduced)} ${duration(ageSeconds)} ago by this machine's clock: if it was verified at once, the clock is ahead, or in another time zone.`,
      evidence: { ageSeconds },
    },
    'possible',
  );
  const rest = ageSeconds % HALF_HOUR;
  const isWhole = ageSeconds >= HALF_HOUR && Math.min(rest, HALF_HOUR - rest) <= 2 * MINUTE;
  return isWhole ? [clock, late] : [late, clock];
}

function subject(reproduced: boolean): string {
  return reproduced ? 'The signature is right, but it was made' : 'The request says that it was signed';
}

function duration(seconds: number): string {
  if (seconds < 2 * MINUTE) return `${seconds} seconds`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / MINUTE)} minutes`;
  if (seconds < 2 * DAY) return `${Math.round(seconds / 3600)} hours`;
  return `${Math.round(seconds / DAY)} days`;
}
