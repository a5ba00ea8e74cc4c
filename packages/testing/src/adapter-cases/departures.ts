import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused, type Start } from './case-table.ts';
import type { Connection } from './connection.ts';
import { gate } from './gate.ts';
import type { RouteAction } from './mount.ts';
import { HANDLED, type Receiver } from './receiver.ts';
import { SECRETS } from './senders.ts';

type Outcome = 'committed' | 'released';

const FAILS_MIDWAY: RouteAction = {
  action: 'stream',
  status: 200,
  pieces: ['a', 'b'],
  error: new Error('failed midway'),
};

/** Clients that disconnect at every moment of a delivery: the handler's end decides, and no claim lasts longer. */
export const departureCases: readonly AdapterCase[] = [
  ...moments().flatMap(([moment, leave]) =>
    endings().map(([ending, action, outcome]) => ({
      name: `the client disconnects ${moment}: a handler that ${ending} is ${outcome}`,
      check: async (start: Start) => {
        const { receiver, ran } = await leave(start, action);
        if (!ran) return;
        await receiver.settled(outcome);
        assert.equal(receiver.store.count('commit') + receiver.store.count('release'), 1);
      },
    })),
  ),
  ...[200, 500].map((status) => ({
    name: `the client disconnects while a ${status} is being written: it is ${status === 200 ? 'committed' : 'released'}`,
    check: leftWhileWriting(
      { action: 'stream', status, pieces: ['a', 'b'] },
      status === 200 ? 'committed' : 'released',
    ),
    limited: [{ by: 'whole-responses' as const, name: 'nothing is sent before it is whole' }],
  })),
  {
    name: 'the client disconnects while a response is being written, which then fails: it is released',
    check: leftWhileWriting(
      { action: 'stream', status: 200, pieces: ['a', 'b'], error: new Error('failed while writing') },
      'released',
    ),
    limited: [
      {
        by: 'streams-end-with-client',
        name: 'the status that was sent decides',
        check: leftWhileWriting(
          { action: 'stream', status: 200, pieces: ['a', 'b'], error: new Error('failed while writing') },
          'committed',
        ),
      },
      { by: 'no-late-failure', name: 'its return value is its response' },
      { by: 'whole-responses', name: 'nothing is sent before it is whole' },
      {
        by: 'failed-streams-end',
        name: 'the status that was sent decides',
        check: leftWhileWriting(
          { action: 'stream', status: 200, pieces: ['a', 'b'], error: new Error('failed while writing') },
          'committed',
        ),
      },
    ],
  },
  {
    name: 'a streamed response that fails midway: the retry runs again',
    check: failsMidway,
    limited: [
      { by: 'no-late-failure', name: 'its return value is its response' },
      { by: 'failed-streams-hang', name: 'after timeout and lease', check: hangsMidway },
      { by: 'failed-streams-end', name: 'its sender has got a whole response', check: endsMidway },
    ],
  },
  {
    name: '200 clients that send and disconnect at once: 200 deliveries are handled and settled',
    async check(start) {
      const receiver = await start();
      for (let round = 0; round < 10; round++) {
        const connections: Connection[] = [];
        for (let count = 0; count < 20; count++) connections.push(await receiver.connect());
        for (const connection of connections) {
          connection.write(receiver.delivery());
          connection.close();
        }
      }
      await receiver.settled('committed', 200);
      assert.equal(receiver.runs.length, 200);
    },
  },
];

function endings(): readonly [string, RouteAction, Outcome][] {
  return [
    ['succeeds', HANDLED, 'committed'],
    ['responds with 500', { action: 'respond', status: 500, body: 'no' }, 'released'],
    ['throws', { action: 'throw', error: new Error('failed after the client left') }, 'released'],
    ['streams', { action: 'stream', status: 200, pieces: ['a', 'b', 'c'] }, 'committed'],
    ['streams a 500', { action: 'stream', status: 500, pieces: ['a', 'b', 'c'] }, 'released'],
  ];
}

type Leave = (start: Start, action: RouteAction) => Promise<{ receiver: Receiver; ran: boolean }>;

function moments(): readonly [string, Leave][] {
  return [
    ['before its headers are checked', leaveBeforeHeaders],
    ['while it waits for a reload of the secrets', leaveInReload],
    ['while the store claims it', leaveInClaim],
    ['while its handler runs', leaveInHandler],
  ];
}

async function leaveBeforeHeaders(start: Start, action: RouteAction): ReturnType<Leave> {
  const { opened, open } = gate();
  let asked = false;
  const receiver = await start({
    source: (verifier) => async () => {
      if (!asked) {
        asked = true;
        await opened;
      }
      return verifier;
    },
    handler: ({ number }) => (number === 1 ? action : HANDLED),
  });
  const delivery = receiver.delivery();
  const connection = await receiver.connect();
  connection.write(delivery);
  await receiver.until('the request to arrive', () => asked);
  await leave(receiver, connection);
  open();
  await receiver.caughtUp();
  const ran = receiver.runs.length > 0;
  if (!ran) {
    // The host may have discarded the body with the connection. Then nothing is claimed, and the retry runs.
    receiver.assertUntouched();
    assert.ok(receiver.events.some((event) => event.type === 'refused'));
  }
  return { receiver, ran };
}

async function leaveInReload(start: Start, action: RouteAction): ReturnType<Leave> {
  const { opened, open } = gate();
  let loads = 0;
  const receiver = await start({
    secrets: async () => {
      loads += 1;
      if (loads === 1) return { current: SECRETS.current };
      await opened;
      return { current: SECRETS.next, previous: SECRETS.current };
    },
    handler: () => action,
  });
  await receiver.verifier.ready();
  // An unknown signature starts a reload only after the cooldown.
  await receiver.clock.advance(30_000);
  const connection = await receiver.connect();
  connection.write(receiver.delivery({ secret: SECRETS.next }));
  await receiver.until('the reload', () => loads === 2);
  await leave(receiver, connection);
  open();
  await receiver.until('the handler to start', () => receiver.runs.length === 1);
  return { receiver, ran: true };
}

async function leaveInClaim(start: Start, action: RouteAction): ReturnType<Leave> {
  const { opened, open } = gate();
  const receiver = await start({ handler: () => action });
  receiver.store.claimGate = opened;
  const connection = await receiver.connect();
  connection.write(receiver.delivery());
  await receiver.until('the claim', () => receiver.store.count('claim') === 1);
  await leave(receiver, connection);
  open();
  await receiver.until('the handler to start', () => receiver.runs.length === 1);
  return { receiver, ran: true };
}

async function leaveInHandler(start: Start, action: RouteAction): ReturnType<Leave> {
  const { opened, open } = gate();
  const receiver = await start({ handler: () => opened.then(() => action) });
  const connection = await receiver.connect();
  connection.write(receiver.delivery());
  await receiver.until('the handler to start', () => receiver.runs.length === 1);
  await leave(receiver, connection, 'reset');
  open();
  return { receiver, ran: true };
}

async function leave(
  receiver: Receiver,
  connection: Connection,
  how: 'end' | 'reset' = 'end',
): Promise<void> {
  if (how === 'end') connection.close();
  else connection.abort();
  await receiver.caughtUp();
}

type Stream = Extract<RouteAction, { action: 'stream' }>;

function leftWhileWriting(action: Stream, outcome: Outcome): AdapterCase['check'] {
  return async (start) => {
    const { opened, open } = gate();
    const receiver = await start({
      handler: ({ number }) => (number === 1 ? { ...action, pause: opened } : HANDLED),
    });
    const delivery = receiver.delivery();
    const connection = await receiver.connect();
    connection.write(delivery);
    await connection.firstBytes();
    await leave(receiver, connection);
    open();
    await receiver.settled(outcome);
    assert.equal((await receiver.send(delivery)).status, 200);
    assert.equal(receiver.runs.length, outcome === 'committed' ? 1 : 2);
  };
}

async function failsMidway(start: Start): Promise<void> {
  const receiver = await start({ handler: ({ number }) => (number === 1 ? FAILS_MIDWAY : HANDLED) });
  const delivery = receiver.delivery();
  const connection = await receiver.connect();
  connection.write(delivery);
  await receiver.settled('released');
  await receiver.deliver(delivery);
  assert.equal(receiver.runs.length, 2);
}

async function hangsMidway(start: Start): Promise<void> {
  const receiver = await start({
    verifier: { handlerTimeoutSeconds: 60 },
    handler: ({ number }) => (number === 1 ? FAILS_MIDWAY : HANDLED),
  });
  const delivery = receiver.delivery();
  (await receiver.connect()).write(delivery);
  await receiver.until('the handler to start', () => receiver.runs.length === 1);
  await receiver.clock.advance(61_000);
  assertRefused(await receiver.send(delivery), 503);
  await receiver.clock.advance(30_000);
  await receiver.deliver(delivery);
}

async function endsMidway(start: Start): Promise<void> {
  const receiver = await start({ handler: () => FAILS_MIDWAY });
  const delivery = receiver.delivery();
  assert.equal((await receiver.send(delivery)).status, 200);
  await receiver.settled('committed');
  assert.equal((await receiver.send(delivery)).status, 200);
  assert.equal(receiver.runs.length, 1);
}
