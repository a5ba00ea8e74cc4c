import { faults, type Outcome, ratePerSecond } from './outcome.ts';
import type { RotationOrder } from './rotations.ts';
import { total } from './tally.ts';

const ORDER_TEXT: Readonly<Record<RotationOrder, string>> = {
  'next first': 'the store (as `next`), then the vendor, then promoted, by @countersign/rotation',
  announced: 'announced, then the vendor, then the store, by @countersign/rotation',
  unannounced: 'the vendor, then the store, unannounced, by hand',
};

/** The end of a run in plain words. */
export function summary(outcome: Outcome): string {
  const found = faults(outcome);
  return [
    ...deliveries(outcome),
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

function deliveries(outcome: Outcome): string[] {
  const { rows, refusals, waits, loadSeconds } = outcome;
  const { sent, handled, by, lost, twice, forged } = total(rows.map(([, count]) => count));
  const answers = Object.entries(refusals).map(([answer, times]) => `${answer} ${times} times`);
  const senders = `${rows.length} endpoints at five vendors`;
  return [
    `Deliveries: ${senders} sent ${sent} in ${loadSeconds.toFixed(1)} s, ${ratePerSecond(outcome).toFixed(0)} a second.`,
    `  Handled ${handled}. Lost ${lost}. Run twice ${twice}. Forged and accepted ${forged}.`,
    `  Signed with the current secret ${by.current}, with a previous one ${by.previous}, with the next one ${by.next}.`,
    waits.count === 0
      ? '  Each was accepted at the first attempt.'
      : `  ${waits.count} were not accepted at the first attempt and were retried; the slowest ${(waits.slowestMs / 1000).toFixed(1)} s later.`,
    ...(answers.length === 0 ? [] : [`  Responses other than success: ${answers.join(', ')}.`]),
  ];
}

function rotations({ rotated, badPushes, processes }: Outcome): string[] {
  const lines = rotated.map(({ endpoint, secret, orders }) => {
    const name = `${endpoint}, ${secret} secret:`.padEnd(36);
    return `  ${name}${orders.length} (${orders.join(', ')})`;
  });
  const used = new Set(rotated.flatMap(({ orders }) => orders));
  const all = rotated.reduce((sum, { orders }) => sum + orders.length, 0);
  return [
    `${all} rotations of ${rotated.length} secrets under load.`,
    ...lines,
    ...Object.entries(ORDER_TEXT).flatMap(([order, text]) =>
      [...used].some((one) => one === order) ? [`  ${order}: ${text}.`] : [],
    ),
    ...badPushes.map(
      ({ endpoint, refusedBy, code, handledMeanwhile }) =>
        `Bad push: an empty secret in the file of ${endpoint} was refused by ${refusedBy} of ${processes} processes (${code});\n` +
        `  they went on with the last good set and handled ${handledMeanwhile} deliveries until the file was mended.`,
    ),
  ];
}

function forgeries(outcome: Outcome): string[] {
  const counts = [...outcome.forgeries];
  const sent = counts.reduce((sum, [, count]) => sum + count.sent, 0);
  const genuine = total(outcome.rows.map(([, count]) => count)).sent;
  const share = (100 * sent) / Math.max(1, sent + genuine);
  return [
    `Forger: ${sent} requests, ${share.toFixed(0)} % of the traffic.`,
    ...counts.map(([forgery, count]) =>
      forgery === 'replay'
        ? `  ${forgery}: ${count.sent}, of which ${count.succeeded} got a response 200 without another run`
        : `  ${forgery}: ${count.sent}, of which ${count.succeeded} got a success`,
    ),
  ];
}

function limits({ processes, sharesStore }: Outcome): string[] {
  return [
    'What this run shows, and what it does not:',
    `  Rotation was shown on ${processes} processes that share a secrets file per endpoint and reload it each on its own.`,
    ...(sharesStore
      ? [
          '  So were replays: both remember deliveries in one Redis, and each request went to whichever process came next.',
        ]
      : [
          '  Replays were shown on each process by itself: the balancer pinned a delivery, its retries and its replays to',
          '  one process by a hash of the body. With a Redis (REDIS_URL) the processes share a replay store instead.',
        ]),
    '  No process was restarted or lost. The senders are simulated by what their vendors document; what is not',
    '  documented is assumed, and hours between attempts are compressed to seconds.',
  ];
}
