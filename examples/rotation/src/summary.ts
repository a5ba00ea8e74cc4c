import type { Forgery } from '@countersign-internal/simulator';
import { faults, type Outcome, ratePerSecond } from './outcome.ts';
import type { RotationOrder } from './rotations.ts';
import { total } from './tally.ts';

const ORDER_TEXT: Readonly<Record<RotationOrder, string>> = {
  'next first': 'the receivers know the new secret before it signs',
  announced: 'the receivers are told first, then the sender makes it',
  unannounced: 'by hand, so that receivers learn of it 0.4 s too late',
};

const FORGERY_TEXT: Readonly<Record<Forgery, string>> = {
  'random-signature': 'a signature made of random bytes',
  'wrong-key': "signed with the attacker's own key",
  'altered-body': 'a genuine signature over another body',
  'missing-signature': 'no signature',
  'stuffed-signature': '500 signatures at once',
  'stale-replay': 'an old genuine request',
  replay: 'a recent genuine request again',
};

/** The end of a run in plain words, in lines of at most 79 characters. */
export function summary(outcome: Outcome): string {
  const found = faults(outcome);
  return [
    ...result(outcome),
    '',
    ...happened(outcome),
    '',
    ...rotations(outcome),
    '',
    ...forgeries(outcome),
    '',
    ...limits(outcome),
    '',
    ...(found.length === 0
      ? ['No delivery was lost, none ran twice, no forgery was accepted.']
      : ['This run FAILED:', ...found.map((fault) => `  - ${fault}`)]),
    '',
  ].join('\n');
}

function result(outcome: Outcome): string[] {
  const { sent, handled, lost, twice, forged } = sumOf(outcome);
  return [
    `In ${outcome.loadSeconds.toFixed(0)} s, ${ratePerSecond(outcome).toFixed(0)} deliveries a second:`,
    item(sent, 'deliveries were sent,'),
    item(handled, 'were handled by the application.'),
    item(lost, 'LOST     (any other number: an event never reached the application)'),
    item(twice, 'TWICE    (any other number: an event was handled two times)'),
    item(forged, 'LET IN   (any other number: a request of the attacker was handled)'),
  ];
}

function happened(outcome: Outcome): string[] {
  const { crash, hungUp, recovered, waits, badPushes, processes } = outcome;
  const { by, early, cut } = sumOf(outcome);
  const waited = waits.count === 0 ? '' : `, within ${(waits.slowestMs / 1000).toFixed(1)} s`;
  const lines = [
    'What happened on the way:',
    item(by.previous, 'had been signed with a secret that was just replaced: accepted.'),
    item(by.next, 'had been signed with a secret published as the next one: accepted.'),
    item(early, 'times a receiver said "not now": the secret was newer than its own, or'),
    more('another process had the delivery in hand.'),
    item(waits.count, `were sent again by their sender and accepted then${waited}.`),
    item(hungUp, 'times a client hung up before it had its response.'),
    item(recovered, 'failed at GitHub, which never retries: recover() had them sent again.'),
  ];
  if (crash !== undefined) {
    const { killedPid, startedPid, seconds } = crash;
    lines.push(
      item(1, `process (${killedPid}) was killed in the middle of its work, and replaced by`),
      more(`another (${startedPid}) ${seconds.toFixed(1)} s later. It had ${cut} deliveries in hand:`),
      more('they were sent again, and handled then.'),
    );
  }
  for (const { endpoint, refusedBy, handledMeanwhile } of badPushes) {
    lines.push(
      item(
        1,
        `empty secret was deployed for ${endpoint}: ${refusedBy} of ${processes} processes refused it,`,
      ),
      more(`kept the last good one, and handled ${handledMeanwhile} deliveries until it was fixed.`),
    );
  }
  return lines;
}

function rotations({ rotated }: Outcome): string[] {
  const orders = rotated.flatMap(({ orders: done }) => done);
  const counts = (Object.keys(ORDER_TEXT) as RotationOrder[]).flatMap((order) => {
    const count = orders.filter((one) => one === order).length;
    return count === 0 ? [] : [item(count, `${order}: ${ORDER_TEXT[order]}`)];
  });
  const fewest = Math.min(...rotated.map(({ orders: done }) => done.length));
  return [
    `${orders.length} rotations of ${rotated.length} secrets, each at least ${fewest} times:`,
    ...counts,
  ];
}

function forgeries(outcome: Outcome): string[] {
  const counts = [...outcome.forgeries];
  const sent = counts.reduce((sum, [, count]) => sum + count.sent, 0);
  const share = (100 * sent) / Math.max(1, sent + sumOf(outcome).sent);
  return [
    `${sent} forged requests, ${share.toFixed(0)} % of the traffic:`,
    ...counts.map(([forgery, count]) => {
      const what = FORGERY_TEXT[forgery];
      return forgery === 'replay'
        ? item(count.sent, `${what}: recognized, not handled again`)
        : item(count.sent, `${what}: ${count.succeeded === 0 ? 'refused' : `${count.succeeded} ACCEPTED`}`);
    }),
  ];
}

function limits({ sharesStore }: Outcome): string[] {
  return [
    'What this does not show: the senders are simulated from their documentation,',
    'and the hours between their attempts are shortened to seconds.',
    ...(sharesStore
      ? []
      : [
          'No Redis was found, so each process remembers its own deliveries, a delivery',
          'always goes to the same process, and none is killed. Set REDIS_URL for that.',
        ]),
  ];
}

function sumOf({ rows }: Outcome) {
  return total(rows.map(([, count]) => count));
}

function item(count: number, text: string): string {
  return `${String(count).padStart(7)}  ${text}`;
}

function more(text: string): string {
  return `${' '.repeat(9)}${text}`;
}
