import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import { gate } from './gate.ts';
import type { RouteAction } from './mount.ts';
import { HANDLED } from './receiver.ts';

/** Only the framework's own error response may contain this text. */
const FAULT = new Error('the handler failed on purpose');

const response = (status: number): RouteAction => ({ action: 'respond', status, body: `status ${status}` });

export const settlingCases: readonly AdapterCase[] = [
  {
    name: 'a handler that throws: the retry runs again',
    check: runsAgain({ action: 'throw', error: FAULT }, 500),
  },
  {
    name: 'a handler that rejects: the retry runs again',
    check: runsAgain({ action: 'reject', error: FAULT }, 500),
  },
  ...[301, 400, 404, 410, 422, 429, 500, 503].map((status) => ({
    name: `a handler that responds with ${status}: the retry runs again`,
    check: runsAgain(response(status), status),
  })),
  ...[200, 201, 202, 204, 206].map((status) => ({
    name: `a handler that responds with ${status}: the retry gets 200 without a run`,
    check: runsOnce(response(status), status),
  })),
  {
    name: 'a handler that responds in pieces: the retry gets 200 without a run',
    check: runsOnce({ action: 'stream', status: 200, pieces: ['one ', 'two ', 'three'] }, 200),
  },
  {
    name: 'a handler that responds with 500 in pieces: the retry runs again',
    check: runsAgain({ action: 'stream', status: 500, pieces: ['not ', 'this ', 'time'] }, 500),
  },
  {
    name: 'a handler that throws: observers get its error and its status, and the id of the delivery',
    check: failureIsReported(true),
    limited: [
      {
        by: 'unseen-handler-errors',
        name: 'observers get its status, and the id of the delivery',
        check: failureIsReported(false),
      },
    ],
  },
  {
    name: 'a handler that responds with 200 and then throws: the status that was sent decides',
    check: respondedThenFailed,
    limited: [{ by: 'no-late-failure', name: 'its return value is its response' }],
  },
  {
    name: 'the fencing token rises with every run of a delivery',
    async check(start) {
      const receiver = await start({ handler: ({ number }) => response(number < 4 ? 500 : 200) });
      const delivery = receiver.delivery();
      for (let round = 1; round <= 3; round++) {
        await receiver.send(delivery);
        await receiver.settled('released', round);
      }
      await receiver.send(delivery);
      assert.deepEqual(
        receiver.runs.map((run) => run.webhook.fencingToken),
        [1, 2, 3, 4],
      );
    },
  },
  {
    name: 'a handler that runs longer than the lease keeps its claim',
    async check(start) {
      const { opened, open } = gate();
      const receiver = await start({ handler: () => opened.then(() => HANDLED) });
      const delivery = receiver.delivery();
      const first = receiver.send(delivery);
      await receiver.until('the handler to start', () => receiver.runs.length === 1);
      await receiver.clock.advance(200_000);
      assertRefused(await receiver.send(receiver.delivery({ id: receiver.runs[0]?.webhook.id ?? '' })), 503);
      assert.equal(receiver.runs[0]?.webhook.signal.aborted, false);
      open();
      assert.equal((await first).status, 200);
      await receiver.settled('committed');
    },
  },
  {
    name: "after handlerTimeoutSeconds, the handler's signal aborts, and the handler keeps its claim while it runs",
    async check(start) {
      const { opened, open } = gate();
      const receiver = await start({
        verifier: { handlerTimeoutSeconds: 60 },
        handler: () => opened.then(() => HANDLED),
      });
      const delivery = receiver.delivery();
      const first = receiver.send(delivery);
      await receiver.until('the handler to start', () => receiver.runs.length === 1);
      await receiver.clock.advance(59_000);
      assert.equal(receiver.runs[0]?.webhook.signal.aborted, false);
      await receiver.clock.advance(2000);
      assert.equal(receiver.runs[0]?.webhook.signal.aborted, true);
      assertRefused(await receiver.send(delivery), 503);
      assert.equal(receiver.store.count('release'), 0);
      open();
      assert.equal((await first).status, 200);
      await receiver.settled('committed');
      assert.equal((await receiver.send(delivery)).status, 200);
      assert.equal(receiver.runs.length, 1);
    },
  },
  {
    name: 'a handler that never ends: the retry runs after timeout and lease, and the first run can no longer settle',
    check: hangsForGood,
  },
  {
    name: 'a route that never responds: the retry runs after timeout and lease',
    async check(start) {
      const receiver = await start({
        verifier: { handlerTimeoutSeconds: 60 },
        handler: ({ number }) => (number === 1 ? { action: 'never-end' } : HANDLED),
      });
      const delivery = receiver.delivery();
      (await receiver.connect()).write(delivery);
      await receiver.until('the handler to start', () => receiver.runs.length === 1);
      await receiver.clock.advance(61_000);
      assertRefused(await receiver.send(delivery), 503);
      await receiver.clock.advance(30_000);
      await receiver.deliver(delivery);
    },
  },
];

function failureIsReported(errorIsSeen: boolean): Check {
  return async (start) => {
    const receiver = await start({ handler: () => ({ action: 'throw', error: FAULT }) });
    await receiver.send(receiver.delivery());
    await receiver.settled('released');
    const id = receiver.runs[0]?.webhook.id;
    const facts = (type: string) => (receiver.events.find((event) => event.type === type) ?? {}) as Facts;
    assert.equal(facts('claimed').id, id);
    const released = facts('released');
    assert.deepEqual([released.id, released.status], [id, 500]);
    assert.ok((released.durationMs ?? -1) >= 0);
    const failed = facts('handler-failed');
    assert.equal(failed.id, errorIsSeen ? id : undefined);
    assert.equal(failed.error?.message, errorIsSeen ? FAULT.message : undefined);
  };
}

/** What the events of a delivery may say. */
interface Facts {
  readonly id?: string;
  readonly status?: number;
  readonly durationMs?: number;
  readonly error?: Error;
}

function runsAgain(first: RouteAction, status: number): Check {
  return async (start) => {
    const receiver = await start({ handler: ({ number }) => (number === 1 ? first : HANDLED) });
    const delivery = receiver.delivery();
    assert.equal((await receiver.send(delivery)).status, status);
    await receiver.settled('released');
    assert.equal(receiver.store.count('commit'), 0);
    await receiver.deliver(delivery);
    await receiver.settled('committed');
    assert.equal((await receiver.send(delivery)).status, 200);
    assert.equal(receiver.runs.length, 2);
  };
}

function runsOnce(first: RouteAction, status: number): Check {
  return async (start) => {
    const receiver = await start({ handler: () => first });
    const delivery = receiver.delivery();
    const response = await receiver.send(delivery);
    assert.equal(response.status, status);
    if (first.action === 'stream') assert.equal(response.body, first.pieces.join(''));
    await receiver.settled('committed');
    assert.equal((await receiver.send(delivery)).status, 200);
    assert.equal(receiver.runs.length, 1);
    assert.equal(receiver.store.count('release'), 0);
  };
}

async function respondedThenFailed(start: Parameters<Check>[0]): Promise<void> {
  const receiver = await start({
    handler: () => ({ action: 'respond-then-throw', status: 200, body: 'handled', error: FAULT }),
  });
  const delivery = receiver.delivery();
  const connection = await receiver.connect();
  connection.write(delivery);
  // A framework may break the connection because of the late error, so the first request may read only a part of its response.
  await connection.read().catch(() => undefined);
  await receiver.settled('committed');
  assert.equal((await receiver.send(delivery)).status, 200);
  assert.equal(receiver.runs.length, 1);
}

async function hangsForGood(start: Parameters<Check>[0]): Promise<void> {
  const { opened, open } = gate();
  const second = gate();
  const receiver = await start({
    verifier: { handlerTimeoutSeconds: 60 },
    handler: ({ number }) => (number === 1 ? opened : second.opened).then(() => HANDLED),
  });
  const delivery = receiver.delivery();
  const first = receiver.send(delivery);
  await receiver.until('the handler to start', () => receiver.runs.length === 1);
  await receiver.clock.advance(61_000 + 30_000);
  const retry = receiver.send(delivery);
  await receiver.until('the handler to start again', () => receiver.runs.length === 2);
  assert.equal(receiver.runs[1]?.webhook.fencingToken, 2);
  open();
  await first;
  await receiver.until('the first claim to be lost', () =>
    receiver.events.some(({ type }) => type === 'claim-lost'),
  );
  assertRefused(await receiver.send(delivery), 503);
  second.open();
  assert.equal((await retry).status, 200);
  await receiver.settled('committed');
}
