import {
  createVerifier,
  defineScheme,
  memoryReplayStore,
  type ReceivedWebhook,
  type VerifierOptions,
} from '@countersign/core';
import { type ManualClock, manualClock, sign } from '@countersign/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FaultyStore, type LinkMode } from '../../support/replay/faulty-store.ts';

// Two instances, each with a way of its own to one store, and faults on both ways at any moment.

const secret = 'a-signing-secret-of-32-characters';
const scheme = defineScheme({
  name: 'acme',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: { bodyField: 'id' },
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'repeated' },
});
const DELIVERIES = ['evt_0', 'evt_1', 'evt_2'] as const;
const LEASE_SECONDS = 30;

const index = (below: number) => fc.nat({ max: below - 1 });
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), at: index(2), delivery: index(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      at: index(2),
      mode: fc.constantFrom<LinkMode>('up', 'refuse', 'hang', 'lose reply'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('thaw' as const), at: index(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 3000 }) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

class Instance {
  readonly store: FaultyStore;
  readonly runs: string[] = [];
  readonly answers: Promise<number>[] = [];
  readonly #handle: (id: string) => Promise<number>;

  constructor(clock: ManualClock, store: FaultyStore, options: Partial<VerifierOptions>) {
    this.store = store;
    const verifier = createVerifier({
      ...{ scheme, secrets: secret, clock, replay: store, leaseSeconds: LEASE_SECONDS },
      ...options,
    });
    const handler = async (webhook: ReceivedWebhook) => {
      // Half of them take their time.
      if (this.runs.length % 2 === 1) await new Promise<void>((resolve) => clock.schedule(resolve, 700));
      this.runs.push(webhook.id);
    };
    this.#handle = async (id) => {
      const { status } = await verifier.handle(
        sign(scheme, { secret, body: JSON.stringify({ id }) }),
        handler,
      );
      return status;
    };
  }

  send(id: string): Promise<number> {
    const answer = this.#handle(id);
    this.answers.push(answer);
    return answer;
  }
}

async function play(actions: readonly Action[], options: Partial<VerifierOptions>) {
  const clock = manualClock();
  const server = memoryReplayStore({ clock });
  const instances = [0, 1].map(() => new Instance(clock, new FaultyStore(server), options));
  // All of it within one lease: a lease that lapses while its holder can't tell the store is what no store can help.
  let leftMs = 14_000;
  for (const step of actions) {
    if (step.do === 'wait') {
      const ms = Math.min(step.ms, leftMs);
      leftMs -= ms;
      await clock.advance(ms);
      continue;
    }
    const instance = instances[step.at];
    if (instance === undefined) throw new Error('no such instance');
    if (step.do === 'send') instance.send(DELIVERIES[step.delivery] ?? '').catch(() => undefined);
    else if (step.do === 'link') instance.store.mode = step.mode;
    else instance.store.thaw();
    await clock.advance(0);
  }
  for (const { store } of instances) {
    store.mode = 'up';
    store.thaw();
  }
  await clock.advance(12_000);
  const answered = await Promise.all(instances.flatMap(({ answers }) => answers));
  for (const status of answered) expect([200, 204, 503]).toContain(status);

  // The sender comes back, to either instance, until it is content.
  for (const id of DELIVERIES) {
    for (const instance of instances) {
      let tries = 0;
      for (let status = 0; status !== 200 && status !== 204; tries++) {
        expect(tries).toBeLessThan(10);
        const answer = instance.send(id);
        await clock.advance(11_000);
        status = await answer;
      }
    }
  }
  return instances;
}

const runsOf = (instances: readonly Instance[], id: string) =>
  instances.map(({ runs }) => runs.filter((run) => run === id).length);

test('unavailable: with outages shorter than a lease every delivery runs once, wherever it is sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const instances = await play(actions, {});
      for (const id of DELIVERIES) {
        expect(runsOf(instances, id).reduce((sum, runs) => sum + runs)).toBe(1);
      }
    }),
    { numRuns: 1000 },
  );
});

test('local: every delivery runs, and once at most on each instance', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const instances = await play(actions, { onStoreError: 'local' });
      for (const id of DELIVERIES) {
        const runs = runsOf(instances, id);
        expect(Math.max(...runs)).toBe(1);
      }
    }),
    { numRuns: 1000 },
  );
});
