import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Solution } from './contract.ts';
import { type Delivery, delivery, newSecret, oldDelivery, testOfEndpoint } from './deliveries.ts';
import { RunningApp } from './running-app.ts';
import { strangerOf, TENANTS } from './secrets-of-app.ts';
import { OTHER_ROUTE, type Task } from './tasks.ts';

export interface Failure {
  readonly name: string;
  readonly message: string;
}

/** How long a sender keeps retrying, also on a machine that is busy. */
const PATIENCE_MS = 30_000;
/** The same in a case of which the test knows that it fails. */
const NO_HOPE_MS = 1500;
const BETWEEN_TRIES_MS = 20;

/**
 * Starts a solution, and runs the cases that concern its task.
 *
 * @param hopeless The names of cases that are known to fail, so that nothing waits for them for long.
 * @returns what failed: nothing, if the solution is right.
 */
export async function grade(
  task: Task,
  solution: Solution,
  hopeless: readonly string[] = [],
): Promise<readonly Failure[]> {
  const first = newSecret(task);
  const app = await RunningApp.start(task, solution, { current: first });
  const failures: Failure[] = [];
  let patienceMs = PATIENCE_MS;
  try {
    for (const [name, run] of casesOf(app, first, () => patienceMs)) {
      patienceMs = hopeless.includes(name) ? NO_HOPE_MS : PATIENCE_MS;
      await run().catch(({ message }: Error) => failures.push({ name, message }));
    }
  } finally {
    await app.stop();
  }
  return failures;
}

type Case = readonly [name: string, run: () => Promise<void>];

function casesOf(app: RunningApp, first: string, patienceMs: () => number): readonly Case[] {
  const { task } = app;
  const second = newSecret(task);
  const path = task.source === 'tenants' ? `/hooks/${TENANTS[0]}` : '/hooks';
  const send = ({ request }: Delivery, instance = 0) => app.send(path, request, instance);
  const ran = ({ ref }: Delivery) => app.work(ref).runs;

  /** Tries again until a condition holds. */
  const eventually = async (holds: () => Promise<boolean>, message: string) => {
    const endsAt = performance.now() + patienceMs();
    while (!(await holds())) {
      assert.ok(performance.now() < endsAt, message);
      await pause(BETWEEN_TRIES_MS);
    }
  };
  /** A new delivery runs, sooner or later: the sender retries. */
  const isAccepted = async (secret: string, instance = 0) => {
    const sent = delivery(task, secret);
    await eventually(async () => (await send(sent, instance)).ok, 'it was never accepted');
    assert.equal(ran(sent), 1, 'it ran another number of times than once');
  };
  /** A request is refused, and nothing runs. */
  const isRefused = async (sent: Delivery, at = path) => {
    const { status } = await app.send(at, sent.request);
    assert.equal(ran(sent), 0, `the work ran, and the status was ${status}`);
    assert.ok(status >= 400, `the status was ${status}`);
  };
  const isAcceptedByAll = async (secret: string) => {
    for (let instance = 0; instance < app.instances; instance++) await isAccepted(secret, instance);
  };

  const cases: Case[] = [
    [
      'a genuine delivery runs, with what was sent',
      async () => {
        const sent = delivery(task, first);
        const { status } = await send(sent);
        assert.ok(status >= 200 && status < 300, `the status was ${status}`);
        assert.deepEqual(app.work(sent.ref).events, [sent.event]);
        if (task.source === 'tenants') assert.deepEqual(app.work(sent.ref).tenants, [TENANTS[0]]);
      },
    ],
    [
      'a duplicate does not run again',
      async () => {
        const sent = delivery(task, first);
        await send(sent);
        // The first copy's record may still be on its way: then the sender is asked to come again.
        const again = async () => (await send(sent, app.instances - 1)).ok;
        await eventually(again, 'the sender would retry what is handled');
        assert.equal(ran(sent), 1, 'it ran again');
      },
    ],
    [
      'copies that arrive together run once',
      async () => {
        const sent = delivery(task, first);
        const work = app.work(sent.ref);
        let open = (): void => undefined;
        work.gate = new Promise((resolve) => {
          open = resolve;
        });
        let responses = 0;
        const copies = Array.from({ length: 5 }, async (_, index) => {
          const { ok } = await send(sent, index % app.instances);
          responses += 1;
          return ok;
        });
        await eventually(async () => responses === 4 || work.runs > 1, 'the copies got no response');
        open();
        const accepted = (await Promise.all(copies)).filter(Boolean);
        assert.equal(work.runs, 1, 'more than one ran');
        assert.equal(accepted.length, 1, 'a copy got 2xx before the work was done');
      },
    ],
    [
      'an altered delivery is refused',
      async () => {
        const sent = delivery(task, first);
        const text = String(sent.request.body).replace('ber', 'bar');
        await isRefused({ ...sent, request: { ...sent.request, body: text } });
      },
    ],
    ['a delivery that a stranger signed is refused', () => isRefused(delivery(task, newSecret(task)))],
    [
      'a delivery without a signature is refused',
      async () => {
        const sent = delivery(task, first);
        const type = new Headers(sent.request.headers).get('content-type') ?? '';
        await isRefused({ ...sent, request: { ...sent.request, headers: { 'content-type': type } } });
      },
    ],
    [
      'a delivery whose work failed is not acknowledged, and runs again',
      async () => {
        const sent = delivery(task, first);
        const work = app.work(sent.ref);
        work.fails = true;
        const { status } = await send(sent);
        assert.equal(work.runs, 1, 'it did not run');
        assert.ok(status >= 400, `the status was ${status}, so the event is lost`);
        await eventually(async () => (await send(sent)).ok, 'the retry was never accepted');
        assert.equal(work.runs, 2, 'the retry did not run');
      },
    ],
  ];
  const old = oldDelivery(task, first);
  if (old !== undefined) cases.push(['an old delivery is refused', () => isRefused(old)]);
  if (OTHER_ROUTE.includes(task.framework))
    cases.push([
      'other routes keep their parser',
      async () => {
        const body = JSON.stringify({ number: 17, items: ['a', 'b'] });
        const headers = { 'content-type': 'application/json' };
        const response = await app.send('/orders', { method: 'POST', headers, body });
        assert.equal(response.ok, true, `the status was ${response.status}`);
        assert.equal(JSON.stringify(await response.json()), body);
      },
    ]);
  if (task.source === 'tenants')
    cases.push([
      'the secret of one customer opens no other endpoint',
      async () => {
        const other = strangerOf(TENANTS[1]);
        await isRefused(delivery(task, other));
        await isRefused(delivery(task, first), `/hooks/${TENANTS[1]}`);
        await isRefused(delivery(task, first), '/hooks/nobody');
      },
    ]);
  const { handshake } = task;
  if (handshake !== undefined)
    cases.push([
      "the sender's test of the endpoint gets its response",
      async () => {
        const test = testOfEndpoint(task, first, handshake.body);
        const response = await send(test);
        assert.deepEqual(await response.json(), handshake.response);
        assert.equal(ran(test), 0);
      },
    ]);

  // The cases from here on rotate the secret.
  if (task.rotation === 'own')
    cases.push([
      'the next secret is accepted before the sender uses it, and the current one too',
      async () => {
        await app.put({ current: first, next: second });
        await isAcceptedByAll(second);
        await isAcceptedByAll(first);
      },
    ]);
  cases.push([
    'after a rotation, the new secret is accepted, and the old one too',
    async () => {
      await app.put({ current: second, previous: first });
      await isAcceptedByAll(second);
      await isAcceptedByAll(first);
    },
  ]);
  cases.push([
    'when its time is over, the old secret is refused, and the new one is not',
    async () => {
      const notAfter = new Date(Date.now() - 1000).toISOString();
      const isSet = task.source === 'file' || task.source === 'tenants';
      await app.put({ current: second, ...(isSet && { previous: { secret: first, notAfter } }) });
      for (let instance = 0; instance < app.instances; instance++)
        await eventually(
          async () => !(await send(delivery(task, first), instance)).ok,
          `instance ${instance} never refused it`,
        );
      await isRefused(delivery(task, first));
      await isAcceptedByAll(second);
    },
  ]);
  return cases;
}
