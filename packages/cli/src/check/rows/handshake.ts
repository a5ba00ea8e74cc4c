import type { HandshakeRule } from '@countersign/core/extend';
import { describe, kindOf } from '../answer-kinds.ts';
import type { Delivery, Pair } from '../delivery.ts';
import { type Finding, fault, notJudged, ok } from '../finding.ts';
import { setField } from '../json-body.ts';
import type { Probe } from '../probe.ts';
import type { Row } from '../row.ts';

const CHALLENGE = '7061796c6f6164313233343536373839';
const DIGITS = '1158201444';

export const handshakeRows: readonly Row[] = [
  {
    name: 'handshake',
    group: 'genuine',
    title: "The sender's test of the endpoint gets the response that it expects",
    severity: 'high',
    why: 'The sender does not register the endpoint, or disables it.',
    fix: "Respond to the challenge as the sender's documentation says, after its signature was verified if it has one.",
    countsRuns: false,
    judge: (probe) => eachRule(probe, genuineHandshake),
  },
  {
    name: 'handshake-forged',
    group: 'forged',
    title: 'A forged test of the endpoint is refused',
    severity: 'medium',
    why: 'Anybody can make the receiver repeat, or even sign, a text of their choice.',
    fix: 'Verify the signature of a challenge like that of any delivery.',
    countsRuns: false,
    judge: (probe) => eachRule(probe, forgedHandshake),
  },
];

async function eachRule(
  probe: Probe,
  judge: (probe: Probe, rule: HandshakeRule) => Promise<Finding>,
): Promise<Finding> {
  const { handshake } = probe.sender.scheme.definition;
  const findings: Finding[] = [];
  for (const rule of handshake === undefined ? [] : ([handshake].flat() as HandshakeRule[]))
    findings.push(await judge(probe, rule));
  const known = findings.filter((finding) => finding !== undefined);
  return (
    known.find(({ verdict }) => verdict === 'fault') ??
    known.find(({ verdict }) => verdict === 'ok') ??
    known[0]
  );
}

async function genuineHandshake(probe: Probe, rule: HandshakeRule): Promise<Finding> {
  if (rule.signed && probe.noGenuine !== undefined) return probe.noGenuine;
  if (rule.token !== undefined) return notJudged('the text that was agreed with the sender is not known');
  const request = requestOf(probe, rule, undefined);
  const expected = await probe.reference.handshake(request);
  if (expected === undefined) return undefined;
  const answer = await probe.send(request, request.body.length === 0 ? { framing: 'none' } : {});
  await probe.runs?.since(0);
  if (kindOf(answer) !== 'accepted') return fault(describe(answer));
  const body = Buffer.from(expected.body as string).toString('utf8');
  const isRight = request.method === 'HEAD' || body === '' || sameText(answer.body, body);
  const headers = Object.entries(rule.response.headers ?? {});
  const lacks = headers.find(([name]) => answer.headers[name.toLowerCase()] !== expected.headers[name]);
  if (!isRight) return fault(`${describe(answer)}, with another body than the sender expects`);
  return lacks === undefined
    ? ok(describe(answer))
    : fault(`${describe(answer)}, without the right header ${lacks[0]}`);
}

async function forgedHandshake(probe: Probe, rule: HandshakeRule): Promise<Finding> {
  if (!rule.signed || probe.genuineIsAccepted === false) return undefined;
  const request = requestOf(probe, rule, probe.sender.foreignSecret);
  if ((await probe.reference.handshake(request)) !== undefined) return undefined;
  const answer = await probe.send(request);
  await probe.runs?.since(0);
  return kindOf(answer) === 'accepted' ? fault(describe(answer)) : ok(describe(answer));
}

function requestOf({ sender }: Probe, rule: HandshakeRule, secret: string | undefined): Delivery {
  const { when, challenge } = rule;
  const text = challenge === undefined ? '' : challengeText(challenge.characters, challenge.maxLength);
  const query: Pair[] = Object.entries(when.query ?? {}).map(([name, value]) => [
    name,
    value === true ? text : value,
  ]);
  const headers: Pair[] = Object.entries(when.header ?? {}).map(([name, value]) => [
    name,
    value === true ? text : value,
  ]);
  if (challenge?.query !== undefined && !query.some(([name]) => name === challenge.query))
    query.push([challenge.query, text]);
  if (challenge?.header !== undefined && !headers.some(([name]) => name === challenge.header))
    headers.push([challenge.header, text]);
  if (rule.signed) {
    const fields: Record<string, unknown> = {};
    for (const [path, value] of Object.entries(rule.when.field ?? {})) setField(fields, path, value);
    if (challenge?.field !== undefined) setField(fields, challenge.field, text);
    const delivery = sender.delivery({
      fields,
      headers: Object.fromEntries(headers),
      ...(secret === undefined ? {} : { secret }),
    });
    return { ...delivery, method: when.method ?? delivery.method, query: [...delivery.query, ...query] };
  }
  const form = 'form' in rule.when && rule.when.form !== undefined ? rule.when.form : undefined;
  const body =
    form === undefined
      ? ''
      : new URLSearchParams(
          Object.entries(form).map(([name, value]): [string, string] => [
            name,
            value === true ? text : value,
          ]),
        ).toString();
  const type: Pair[] = form === undefined ? [] : [['content-type', 'application/x-www-form-urlencoded']];
  return { method: when.method ?? 'POST', headers: [...type, ...headers], body: Buffer.from(body), query };
}

function challengeText(characters: string, maxLength: number): string {
  return (characters === 'digits' ? DIGITS : CHALLENGE).slice(0, maxLength);
}

/** JSON may be spaced in any way. */
function sameText(given: string, expected: string): boolean {
  if (given.trim() === expected.trim()) return true;
  try {
    return JSON.stringify(JSON.parse(given)) === JSON.stringify(JSON.parse(expected));
  } catch {
    return false;
  }
}
