import { gzipSync } from 'node:zlib';
import { describe, kindOf } from '../answer-kinds.ts';
import { type Delivery, withBody, withHeader } from '../delivery.ts';
import { type Answer, sharedConnection } from '../exchange.ts';
import { type Finding, fault, notJudged, ok } from '../finding.ts';
import type { Probe } from '../probe.ts';
import type { Row } from '../row.ts';

const NOISE =
  'Scanners, health checks and mistakes send such requests. An error of the server for each of them fills logs and alarms.';
const FLOOD = 60;
const FLOOD_AT_ONCE = 10;
const JUNK_BYTES = 16 * 1024 * 1024;

type Texts = Pick<Row, 'title' | 'severity' | 'why' | 'fix'>;

export const transportRows: readonly Row[] = [
  harmless('empty-post', (probe) => [{ ...probe.sender.unsigned(''), headers: [] }], {
    title: 'A request without headers and body is refused with 4xx',
    severity: 'low',
    why: NOISE,
    fix: 'Refuse a request that has no signature before you read anything else of it.',
  }),
  harmless('malformed-json', (probe) => [withBody(forgery(probe), '{"a":')], {
    title: 'A forgery that is not JSON is refused with 4xx',
    severity: 'low',
    why: NOISE,
    fix: 'Verify before you parse, and catch what the parser throws.',
  }),
  harmless('not-utf8', (probe) => [withBody(forgery(probe), Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]))], {
    title: 'A forgery that is not UTF-8 is refused with 4xx',
    severity: 'low',
    why: NOISE,
    fix: 'Verify the bytes before you decode them.',
  }),
  harmless('no-content-type', (probe) => [withHeader(forgery(probe), 'content-type', () => undefined)], {
    title: 'A forgery without a content type is refused with 4xx',
    severity: 'low',
    why: `${NOISE} Parsers leave the body undefined then, and the verification throws.`,
    fix: 'Read the raw body for every content type, or refuse a body that is missing.',
  }),
  harmless(
    'compressed-junk',
    (probe) => {
      const delivery = withBody(forgery(probe), gzipSync(Buffer.alloc(4 * 1024 * 1024)));
      return [{ ...delivery, headers: [...delivery.headers, ['content-encoding', 'gzip']] }];
    },
    {
      title: 'A compressed forgery is refused with 4xx',
      severity: 'low',
      why: 'A few kilobytes become megabytes when a parser decompresses them, before anything is verified.',
      fix: 'Refuse a Content-Encoding that the sender does not use with 415.',
    },
  ),
  {
    name: 'other-methods',
    group: 'transport',
    title: 'GET, HEAD and DELETE run nothing and cause no error',
    severity: 'medium',
    why: NOISE,
    fix: "Route only the sender's own method to the receiver. Others get 404 or 405.",
    countsRuns: true,
    judge: otherMethods,
  },
  {
    name: 'oversized',
    group: 'transport',
    title: 'A body that is far too large is refused before it has been read',
    severity: 'medium',
    why: 'Bodies are kept in memory until they are verified. A few of these at once, from anybody, end the process.',
    fix: "Limit bodies to the sender's largest, usually 1 MiB, and respond with 413 as soon as there are more bytes.",
    countsRuns: true,
    judge: oversized,
  },
  {
    name: 'broken-off',
    group: 'transport',
    title: 'A delivery whose connection breaks in the middle of the body does not run',
    severity: 'high',
    why: 'A part of a body is handled as if it were whole, or the handler runs although the sender will send the delivery again.',
    fix: 'Verify only a body that is complete: as long as Content-Length says, or with its last chunk.',
    countsRuns: true,
    async judge(probe) {
      if (probe.noRuns !== undefined) return probe.noRuns;
      const delivery = probe.sender.delivery();
      if (delivery.method === 'GET') return undefined;
      await probe.send(delivery, { breakOff: true });
      const runs = (await probe.runs?.since(0)) ?? 0;
      if (runs > 0) return fault('the handler ran');
      const again = await probe.accepted(delivery);
      return again?.verdict === 'ok' ? ok('the handler did not run, and the retry was accepted') : again;
    },
  },
  {
    name: 'connection-reuse',
    group: 'transport',
    title: 'After a refusal, the same connection still works, or is closed',
    severity: 'medium',
    why: 'If a part of the refused body is left in the connection, it is taken for the next request, and a genuine delivery is lost.',
    fix: 'Read the rest of a refused body, or close the connection.',
    countsRuns: true,
    judge: reuse,
  },
  {
    name: 'flood',
    group: 'transport',
    title: `After ${FLOOD} forgeries, a genuine delivery is still accepted`,
    severity: 'high',
    why: 'Anybody could stop your events by sending forgeries.',
    fix: 'Do not block or limit by address: the sender may share it. Limit only what has been refused, and refuse cheaply.',
    countsRuns: true,
    judge: flood,
  },
];

function forgery({ sender }: Probe): Delivery {
  return sender.delivery({ secret: sender.foreignSecret });
}

function harmless(name: string, make: (probe: Probe) => readonly Delivery[], texts: Texts): Row {
  return {
    name,
    group: 'transport',
    ...texts,
    countsRuns: true,
    judge: (probe) => probe.refusedCleanly(...make(probe)),
  };
}

async function otherMethods(probe: Probe): Promise<Finding> {
  const answers: Answer[] = [];
  const names: string[] = [];
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    if (method === probe.sender.delivery().method) continue;
    const request: Delivery = { method, headers: [], body: Buffer.of(), query: [] };
    const answer = await probe.send(request, { framing: 'none' });
    answers.push(answer);
    names.push(`${method} was ${describe(answer)}`);
  }
  const runs = await probe.runs?.since(0);
  const seen = names.join(', ');
  if (runs !== undefined && runs > 0) return fault(`${seen}; the handler ran`);
  const bad = answers.find((answer) => ['crashed', 'silent'].includes(kindOf(answer)));
  if (bad !== undefined && !probe.failsOnForgeries) return fault(seen);
  const isAccepted = answers.some((answer) => kindOf(answer) === 'accepted');
  if (isAccepted && runs === undefined) return notJudged(`${seen}; runs were not counted`);
  return ok(seen);
}

/** Unsigned, so that a receiver may refuse it for its headers alone. */
async function oversized(probe: Probe): Promise<Finding> {
  const { maxBodyBytes = 0 } = probe.sender.scheme.delivery;
  const delivery = withBody(forgery(probe), Buffer.alloc(maxBodyBytes + JUNK_BYTES, 0x61));
  if (delivery.method === 'GET') return undefined;
  const answer = await probe.send(delivery);
  const runs = await probe.runs?.since(0);
  const kind = kindOf(answer);
  const megabytes = Math.round(delivery.body.length / 1024 / 1024);
  const seen = `${describe(answer)} ${answer.wroteAll ? `after all of ${megabytes} MiB` : `before all of ${megabytes} MiB were sent`}`;
  if (kind === 'accepted' || (runs ?? 0) > 0) return fault(seen);
  if (kind === 'crashed' && !probe.failsOnForgeries) return fault(seen);
  if (answer.status === 413 || !answer.wroteAll) return ok(seen);
  return fault(seen);
}

async function reuse(probe: Probe): Promise<Finding> {
  if (probe.noGenuine !== undefined) return probe.noGenuine;
  const connection = sharedConnection(probe.target);
  try {
    await probe.send(withBody(forgery(probe), Buffer.alloc(20_000, 0x61)), { connection });
    const delivery = probe.sender.delivery();
    const answer = await probe.send(delivery, { connection });
    // A connection that the receiver closes at this very moment is a race that every client knows, and it sends again.
    if (answer.problem === 'closed') return await probe.accepted(delivery);
    if (kindOf(answer) !== 'accepted') {
      await probe.runs?.since(0);
      return fault(`the genuine delivery after a refusal was ${describe(answer)}`);
    }
    return await probe.ranExactly(1, describe(answer));
  } finally {
    connection.close();
  }
}

async function flood(probe: Probe): Promise<Finding> {
  if (probe.noGenuine !== undefined) return probe.noGenuine;
  for (let sent = 0; sent < FLOOD; sent += FLOOD_AT_ONCE)
    await Promise.all(Array.from({ length: FLOOD_AT_ONCE }, () => probe.send(forgery(probe))));
  const forgedRuns = await probe.runs?.since(0);
  const genuine = await probe.accepted(probe.sender.delivery());
  return forgedRuns !== undefined && forgedRuns > 0
    ? fault(`the forgeries ran ${forgedRuns} times`)
    : genuine;
}
