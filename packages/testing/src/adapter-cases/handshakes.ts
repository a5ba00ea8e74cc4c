import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { HandshakeRule } from '@countersign/core/extend';
import { type AdapterCase, assertRefused } from './case-table.ts';
import type { Receiver } from './receiver.ts';
import type { WireResponse } from './response-parser.ts';
import { bodySender, SECRETS } from './senders.ts';

/** The ways in which senders register an endpoint. */
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

export const handshakeCases: readonly AdapterCase[] = [
  {
    name: 'a signed challenge gets its response each time it comes, and no handler runs',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      const connection = await receiver.connect();
      for (let count = 0; count < 2; count++) {
        const response = await connection.exchange(receiver.delivery(CHALLENGE));
        assertAnswered(response, { type: /^application\/json\b/, body: '{"challenge":"3eZbrw1aBm2rZgRN"}' });
      }
      receiver.assertUntouched();
      assert.equal((await connection.exchange(receiver.delivery())).status, 200);
      assert.equal(receiver.runs.length, 1);
    },
  },
  {
    name: 'a challenge without text gets 204',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      const response = await receiver.send(receiver.delivery({ body: '{"type":"ping"}' }));
      assert.equal(response.status, 204);
      assert.equal(response.body, '');
      receiver.assertUntouched();
    },
  },
  {
    name: "a challenge without a signature, or with another sender's, is refused",
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
    name: 'a signed challenge with other characters, or a long one, is refused',
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
    name: 'the response to a challenge in the query is plain text',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      const response = await ask(receiver, 'mode=subscribe&token=agreed&challenge=1158201444');
      assertAnswered(response, { type: /^text\/plain\b/, body: '1158201444' });
      receiver.assertUntouched();
    },
    limited: [{ by: 'post-only', name: 'GET is not routed' }],
  },
  {
    name: 'a challenge in the query is refused if its token is wrong, if it is repeated, or if it has other characters',
    async check(start) {
      const receiver = await start({ scheme: greeting() });
      const queries: [string, ...number[]][] = [
        ['mode=subscribe&token=guessed&challenge=1', 401],
        ['mode=subscribe&challenge=1', 400, 401],
        ['mode=subscribe&token=agreed&challenge=1&challenge=2', 400],
        ['mode=subscribe&token=agreed&challenge=%3Cscript%3E', 400],
        [`mode=subscribe&token=agreed&challenge=${'1'.repeat(65)}`, 400],
        ['mode=other&token=agreed&challenge=1', 401],
      ];
      for (const [query, ...statuses] of queries) assertRefused(await ask(receiver, query), ...statuses);
      receiver.assertUntouched();
    },
    limited: [{ by: 'post-only', name: 'GET is not routed' }],
  },
];

function ask(receiver: Receiver, query: string): Promise<WireResponse> {
  const path = `/hooks/case?${query}`;
  return receiver.send({ method: 'GET', path, headers: [], body: Buffer.of(), framing: 'none' });
}

/** Asserts that a browser would show the response only as text. */
function assertAnswered(response: WireResponse, wanted: { type: RegExp; body: string }): void {
  assert.equal(response.status, 200);
  assert.equal(response.body, wanted.body);
  assert.match(response.headers.get('content-type') ?? '', wanted.type);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
}
