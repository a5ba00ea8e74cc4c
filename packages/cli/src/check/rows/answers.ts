import { describe, kindOf } from '../answer-kinds.ts';
import { type Finding, fault, notJudged, ok } from '../finding.ts';
import type { Leak } from '../leaks.ts';
import type { Probe } from '../probe.ts';
import type { Row } from '../row.ts';

/** Judged after all others: they look back at every answer. */
export const answerRows: readonly Row[] = [
  {
    name: 'refusal-status',
    group: 'answers',
    title: 'Forgeries are answered with 4xx',
    severity: 'medium',
    why: 'With 500, or without an answer, the sender retries what can never succeed, anybody can fill your logs and alarms, and a load balancer may take the instance out.',
    fix: 'Catch what the verification throws, and respond with 401. 503 with Retry-After is right while the secret is unknown.',
    countsRuns: false,
    judge: async (probe) => refusals(probe, ({ kind }) => kind !== 'accepted' && kind !== 'refused', true),
  },
  {
    name: 'refusal-acknowledged',
    group: 'answers',
    title: 'What is refused is not answered with 2xx',
    severity: 'medium',
    why: 'The sender takes 2xx for success. Real events that are refused, because a secret was rotated or a clock is off, are lost without a trace.',
    fix: 'Respond with 401.',
    countsRuns: true,
    async judge(probe) {
      // Without counted runs, every such answer is a fault of its own row.
      if (probe.runs === undefined) return notJudged('runs were not counted: pass --ran');
      return refusals(probe, ({ kind }) => kind === 'accepted', false);
    },
  },
  {
    name: 'refusal-gone',
    group: 'answers',
    title: 'Forgeries are not answered with 410',
    severity: 'high',
    why: 'Senders disable an endpoint that says 410 Gone. A single delivery with an old secret would end all of them.',
    fix: 'Respond with 401.',
    countsRuns: false,
    judge: async (probe) =>
      refusals(probe, ({ kind, seen }) => kind === 'refused' && seen.endsWith('410'), false),
  },
  {
    name: 'refusal-401',
    group: 'answers',
    title: 'A wrong signature is answered with 401',
    severity: 'high',
    why: 'This sender tests its receivers with wrong signatures, and accepts only 401. Otherwise it disables the endpoint.',
    fix: 'Respond with 401.',
    countsRuns: false,
    async judge(probe) {
      const { sender } = probe;
      if (sender.scheme.delivery.demands401 !== true) return undefined;
      const answer = await probe.send(sender.delivery({ secret: sender.foreignSecret }));
      await probe.runs?.since(0);
      // These are faults with rows of their own.
      if (kindOf(answer) !== 'refused') return notJudged(describe(answer));
      return answer.status === 401 ? ok(describe(answer)) : fault(describe(answer));
    },
  },
  leakRow('leak-secret', 'secret', {
    title: 'No response contains the secret',
    severity: 'critical',
    why: 'Whoever reads it can sign anything.',
    fix: 'Never put the secret, or an object that contains it, into a response. Replace this secret now.',
  }),
  leakRow('leak-signature', 'signature', {
    title: 'No response contains the signature that would have been right',
    severity: 'critical',
    why: 'Anybody can send a body, read its right signature from the refusal, and send both.',
    fix: 'Say nothing but "refused". Put the reason into your logs, and never the expected signature.',
  }),
  leakRow('leak-stack', 'stack', {
    title: 'No response contains a stack trace',
    severity: 'low',
    why: 'It shows strangers which versions and paths you use.',
    fix: 'Set NODE_ENV=production, switch the debug mode off, or respond to errors yourself.',
  }),
];

function refusals(
  probe: Probe,
  isOdd: (answer: Probe['oddAnswers'][number]) => boolean,
  ordinaryOnly: boolean,
): Finding {
  const odd = probe.oddAnswers.filter(isOdd);
  // Errors for malformed requests alone are faults of their own rows.
  if (
    odd.length === 0 ||
    (ordinaryOnly && !probe.failsOnForgeries && odd.every(({ kind }) => kind !== 'redirected'))
  )
    return ok('none of them was');
  const rows = [...new Set(odd.map(({ row }) => row))];
  const shown = rows.slice(0, 4).join(', ') + (rows.length > 4 ? ` and ${rows.length - 4} more rows` : '');
  return fault(`${[...new Set(odd.map(({ seen }) => seen))].join(', ')} (${shown})`);
}

function leakRow(name: string, leak: Leak, texts: Pick<Row, 'title' | 'severity' | 'why' | 'fix'>): Row {
  return {
    name,
    group: 'answers',
    ...texts,
    countsRuns: false,
    async judge(probe) {
      const rows = [
        ...new Set(probe.leaks.found.filter((found) => found.leak === leak).map(({ row }) => row)),
      ];
      if (rows.length === 0) return ok(`none of ${probe.requests} responses does`);
      return fault(
        `found in responses of ${rows.slice(0, 4).join(', ')}${rows.length > 4 ? ` and ${rows.length - 4} more rows` : ''}`,
      );
    },
  };
}

/** Judged last: whether something ran after its row was judged. */
export const lateRunsRow: Row = {
  name: 'late-runs',
  group: 'answers',
  title: 'No handler runs after its delivery was judged',
  severity: 'medium',
  why: 'Some run came too late to be counted in its row: rows that say that the handler did not run may be wrong.',
  fix: 'Run the check again while the receiver has nothing else to do. If a queue runs the handler, let --ran count what is put into the queue.',
  countsRuns: true,
  async judge(probe) {
    const { runs } = probe;
    if (runs === undefined) return notJudged('runs were not counted: pass --ran');
    const waitMs = Math.max(10 * runs.settleMs, 500);
    const late = await runs.since(0, waitMs);
    const seen = `waited ${(waitMs / 1000).toFixed(1)} s at the end`;
    return late === 0 ? ok(`${seen}; nothing ran`) : fault(`${seen}; ${late} more runs`);
  },
};
