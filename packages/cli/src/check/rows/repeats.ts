import { type AnswerKind, describe, kindOf, ran } from '../answer-kinds.ts';
import { type Delivery, withHeader } from '../delivery.ts';
import { type Answer, delay } from '../exchange.ts';
import { type Finding, fault, notJudged, ok } from '../finding.ts';
import { withField } from '../json-body.ts';
import type { Probe } from '../probe.ts';
import type { Row } from '../row.ts';
import { timeText } from '../sample-body.ts';

const WHY =
  'Senders send a delivery again whenever an answer is lost or late. Whatever the handler does is done twice: a payment, an e-mail, a seat.';
const FIX =
  'Remember handled deliveries by what the sender signs and repeats, in a store that all instances share, and claim a delivery before its handler runs.';
const PARALLEL = 5;
const DUPLICATE_TRIES = 20;

export const timeRows: readonly Row[] = [
  {
    name: 'stale',
    group: 'time',
    title: 'A delivery that was signed long ago is refused',
    severity: 'high',
    why: 'Someone who captured a delivery can send it again after it was forgotten.',
    fix: "Refuse a signed time that is older than the sender's tolerance, usually 300 seconds.",
    countsRuns: true,
    judge: (probe) => signedAt(probe, -3_600),
  },
  {
    name: 'future',
    group: 'time',
    title: 'A delivery that was signed far in the future is refused',
    severity: 'low',
    why: 'A delivery with a future time stays fresh for as long as that, and can be sent again until then.',
    fix: 'Compare the absolute difference between the signed time and the clock.',
    countsRuns: true,
    judge: (probe) => signedAt(probe, 3_600),
  },
];

/** So many seconds beyond the tolerance. */
async function signedAt(probe: Probe, beyond: number): Promise<Finding> {
  const { sender } = probe;
  const { freshness } = sender.scheme;
  if (freshness.signed === 'none') return undefined;
  if (!sender.canSign) return probe.noGenuine;
  const ageSeconds = beyond < 0 ? freshness.past - beyond : -(freshness.future + beyond);
  const { bodyTimestamp } = sender.scheme.definition;
  if (freshness.signed === 'header' || bodyTimestamp === undefined)
    return probe.refused(sender.delivery({ ageSeconds }));
  const { field, unit } = bodyTimestamp;
  const delivery = sender.delivery({ ageSeconds });
  const { input } = delivery;
  if (field === undefined || input === undefined) return probe.refused(delivery);
  const body = withField(Buffer.from(input.body), field, timeText(unit, Date.now() - ageSeconds * 1000));
  return probe.refused(sender.signed({ ...input, body }));
}

export const repeatRows: readonly Row[] = [
  {
    name: 'duplicate',
    group: 'repeats',
    title: 'A delivery that comes twice runs once',
    severity: 'high',
    why: WHY,
    fix: FIX,
    countsRuns: true,
    judge: (probe) => runsOnce(probe, (first) => first),
  },
  {
    name: 'duplicate-answer',
    group: 'repeats',
    title: 'A delivery that was handled before is answered with 2xx',
    severity: 'medium',
    why: 'The sender takes any other answer for a failure. It goes on sending the delivery, and may disable the endpoint.',
    fix: 'Respond to a duplicate as to the first delivery: 200, without running the handler.',
    countsRuns: false,
    async judge(probe) {
      if (probe.sender.scheme.delivery.usesResponse === true) return undefined;
      if (probe.noGenuine !== undefined) return probe.noGenuine;
      const delivery = probe.sender.delivery();
      await probe.send(delivery);
      const answer = await sendUntilSettled(probe, delivery);
      await probe.runs?.since(1);
      return kindOf(answer) === 'accepted' ? ok(describe(answer)) : fault(describe(answer));
    },
  },
  {
    name: 'retry',
    group: 'repeats',
    title: 'A retry with a new time and a new signature runs once',
    severity: 'high',
    why: `${WHY} This sender signs each retry anew.`,
    fix: 'Recognize a duplicate by the signed id or the body. Never by the signature or the time, which differ in each retry.',
    countsRuns: true,
    async judge(probe) {
      const { sender } = probe;
      if (sender.scheme.freshness.signed !== 'header') return undefined;
      return runsOnce(
        probe,
        ({ input }) =>
          input === undefined
            ? undefined
            : sender.signed({ ...input, timestamp: Number(input.timestamp) + 7 }),
        10,
      );
    },
  },
  {
    name: 'new-label',
    group: 'repeats',
    title: 'A captured delivery under a new id that is not signed runs once',
    severity: 'high',
    why: 'This sender does not sign the id in the header. Someone who captured a delivery can send it again under any other.',
    fix: 'Recognize a duplicate by what is signed: the body, or an id in it. Never by a header that is not signed.',
    countsRuns: true,
    async judge(probe) {
      const { unsignedHeaders = {} } = probe.sender.scheme.definition;
      const header = unsignedHeaders.deliveryId;
      if (header === undefined) return undefined;
      return runsOnce(probe, (first) => withHeader(first, header, () => probe.sender.nextId()));
    },
  },
  {
    name: 'parallel',
    group: 'repeats',
    title: `A delivery that comes ${PARALLEL} times at once runs once`,
    severity: 'high',
    why: `${WHY} A check that first looks and then writes lets all of them through.`,
    fix: 'Claim a delivery in one step that only one request can win: INSERT … ON CONFLICT DO NOTHING, or SET … NX.',
    countsRuns: true,
    async judge(probe) {
      if (probe.sender.scheme.delivery.usesResponse === true) return undefined;
      if (probe.noRuns !== undefined) return probe.noRuns;
      const delivery = probe.sender.delivery();
      const answers = await Promise.all(Array.from({ length: PARALLEL }, () => probe.send(delivery)));
      const runs = (await probe.runs?.since(1)) ?? 0;
      const kinds = new Set<AnswerKind>(answers.map(kindOf));
      const seen = `${[...new Set(answers.map(describe))].sort().join(', ')}; ${ran(runs)}`;
      if (runs !== 1) return fault(seen);
      return kinds.has('accepted') ? ok(seen) : fault(`${seen}, and none of them was answered with 2xx`);
    },
  },
];

async function runsOnce(
  probe: Probe,
  again: (first: Delivery) => Delivery | undefined,
  ageSeconds = 0,
): Promise<Finding> {
  const { sender } = probe;
  if (sender.scheme.delivery.usesResponse === true) return undefined;
  if (probe.noRuns !== undefined) return probe.noRuns;
  const first = sender.delivery({ ageSeconds });
  const second = again(first);
  if (second === undefined || !(await probe.reference.isRepeat(first, second))) return undefined;
  const answer = await probe.send(first);
  const runs = (await probe.runs?.since(1)) ?? 0;
  if (kindOf(answer) !== 'accepted' || runs !== 1)
    return notJudged(`the first of the two was ${describe(answer)}, and ${ran(runs)}`);
  const repeated = await sendUntilSettled(probe, second);
  const more = (await probe.runs?.since(0)) ?? 0;
  const seen = `${describe(repeated)} to the second; ${ran(1 + more)}`;
  return more === 0 ? ok(seen) : fault(seen);
}

/** Sends a duplicate. A receiver may still be about to remember the first one, and asks for patience then. */
async function sendUntilSettled(probe: Probe, delivery: Delivery): Promise<Answer> {
  let answer = await probe.send(delivery);
  for (let tries = 1; tries < DUPLICATE_TRIES && [409, 429, 503].includes(answer.status ?? 0); tries++) {
    await delay(probe.pauseMs);
    answer = await probe.send(delivery);
  }
  return answer;
}

const RETRIED = 'The sender takes 2xx for success and never sends the delivery again: the event is lost.';

export const failureRows: readonly Row[] = [
  {
    name: 'failure-answer',
    group: 'failures',
    title: 'A delivery whose handler fails is answered with an error',
    severity: 'critical',
    why: RETRIED,
    fix: 'Let errors of the handler reach the framework, or respond with 500. Do not catch and log them only, and await what you start.',
    countsRuns: false,
    async judge(probe) {
      const delivery = failing(probe);
      if (!isDelivery(delivery)) return delivery;
      const answer = await probe.send(delivery);
      await probe.runs?.since(0);
      return kindOf(answer) === 'accepted' ? fault(describe(answer)) : ok(describe(answer));
    },
  },
  {
    name: 'failure-retry',
    group: 'failures',
    title: 'A delivery whose handler failed runs again when the sender sends it again',
    severity: 'critical',
    why: 'A delivery that is remembered although its handler failed is taken for a duplicate: the event is lost.',
    fix: 'Forget the claim if the handler fails, so that the retry can run.',
    countsRuns: false,
    async judge(probe) {
      const delivery = failing(probe);
      if (!isDelivery(delivery)) return delivery;
      const first = await probe.send(delivery);
      if (kindOf(first) === 'accepted') {
        await probe.runs?.since(0);
        return notJudged(`the first one was ${describe(first)}: see failure-answer`);
      }
      const answer = await sendUntilSettled(probe, delivery);
      await probe.runs?.since(0);
      return kindOf(answer) === 'accepted'
        ? fault(`the first was ${describe(first)}, the retry ${describe(answer)} (its handler always fails)`)
        : ok(`the first was ${describe(first)}, the retry ${describe(answer)}`);
    },
  },
];

function failing(probe: Probe): Delivery | Finding {
  if (probe.noGenuine !== undefined) return probe.noGenuine;
  if (probe.failBody === undefined)
    return notJudged('pass --fail-body with a body with which the handler fails');
  return probe.sender.delivery({ body: probe.sender.bodies.fill(probe.failBody, probe.sender.nextId()) });
}

function isDelivery(value: Delivery | Finding): value is Delivery {
  return value !== undefined && 'headers' in value;
}
