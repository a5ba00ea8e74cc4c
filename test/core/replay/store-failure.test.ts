import {
  createVerifier,
  defineScheme,
  memoryReplayStore,
  type ReceivedWebhook,
  type ReplayStore,
  type SchemeDefinition,
  type VerifierOptions,
  WebhookError,
  type WebhookEvent,
} from '@countersign/core';
import { manualClock, sign } from '@countersign/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FaultyStore, type Step } from '../../support/replay/faulty-store.ts';

const secret = 'a-signing-secret-of-32-characters';
const definition = {
  name: 'acme',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: { bodyField: 'id' },
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'repeated' },
} as const satisfies SchemeDefinition;

const SECOND = 1000;
const UNAVAILABLE = { code: 'ERR_WEBHOOK_STORE_UNAVAILABLE', status: 503 };

/** Instances of one receiver, each with a way of its own to the store that they share. */
function setUp(delivery: Partial<SchemeDefinition['delivery']> = {}, server?: ReplayStore) {
  const clock = manualClock();
  const shared = server ?? memoryReplayStore({ clock });
  const scheme = defineScheme({ ...definition, delivery: { ...definition.delivery, ...delivery } });
  const signed = (id = 'evt_1') => sign(scheme, { secret, body: JSON.stringify({ id }) });

  function instance(options: Partial<VerifierOptions> = {}, store = new FaultyStore(shared)) {
    const events: WebhookEvent[] = [];
    const verifier = createVerifier({
      scheme,
      secrets: secret,
      clock,
      replay: store,
      observe: (event) => events.push(event),
      ...options,
    });
    const runs: string[] = [];
    const handler = (webhook: ReceivedWebhook) => {
      runs.push(webhook.id);
    };
    const send = (id?: string) => verifier.handle(signed(id), handler);
    return {
      ...{ store, verifier, runs, events, send },
      types: (...types: string[]) => events.map(({ type }) => type).filter((type) => types.includes(type)),
      async take(id?: string) {
        const received = await verifier.receive(signed(id));
        if (received.state !== 'claimed') throw new Error('expected a claim');
        return received.claim;
      },
      outcome: (id?: string) =>
        verifier.receive(signed(id)).then(
          ({ state }) => state,
          (error: WebhookError) => error.code.replace('ERR_WEBHOOK_', ''),
        ),
      /** Deliveries until the circuit opens. */
      async exhaust() {
        store.mode = 'refuse';
        for (let n = 0; verifier.health().replay?.circuit === 'closed'; n++) await send(`lost_${n}`);
      },
    };
  }
  return { clock, shared, signed, instance };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a store that is out of reach', () => {
  it('puts deliveries off, and they run when it is back', async () => {
    const { send, store, runs, events } = setUp().instance();
    store.mode = 'refuse';
    const answer = await send();
    expect(answer.status).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(5);
    expect(events.at(-1)).toMatchObject({ type: 'refused', code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
    store.mode = 'up';
    expect((await send()).status).toBe(204);
    expect(runs).toEqual(['evt_1']);
  });

  it('is left alone when five calls failed and none succeeded: deliveries get 503 without a call', async () => {
    const { send, store, exhaust } = setUp().instance();
    await exhaust();
    expect(store.calls).toHaveLength(5);
    for (let n = 0; n < 100; n++) expect((await send()).status).toBe(503);
    expect(store.calls).toHaveLength(5);
  });

  it('is still asked if only some calls fail', async () => {
    const { send, store, types } = setUp().instance();
    for (let n = 0; n < 20; n++) {
      store.mode = n % 3 === 2 ? 'up' : 'refuse';
      await send(`evt_${n}`);
    }
    expect(store.count('claim')).toBe(20);
    expect(types('store-down')).toEqual([]);
  });

  it('is tried with one delivery after a second at most, and used again when that succeeds', async () => {
    const { clock, instance } = setUp();
    const { send, store, exhaust, types } = instance();
    await exhaust();
    store.mode = 'up';
    await clock.advance(SECOND);
    expect((await send()).status).toBe(204);
    expect((await send('evt_2')).status).toBe(204);
    expect(types('store-failed', 'store-down', 'store-up')).toEqual([
      ...Array<string>(5).fill('store-failed'),
      'store-down',
      'store-up',
    ]);
  });

  it('is tried with one delivery only: the others get their response meanwhile', async () => {
    const { clock, instance } = setUp();
    const { send, store, exhaust, verifier } = instance();
    await exhaust();
    store.mode = 'hang';
    await clock.advance(SECOND);
    const probe = send('probe');
    const others = await Promise.all(Array.from({ length: 50 }, (_, n) => send(`evt_${n}`)));
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([503]));
    expect(store.hanging('claim')).toBe(1);
    expect(verifier.health().replay).toMatchObject({ circuit: 'half-open' });
    store.thaw();
    expect((await probe).status).toBe(204);
    expect(verifier.health().replay).toMatchObject({ circuit: 'closed', failures: 0 });
  });

  it('is asked less and less often, but at least every 3 seconds', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const { clock, instance } = setUp();
    const { send, store, exhaust } = instance();
    await exhaust();
    const asked: number[] = [];
    for (let second = 1; second <= 12; second++) {
      await clock.advance(SECOND);
      const before = store.calls.length;
      await send();
      if (store.calls.length > before) asked.push(second);
    }
    expect(asked).toEqual([1, 2, 3, 5, 8, 11]);
  });

  it('that hangs costs the first deliveries five seconds, and the others nothing', async () => {
    const { clock, instance } = setUp();
    const { send, store, events } = instance();
    store.mode = 'hang';
    const first = Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => send(id)));
    await clock.advance(5 * SECOND - 1);
    expect(store.hanging('claim')).toBe(5);
    await clock.advance(1);
    expect((await first).map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
    expect((await send('evt_2')).status).toBe(503);
    expect(store.count('claim')).toBe(5);
    const failed = events.find(({ type }) => type === 'store-failed');
    expect(failed).toMatchObject({ operation: 'claim', error: { message: /5000 ms/ } });
  });

  it.each([
    ['a quarter of what its sender waits', { timeoutSeconds: 3 }, {}, 750],
    ['a third of its lease', {}, { leaseSeconds: 6 }, 2000],
  ])('that hangs costs a delivery at most %s', async (_, delivery, options, ms) => {
    const { clock, instance } = setUp(delivery);
    const { send, store } = instance(options);
    store.mode = 'hang';
    const status = vi.fn();
    const answer = send().then((given) => status(given.status));
    await clock.advance(ms - 1);
    expect(status).not.toHaveBeenCalled();
    await clock.advance(1);
    await answer;
    expect(status).toHaveBeenCalledWith(503);
  });

  it('gets a late claim back at once, so that the retry need not wait for the lease', async () => {
    const { clock, instance } = setUp();
    const a = instance();
    const b = instance();
    a.store.mode = 'hang';
    const refused = a.send();
    await clock.advance(5 * SECOND);
    expect((await refused).status).toBe(503);
    a.store.mode = 'up';
    a.store.thaw();
    await vi.waitFor(() => expect(a.store.count('release')).toBe(1));
    expect((await b.send()).status).toBe(204);
  });

  it('may throw before it returns a promise, or return none', async () => {
    const { clock, instance, shared } = setUp();
    const broken = (claim: () => never) => instance({ replay: { ...bound(shared), claim } });
    const throws = broken(() => {
      throw new Error('not connected');
    });
    expect((await throws.send()).status).toBe(503);
    expect((await broken((() => undefined) as () => never).send()).status).toBe(503);
    expect(clock.pending()).toBe(0);
  });

  it('is known to all verifiers that use it, and to no others', async () => {
    const { instance } = setUp();
    const a = instance();
    const b = instance({ endpoint: 'other' }, a.store);
    const c = instance();
    await a.exhaust();
    expect(b.verifier.health().replay).toMatchObject({ circuit: 'open' });
    expect((await b.send()).status).toBe(503);
    expect(a.store.calls).toHaveLength(5);
    expect((await c.send()).status).toBe(204);
    // The verifier that finds out reports it, once.
    expect([a.types('store-down'), b.types('store-down')]).toEqual([['store-down'], []]);
  });

  it('is a process warning if there is no observer', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { store, send } = setUp().instance({ observe: undefined as never });
    store.error = Object.assign(new Error(secret), { code: 'ENOSUCHSTORE' });
    store.mode = 'refuse';
    for (let n = 0; n < 10; n++) await send();
    const said = warned.mock.calls.map(([message]) => String(message));
    expect(said).toEqual([expect.stringContaining('ENOSUCHSTORE')]);
    expect(said.join()).not.toContain(secret);
  });
});

describe('a store that responds, but not as hoped,', () => {
  it.each(['unavailable', 'local'] as const)(
    'is not out of reach when it is full (%s)',
    async (onStoreError) => {
      const clock = manualClock();
      const { instance } = setUp({}, memoryReplayStore({ clock, maxEntries: 1 }));
      const { send, store, types, verifier, outcome } = instance({ onStoreError });
      await send('first');
      for (let n = 0; n < 10; n++) expect(await outcome('evt')).toBe('STORE_FULL');
      expect(store.count('claim')).toBe(11);
      expect(types('store-failed', 'store-down', 'claimed-locally')).toEqual([]);
      expect(verifier.health().state).toBe('ready');
    },
  );

  it.each(['unavailable', 'local'] as const)(
    "is not out of reach when the caller's at fault (%s)",
    async (onStoreError) => {
      const { send, store, types, runs } = setUp().instance({ onStoreError });
      store.error = new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', 'The client is none.');
      store.mode = 'refuse';
      for (let n = 0; n < 10; n++) expect((await send()).status).toBe(500);
      expect(store.calls).toHaveLength(10);
      expect(types('store-failed', 'store-down', 'claimed-locally')).toEqual([]);
      store.mode = 'up';
      expect((await send()).status).toBe(204);
      expect(runs).toHaveLength(1);
    },
  );

  it('is not taken for one that is back when it never got to be asked', async () => {
    const { clock, instance } = setUp();
    const { send, store, exhaust, verifier } = instance();
    await exhaust();
    await clock.advance(SECOND);
    store.error = new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', 'The client is none.');
    await send();
    expect(verifier.health().replay).toMatchObject({ circuit: 'half-open' });
  });
});

describe('a commit', () => {
  it('outlasts an outage that is shorter than the lease: no other instance runs the delivery', async () => {
    const { clock, instance } = setUp();
    const a = instance();
    const b = instance();
    const claim = await a.take();
    a.store.mode = 'refuse';
    const commit = claim.commit();
    await clock.advance(15 * SECOND);
    a.store.mode = 'up';
    await clock.advance(5 * SECOND);
    await commit;
    expect(await b.outcome()).toBe('duplicate');
    expect(a.types('committed', 'commit-failed')).toEqual(['committed']);
  });

  it('that outlasts the lease is reported, remembered here and written in the end', async () => {
    const { clock, instance } = setUp();
    const a = instance();
    const b = instance();
    const claim = await a.take();
    a.store.mode = 'refuse';
    const commit = expect(claim.commit()).rejects.toMatchObject(UNAVAILABLE);
    await clock.advance(60 * SECOND);
    await commit;
    expect(a.verifier.health()).toMatchObject({ state: 'degraded', replay: { pendingCommits: 1 } });
    expect(await a.outcome()).toBe('duplicate');
    a.store.mode = 'up';
    await clock.advance(5 * SECOND);
    expect(a.types('committed', 'commit-failed')).toEqual(['commit-failed', 'committed']);
    expect(await b.outcome()).toBe('duplicate');
    expect(a.verifier.health().replay).toMatchObject({ pendingCommits: 0 });
  });

  it('is written at once when another delivery finds the store back', async () => {
    const { clock, instance } = setUp();
    const a = instance();
    const b = instance();
    const claim = await a.take();
    await a.exhaust();
    const commit = claim.commit();
    await clock.advance(20 * SECOND);
    // The tries to commit test the store too, so a delivery may have to wait for its turn.
    while (a.verifier.health().replay?.circuit !== 'half-open') await clock.advance(10);
    a.store.mode = 'up';
    // The clock is stopped, so only the circuit can have reported it.
    await a.send('evt_2');
    await commit;
    expect(await b.outcome()).toBe('duplicate');
  });

  it('is tried though claims fail at once', async () => {
    const { instance } = setUp();
    const { take, exhaust, store, types } = instance();
    const claim = await take();
    await exhaust();
    store.mode = 'up';
    await claim.commit();
    expect(types('committed')).toEqual(['committed']);
  });

  it.each(['lose reply', 'hang'] as const)(
    'of which no response came counts as written (%s)',
    async (mode) => {
      const { clock, instance } = setUp();
      const a = instance();
      const claim = await a.take();
      a.store.mode = mode;
      const commit = claim.commit();
      await clock.advance(5 * SECOND);
      a.store.mode = 'up';
      a.store.thaw();
      await clock.advance(5 * SECOND);
      await commit;
      expect(a.types('committed', 'claim-lost', 'commit-failed')).toEqual(['committed']);
      expect(await instance().outcome()).toBe('duplicate');
    },
  );

  it('is written to a store that forgot the claim while it was down', async () => {
    const { clock, instance } = setUp();
    const server = replaceable(memoryReplayStore({ clock }));
    const a = instance({}, new FaultyStore(server));
    const b = instance({}, new FaultyStore(server));
    const claim = await a.take();
    a.store.mode = 'refuse';
    const commit = claim.commit();
    await clock.advance(SECOND);
    server.replace(memoryReplayStore({ clock }));
    a.store.mode = 'up';
    await clock.advance(5 * SECOND);
    await commit;
    expect(await b.outcome()).toBe('duplicate');
  });

  it('waits for a run that took over, and avoids a third run if that one fails', async () => {
    const { clock, instance } = setUp();
    const a = instance();
    const b = instance();
    const claim = await a.take();
    a.store.mode = 'refuse';
    claim.commit().catch(() => undefined);
    await clock.advance(40 * SECOND);
    const second = await b.take();
    a.store.mode = 'up';
    await clock.advance(10 * SECOND);
    expect(await b.outcome()).toBe('IN_PROGRESS');
    await second.release();
    await clock.advance(5 * SECOND);
    expect(await b.outcome()).toBe('duplicate');
  });

  it.each(['at work', 'failed'])(
    'that comes late, if nothing was out of reach, changes nothing: another run is %s',
    async (state) => {
      const { clock, instance } = setUp();
      const a = instance({ handlerTimeoutSeconds: 1 });
      const b = instance();
      const claim = await a.take();
      await clock.advance(31 * SECOND);
      const second = await b.take();
      if (state === 'failed') await second.release();
      await claim.commit();
      expect(a.types('committed', 'claim-lost')).toEqual(['claim-lost']);
      if (state === 'at work') await second.release();
      expect(await b.outcome()).toBe('claimed');
    },
  );

  it('waits in a bounded memory: the oldest goes first', { timeout: 300_000 }, async () => {
    const { verifier, store, types, outcome, take } = setUp().instance();
    const claims = [];
    for (let n = 0; n < 10_005; n++) claims.push(await take(`evt_${n}`));
    store.mode = 'refuse';
    for (const claim of claims) claim.commit().catch(() => undefined);
    await vi.waitFor(() => expect(verifier.health().replay).toMatchObject({ pendingCommits: 10_000 }));
    await vi.waitFor(() => expect(types('commit-failed')).toHaveLength(5));
    store.mode = 'up';
    expect(await outcome('evt_0')).toBe('STORE_UNAVAILABLE');
    expect(await outcome('evt_5')).toBe('duplicate');
    expect(await outcome('evt_10004')).toBe('duplicate');
  });

  it('leaves no timer behind', async () => {
    const { clock, instance } = setUp();
    const { take, store } = instance();
    const before = clock.pending();
    const claim = await take();
    store.mode = 'refuse';
    const commit = claim.commit();
    await clock.advance(SECOND);
    store.mode = 'up';
    await clock.advance(5 * SECOND);
    await commit;
    expect(clock.pending()).toBe(before);
  });
});

describe('a claim whose lease is over before its handler starts', () => {
  // On some systems the monotonic clock, and so every timer, stops while the machine is suspended.
  it('is given back: the handler does not run, and the retry does', async () => {
    const { clock, instance, shared } = setUp();
    let suspendedMs = 30 * SECOND;
    const replay = {
      ...bound(shared),
      async claim(...args: Parameters<ReplayStore['claim']>) {
        const result = await shared.claim(...args);
        clock.stepWall(suspendedMs);
        suspendedMs = 0;
        return result;
      },
    };
    const { send, runs, events, types } = instance({ replay });
    expect((await send()).status).toBe(503);
    expect(runs).toEqual([]);
    await vi.waitFor(() => expect(types('claimed', 'released')).toEqual(['released']));
    expect(events.find(({ type }) => type === 'refused')).toMatchObject({
      code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
      message: expect.stringContaining('lease of 30 s'),
    });
    expect((await send()).status).toBe(204);
    expect(runs).toEqual(['evt_1']);
  });

  it('counts its lease from the question, not from the response', async () => {
    const { clock, instance, signed } = setUp();
    const a = instance();
    a.store.mode = 'hang';
    const received = a.verifier.receive(signed('slow'));
    await clock.advance(4 * SECOND);
    a.store.thaw();
    const result = await received;
    if (result.state !== 'claimed') throw new Error(result.state);
    expect(result.claim.isOverdue()).toBe(false);
    await clock.advance(26 * SECOND - 1);
    expect([result.claim.isOverdue(), result.claim.signal.aborted]).toEqual([false, false]);
    await clock.advance(1);
    expect([result.claim.isOverdue(), result.claim.signal.aborted]).toEqual([true, true]);
  });
});

describe('a lease', () => {
  it('is renewed though claims fail at once: no other instance takes over', async () => {
    const { clock, instance } = setUp();
    const a = instance();
    const b = instance();
    const claim = await a.take();
    await a.exhaust();
    a.store.spared.add('renew');
    await clock.advance(60 * SECOND);
    expect(claim.signal.aborted).toBe(false);
    expect(await b.outcome()).toBe('IN_PROGRESS');
  });

  it('is given back though claims fail at once', async () => {
    const { instance } = setUp();
    const a = instance();
    const claim = await a.take();
    await a.exhaust();
    a.store.mode = 'up';
    await claim.release();
    expect(await instance().outcome()).toBe('claimed');
  });
});

describe("onStoreError: 'local'", () => {
  const local = { onStoreError: 'local' } as const;

  it('lets deliveries run while the store is down, and reports it', async () => {
    const { send, store, runs, types, verifier } = setUp().instance(local);
    store.mode = 'refuse';
    expect((await send()).status).toBe(204);
    expect(runs).toEqual(['evt_1']);
    await vi.waitFor(() =>
      expect(types('claimed-locally', 'claimed', 'committed')).toEqual([
        'claimed-locally',
        'claimed',
        'committed',
      ]),
    );
    const { state, warnings } = verifier.health();
    expect(state).toBe('degraded');
    expect(warnings).toContainEqual({
      code: 'replay-store',
      message: expect.stringContaining('in this process only'),
    });
  });

  it('catches duplicates within the process: handled, at work, and failed', async () => {
    const { send, store, runs, take, outcome } = setUp().instance(local);
    store.mode = 'refuse';
    await send();
    expect((await send()).status).toBe(200);
    expect(runs).toHaveLength(1);
    const claim = await take('evt_2');
    expect(await outcome('evt_2')).toBe('IN_PROGRESS');
    await claim.release();
    expect(await outcome('evt_2')).toBe('claimed');
  });

  it('remembers what this process knew before the store went down', async () => {
    const { clock, instance } = setUp();
    const a = instance(local);
    await a.send('handled here');
    await instance().send('handled elsewhere');
    expect(await a.outcome('handled elsewhere')).toBe('duplicate');
    const claim = await a.take('at work');
    await a.exhaust();
    expect(await a.outcome('handled here')).toBe('duplicate');
    expect(await a.outcome('handled elsewhere')).toBe('duplicate');
    expect(await a.outcome('at work')).toBe('IN_PROGRESS');
    // The handler is not told to stop: here the claim holds.
    await clock.advance(60 * SECOND);
    expect(claim.signal.aborted).toBe(false);
    expect(await a.outcome('at work')).toBe('IN_PROGRESS');
  });

  it('updates the store when it is back, so that other instances know', async () => {
    const { clock, instance } = setUp();
    const a = instance(local);
    const b = instance(local);
    a.store.mode = 'refuse';
    for (let n = 0; n < 100; n++) await a.send(`evt_${n}`);
    await clock.advance(120 * SECOND);
    expect(a.verifier.health().replay).toMatchObject({ pendingCommits: 100 });
    a.store.mode = 'up';
    await clock.advance(10 * SECOND);
    expect(a.verifier.health().replay).toMatchObject({ pendingCommits: 0 });
    for (let n = 0; n < 100; n++) expect(await b.outcome(`evt_${n}`)).toBe('duplicate');
  });

  it('updates a store whose claim got lost on the way, when that lease is over', async () => {
    const { clock, instance } = setUp();
    const a = instance(local);
    a.store.mode = 'lose reply';
    a.store.spared.add('commit');
    expect((await a.send()).status).toBe(204);
    a.store.mode = 'up';
    await clock.advance(40 * SECOND);
    expect(await instance().outcome()).toBe('duplicate');
    expect(a.verifier.health()).toMatchObject({ state: 'ready', replay: { pendingCommits: 0 } });
  });

  it('updates a store that went down between claim and commit, without waiting for a lease', async () => {
    const { clock, instance } = setUp();
    const a = instance(local);
    a.store.mode = 'refuse';
    await a.send();
    a.store.spared.add('claim');
    await clock.advance(10 * SECOND);
    a.store.mode = 'up';
    await clock.advance(5 * SECOND);
    expect(await instance().outcome()).toBe('duplicate');
  });

  it('runs a delivery once on each instance at most', async () => {
    const { instance } = setUp();
    const instances = [instance(local), instance(local)];
    for (const { store } of instances) store.mode = 'refuse';
    for (let n = 0; n < 5; n++) for (const { send } of instances) await send();
    expect(instances.map(({ runs }) => runs.length)).toEqual([1, 1]);
  });

  it('costs nothing once the store is known to hang', async () => {
    const { clock, instance } = setUp();
    const { send, store, runs } = instance(local);
    store.mode = 'hang';
    const first = Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => send(id)));
    await clock.advance(5 * SECOND);
    expect((await first).map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
    const asked = store.count('claim');
    for (let n = 0; n < 95; n++) expect((await send(`evt_${n}`)).status).toBe(204);
    expect(runs).toHaveLength(100);
    expect(store.count('claim')).toBe(asked);
  });

  it('lets the shared store decide while it responds', async () => {
    const { instance } = setUp();
    const a = instance(local);
    const b = instance(local);
    const claim = await a.take();
    expect(claim.fencingToken).toBe(1);
    expect(await b.outcome()).toBe('IN_PROGRESS');
    await claim.release();
    const second = await b.take();
    expect(second.fencingToken).toBe(2);
    await second.commit();
    expect(await a.outcome()).toBe('duplicate');
  });
});

describe('what an operator sees', () => {
  it('is a store in order', async () => {
    const { send, verifier } = setUp().instance();
    await send();
    expect(verifier.health()).toMatchObject({
      state: 'ready',
      replay: { name: 'custom', circuit: 'closed', failures: 0, failingSince: undefined, pendingCommits: 0 },
      warnings: [],
    });
  });

  it('is since when and why it is out of order, without a secret', async () => {
    const { clock, instance } = setUp();
    const { store, send, verifier, events } = instance();
    store.mode = 'refuse';
    const since = new Date(clock.now());
    for (let n = 0; n < 7; n++) {
      await send();
      await clock.advance(SECOND / 10);
    }
    const health = verifier.health();
    expect(health).toMatchObject({
      state: 'degraded',
      replay: { circuit: expect.stringMatching(/open/), failingSince: since },
      warnings: [{ code: 'replay-store', message: expect.stringContaining('ECONNREFUSED') }],
    });
    expect(health.warnings[0]?.message).toContain(since.toISOString());
    expect(JSON.stringify(health)).not.toContain('hunter2');
    const refused = events.filter(({ type }) => type === 'refused');
    expect(JSON.stringify(refused)).not.toContain('hunter2');
  });

  it("includes the store's own health", async () => {
    const { instance, shared } = setUp();
    const health = () => ({ name: 'redis', warnings: ['It may forget.'] });
    const { verifier } = instance({ replay: { ...bound(shared), health } });
    expect(verifier.health()).toMatchObject({
      state: 'degraded',
      replay: { name: 'redis', circuit: 'closed' },
      warnings: [{ code: 'replay-store', message: 'It may forget.' }],
    });
  });

  it('has no circuit if the store is in the process', () => {
    const { instance, shared } = setUp();
    const { verifier } = instance({ replay: shared });
    expect(verifier.health().replay).not.toHaveProperty('circuit');
  });
});

describe('the option', () => {
  const make = (options: object) => () => setUp().instance(options as Partial<VerifierOptions>);

  it.each<[object, RegExp]>([
    [{ onStoreError: 'locl' }, /"onStoreError".*Did you mean "local"/],
    [{ onStoreError: 'unavailble' }, /Did you mean "unavailable"/],
    [{ onStoreError: 'accept everything' }, /"onStoreError" must be "unavailable" or "local"\.$/],
    [{ onStoreError: true }, /"onStoreError"/],
    [{ onStoreError: null }, /"onStoreError"/],
    [{ onStoreErrors: 'local' }, /Did you mean "onStoreError"/],
  ])('refuses %j', (options, message) => {
    expect(make(options)).toThrow(message);
    expect(make(options)).toThrow(expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }));
  });

  it.each(['memory', 'off'])('changes nothing if the store is %s', async (kind) => {
    const replay = kind === 'off' ? (false as const) : memoryReplayStore();
    const { send, runs } = setUp().instance({ onStoreError: 'local', replay });
    await send();
    await send();
    expect(runs).toHaveLength(kind === 'off' ? 2 : 1);
  });
});

function bound(store: ReplayStore): ReplayStore {
  const steps: readonly Step[] = ['claim', 'renew', 'commit', 'release', 'forget'];
  return Object.fromEntries(steps.map((step) => [step, store[step].bind(store)])) as unknown as ReplayStore;
}

/** A server that can lose everything it knows. */
function replaceable(first: ReplayStore): ReplayStore & { replace(store: ReplayStore): void } {
  let store = first;
  return {
    claim: (...args) => store.claim(...args),
    renew: (...args) => store.renew(...args),
    commit: (...args) => store.commit(...args),
    release: (...args) => store.release(...args),
    forget: (...args) => store.forget(...args),
    replace(next) {
      store = next;
    },
  };
}
