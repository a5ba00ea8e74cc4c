import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { HandshakeRule } from '@countersign/core/extend';
import type { WireAnswer } from './answer-parser.ts';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import type { Receiver } from './receiver.ts';
import { bodySender, SECRETS } from './senders.ts';

/** Registers an endpoint in each of the ways that senders have. */
const GREETINGS: readonly [HandshakeRule, ...HandshakeRule[]] = [
  {
    signed: true,
    when: { field: { type: 'url_verification' } },
    challenge: { field: 'challenge', characters: 'visible', maxLength: 64 },
    response: { json: { challenge: '{challenge}' } },
  },
  { signed: true, when: { field: { type: 'ping' } }, response: { status: 204 } },
  {
    signed: false,
    when: { method: 'GET', query: { mode: 'subscribe' } },
    token: { query: 'token', sha256: createHash('sha256').update('agreed').digest('hex') },
    challenge: { query: 'challenge', characters: 'word', maxLength: 64 },
    response: { text: '{challenge}' },
  },
];
const greeting = () => bodySender({}, GREETINGS);
const CHALLENGE = { body: '{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRN"}' };

const WRONG_QUERIES: readonly WrongQuery[] = [
  ['mode=subscribe&token=guessed&challenge=1', 401],
  ['mode=subscribe&challenge=1', 400, 401],
  ['mode=subscribe&token=agreed&challenge=%3Cscript%3E', 400],
  [`mode=subscribe&token=agreed&challenge=${'1'.repeat(65)}`, 400],
  ['mode=other&token=agreed&challenge=1', 401],
];

export const handshakeCases: readonly AdapterCase[] = [
  {
    name: 'a signed challenge is answered, as often as it comes, and no handler runs',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      const connection = await receiver.connect();
      for (let count = 0; count < 2; count++) {
        const answer = await connection.exchange(receiver.delivery(CHALLENGE));
        assertAnswered(answer, { type: /^application\/json\b/, body: '{"challenge":"3eZbrw1aBm2rZgRN"}' });
      }
      receiver.assertUntouched();
      assert.equal((await connection.exchange(receiver.delivery())).status, 200);
      assert.equal(receiver.runs.length, 1);
    },
  },
  {
    name: 'a challenge without text is answered 204',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      const answer = await receiver.send(receiver.delivery({ body: '{"type":"ping"}' }));
      assert.equal(answer.status, 204);
      assert.equal(answer.body, '');
      receiver.assertUntouched();
    },
  },
  {
    name: 'a challenge that is not signed, or not by this sender, is refused',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      const { headers, body } = receiver.delivery(CHALLENGE);
      const unsigned = headers.filter(([name]) => name !== 'case-signature');
      assertRefused(await receiver.send({ headers: unsigned, body }), 401);
      assertRefused(await receiver.send(receiver.delivery({ ...CHALLENGE, secret: SECRETS.foreign })), 401);
      receiver.assertUntouched();
    },
  },
  {
    name: 'a signed challenge of other characters, or a long one, is refused',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      for (const challenge of ['', 'a b', 'é', 'x'.repeat(65)]) {
        const body = JSON.stringify({ type: 'url_verification', challenge });
        assertRefused(await receiver.send(receiver.delivery({ body })), 400);
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'a challenge in the query is answered as plain text',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      const answer = await ask(receiver, 'mode=subscribe&token=agreed&challenge=1158201444');
      assertAnswered(answer, { type: /^text\/plain\b/, body: '1158201444' });
      receiver.assertUntouched();
    },
    limited: [{ by: 'post-only', name: 'GET is not routed' }],
  },
  {
    name: 'a challenge in the query is refused under a wrong token, twice, or with other characters',
    check: refusedQueries([...WRONG_QUERIES, ['mode=subscribe&token=agreed&challenge=1&challenge=2', 400]]),
    limited: [
      { by: 'post-only', name: 'GET is not routed' },
      { by: 'last-of-repeated', name: 'the last one counts', check: refusedQueries(WRONG_QUERIES) },
    ],
  },
];

type WrongQuery = readonly [query: string, ...statuses: number[]];

function refusedQueries(queries: readonly WrongQuery[]): Check {
  return async (start) => {
    const receiver = await start({ scheme: greeting() });
    for (const [query, ...statuses] of queries) assertRefused(await ask(receiver, query), ...statuses);
    receiver.assertUntouched();
  };
}

function ask(receiver: Receiver, query: string): Promise<WireAnswer> {
  const path = `/hooks/case?${query}`;
  return receiver.send({ method: 'GET', path, headers: [], body: Buffer.of(), framing: 'none' });
}

/** Sees that a browser would take the answer for nothing but text. */
function assertAnswered(answer: WireAnswer, wanted: { type: RegExp; body: string }): void {
  assert.equal(answer.status, 200);
  assert.equal(answer.body, wanted.body);
  assert.match(answer.headers.get('content-type') ?? '', wanted.type);
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
}
