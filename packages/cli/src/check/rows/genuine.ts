import { describe, kindOf } from '../answer-kinds.ts';
import type { Delivery } from '../delivery.ts';
import { type Finding, fault, notJudged, ok } from '../finding.ts';
import type { Probe } from '../probe.ts';
import type { Row } from '../row.ts';
import { withOtherEntry } from '../signature-text.ts';

export const genuineRows: readonly Row[] = [
  {
    name: 'genuine',
    group: 'genuine',
    title: 'A genuine delivery is accepted, and its handler runs once',
    severity: 'critical',
    why: 'Every event is lost. The other rows can judge little.',
    fix: "Check the secret first, with: countersign explain. A handler that refuses unknown events needs one of its own: pass --body, and --header for the event's name. If the sender signs the URL, pass the one that you gave it with --public-url.",
    countsRuns: true,
    judge: firstGenuine,
  },
  {
    name: 'answer-time',
    group: 'genuine',
    title: 'The answer comes before the sender gives up',
    severity: 'medium',
    why: 'A sender that has given up counts the delivery as failed and sends it again, although it was handled.',
    fix: 'Verify, store the event or put it into a queue, respond, and do the work afterwards.',
    countsRuns: false,
    async judge(probe) {
      if (probe.noGenuine !== undefined) return probe.noGenuine;
      const limit = probe.limitSeconds;
      let fastestMs = probe.slowestMs;
      // One slow answer may be a cold start, or a busy machine.
      for (let tries = 0; tries < 2 && fastestMs > limit * 1000; tries++) {
        const { ms } = await probe.send(probe.sender.delivery());
        await probe.runs?.since(1);
        fastestMs = Math.min(fastestMs, ms);
      }
      const seen = `answered within ${(fastestMs / 1000).toFixed(2)} s; ${
        probe.sender.scheme.delivery.timeoutSeconds === undefined
          ? `the sender does not say how long it waits, so ${limit} s are assumed`
          : `the limit is ${limit} s`
      }`;
      return fastestMs > limit * 1000 ? fault(seen) : ok(seen);
    },
  },
  {
    name: 'acknowledgement',
    group: 'genuine',
    title: 'The response is the one that the sender accepts as success',
    severity: 'high',
    why: 'This sender reads the response. It takes any other one for a failure and sends the delivery again.',
    fix: "Respond as the sender's page in the catalogue says.",
    countsRuns: false,
    async judge(probe) {
      const { acknowledgement } = probe.sender.scheme.delivery;
      if (acknowledgement === undefined) return undefined;
      if (probe.noGenuine !== undefined) return probe.noGenuine;
      const answer = await probe.send(probe.sender.delivery());
      await probe.runs?.since(1);
      if (kindOf(answer) !== 'accepted') return fault(describe(answer));
      return answer.status === 200 && answer.body.trim() === acknowledgement.body.trim()
        ? ok('the response is the expected one')
        : fault(`${describe(answer)}, with a body other than the expected one`);
    },
  },
  {
    name: 'recent-time',
    group: 'genuine',
    title: 'A delivery that was signed a while ago, but within the tolerance, is accepted',
    severity: 'high',
    why: 'Queues, retries and clocks that differ delay deliveries. Those would be lost.',
    fix: "Accept the sender's tolerance, usually 300 seconds.",
    countsRuns: true,
    async judge(probe) {
      const { freshness } = probe.sender.scheme;
      if (freshness.signed !== 'header') return undefined;
      return probe.accepted(
        probe.sender.delivery({ ageSeconds: Math.floor(Math.min(freshness.past / 2, 120)) }),
      );
    },
  },
  {
    name: 'header-case',
    group: 'genuine',
    title: 'Header names are read in any letter case',
    severity: 'medium',
    why: 'Proxies and HTTP/2 change the letter case of header names. Deliveries would be lost when one is put in front.',
    fix: "Read headers through your framework's own function, which ignores the letter case.",
    countsRuns: true,
    async judge(probe) {
      const delivery = probe.sender.delivery();
      const shout = ([name, value]: readonly [string, string]) => [name.toUpperCase(), value] as const;
      const first = await probe.accepted({ ...delivery, headers: delivery.headers.map(shout) });
      if (first?.verdict !== 'ok') return first;
      const other = probe.sender.delivery();
      const whisper = ([name, value]: readonly [string, string]) => [name.toLowerCase(), value] as const;
      return probe.accepted({ ...other, headers: other.headers.map(whisper) });
    },
  },
  {
    name: 'several-signatures',
    group: 'genuine',
    title: 'One right signature among several is enough',
    severity: 'high',
    why: 'During a rotation the sender signs with the old and the new secret. Every delivery of that time would be lost.',
    fix: 'Compare each entry of the signature header, and accept the delivery if one matches.',
    countsRuns: true,
    async judge(probe) {
      const { sender } = probe;
      const delivery = sender.delivery();
      if (delivery.input === undefined || sender.rule.signature.list === undefined) return undefined;
      const other = sender.signed({ ...delivery.input, secret: sender.foreignSecret });
      return probe.accepted(withOtherEntry(delivery, other, sender.rule));
    },
  },
  {
    name: 'previous-secret',
    group: 'genuine',
    title: 'A delivery that is signed with the previous secret is accepted',
    severity: 'high',
    why: 'Retries and deliveries on their way still carry the old signature when you rotate the secret. They would be lost.',
    fix: 'Keep the old secret beside the new one for as long as the sender retries.',
    countsRuns: true,
    async judge(probe) {
      const { previous } = probe.sender;
      if (previous === undefined)
        return probe.sender.canSign
          ? notJudged(
              'there is no previous secret: set NAME_PREVIOUS beside the variable of --secret-env, or use a JSON file',
            )
          : undefined;
      return probe.accepted(probe.sender.delivery({ secret: previous }));
    },
  },
  {
    name: 'distinct',
    group: 'genuine',
    title: 'Different deliveries at the same moment all run',
    severity: 'high',
    why: 'Events that look like others are taken for duplicates and lost.',
    fix: 'Recognize a duplicate by the signed id, or by the whole body if no id is signed: never by its time, type or length.',
    countsRuns: true,
    async judge(probe) {
      if (probe.noGenuine !== undefined) return probe.noGenuine;
      const timestamp = Date.now() / 1000;
      const deliveries = [1, 2, 3].map(() => probe.sender.delivery({ timestamp }));
      return allRun(probe, deliveries);
    },
  },
  {
    name: 'same-content',
    group: 'genuine',
    title: 'Two events with the same content and different signed ids both run',
    severity: 'medium',
    why: 'The second event is taken for a duplicate and lost.',
    fix: 'Recognize a duplicate by the signed id alone.',
    countsRuns: true,
    async judge(probe) {
      const { sender } = probe;
      if (sender.scheme.definition.identity !== 'id') return undefined;
      if (probe.noGenuine !== undefined) return probe.noGenuine;
      const first = sender.delivery();
      const second = sender.delivery({ body: first.body });
      if (await probe.reference.isRepeat(first, second)) return undefined;
      return allRun(probe, [first, second]);
    },
  },
];

/** The first delivery decides how the next ones look, and whether refusals mean anything. */
async function firstGenuine(probe: Probe): Promise<Finding> {
  const { sender, runs } = probe;
  if (!sender.canSign) return probe.noGenuine;
  let answer = await probe.send(sender.delivery());
  if (kindOf(answer) === 'refused' && !sender.bodies.isForm) {
    // A receiver that writes the body anew in its own style accepts only that one. The rows about bytes will say so.
    sender.bodies.style = 'spaced';
    const again = await probe.send(sender.delivery());
    if (kindOf(again) === 'accepted') answer = again;
    else sender.bodies.style = 'compact';
  }
  probe.slowestMs = answer.ms;
  probe.genuineIsAccepted = kindOf(answer) === 'accepted';
  if (!probe.genuineIsAccepted) {
    await runs?.since(0);
    return fault(describe(answer));
  }
  const finding = await probe.ranExactly(1, describe(answer));
  if (finding?.verdict !== 'fault') return finding;
  return fault(`${finding.seen} (or --ran counts something else)`);
}

async function allRun(probe: Probe, deliveries: readonly Delivery[]): Promise<Finding> {
  const answers = await Promise.all(deliveries.map((delivery) => probe.send(delivery)));
  const bad = answers.find((answer) => kindOf(answer) !== 'accepted');
  if (bad !== undefined) {
    await probe.runs?.since(deliveries.length);
    return fault(`one of ${deliveries.length} was ${describe(bad)}`);
  }
  return probe.ranExactly(deliveries.length, `all were answered ${answers[0]?.status}`);
}
