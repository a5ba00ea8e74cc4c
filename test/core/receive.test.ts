import { createHash } from 'node:crypto';
import {
  createVerifier,
  defineScheme,
  memoryReplayStore,
  type ReceivedWebhook,
  type ReplayStore,
  replayRecord,
  type SchemeDefinition,
  type VerifierOptions,
  WebhookError,
  type WebhookEvent,
} from '@countersign/core';
import { manualClock, sign, tamper } from '@countersign/testing';
import { describe, expect, it, vi } from 'vitest';

const secret = 'a-signing-secret-of-32-characters';
const definition = {
  name: 'acme',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    timestamp: { header: 'x-time', unit: 's' },
    content: '{timestamp}.{body}',
  },
  identity: { bodyField: 'id' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 3600,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
} as const satisfies SchemeDefinition;

function setUp(options: Partial<VerifierOptions> = {}, changes: Partial<SchemeDefinition> = {}) {
  const clock = manualClock();
  const events: WebhookEvent[] = [];
  const scheme = defineScheme({ ...definition, ...changes });
  const verifier = createVerifier({
    scheme,
    secrets: secret,
    clock,
    observe: (event) => events.push(event),
    ...options,
  });
  const signed = (body = '{"id":"evt_1"}') => sign(scheme, { secret, body, timestamp: clock.now() / 1000 });
  const types = () =>
    events.map((event) => event.type).filter((type) => !['verified', 'secrets-loaded'].includes(type));
  return { clock, events, types, verifier, signed };
}

/** A real memory store whose calls can be made to fail. */
function failingStore(
  failures: Partial<Record<keyof ReplayStore, number>>,
  clock = manualClock(),
): ReplayStore {
  const store = memoryReplayStore({ clock });
  return new Proxy(store, {
    get: (target, name: keyof ReplayStore) => {
      const method = target[name];
      if (typeof method !== 'function') return method;
      return (...args: never[]) => {
        const left = failures[name] ?? 0;
        if (left > 0) {
          failures[name] = left - 1;
          return Promise.reject(new Error('connection refused'));
        }
        return (method as (...args: never[]) => unknown).apply(target, args);
      };
    },
  });
}

describe('handle', () => {
  it('runs the handler once and answers a duplicate 200 without it', async () => {
    const { verifier, signed, types } = setUp();
    const seen: string[] = [];
    const handler = (webhook: ReceivedWebhook) => {
      seen.push(webhook.id);
      return 202;
    };
    expect((await verifier.handle(signed(), handler)).status).toBe(202);
    expect(await verifier.handle(signed(), handler)).toMatchObject({ status: 200, body: '' });
    expect(seen).toEqual(['evt_1']);
    expect(types()).toEqual(['claimed', 'committed', 'duplicate']);
  });

  it.each<[string, unknown, number]>([
    ['nothing', undefined, 204],
    ['a status', 201, 201],
    ['a response', { status: 200, headers: { a: 'b' }, body: 'ok' }, 200],
    ['a value that is not a status', { row: 1 }, 204],
    ['a number that is not a status', 1, 204],
  ])('takes %s from its handler', async (_, result, status) => {
    const { verifier, signed } = setUp();
    expect((await verifier.handle(signed(), () => result)).status).toBe(status);
  });

  it.each<[string, (n: number) => unknown]>([
    ['returns an error', () => new Error('db down')],
    [
      'throws',
      () => {
        throw new Error('db down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('db down'))],
    ['answers 500', () => 500],
    ['answers 404', () => 404],
    ['answers 300', () => 300],
    ['answers 302', () => 302],
  ])('lets the retry run again when the handler %s', async (_, fail) => {
    const { verifier, signed } = setUp();
    let runs = 0;
    const handler = () => {
      runs += 1;
      return runs === 1 ? fail(runs) : undefined;
    };
    expect((await verifier.handle(signed(), handler)).status).toBeGreaterThanOrEqual(300);
    expect((await verifier.handle(signed(), handler)).status).toBe(204);
    expect(runs).toBe(2);
  });

  it('answers what a handler throws without a word of it', async () => {
    const { verifier, signed, events } = setUp();
    const error = new Error('postgres://user:password@db');
    const answer = await verifier.handle(signed(), () => Promise.reject(error));
    expect(answer.status).toBe(500);
    expect(String(answer.body)).not.toContain('postgres');
    expect(events).toContainEqual(expect.objectContaining({ type: 'handler-failed', error }));
  });

  it('warns the operator of a handler that fails, if there is no observer', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const { verifier, signed } = setUp({ observe: undefined, endpoint: 'unobserved' } as never);
      expect((await verifier.handle(signed(), () => Promise.reject(new Error('db down')))).status).toBe(500);
      expect(warned.mock.calls).toEqual([
        [
          expect.stringMatching(/"unobserved" failed: Error: db down/),
          expect.objectContaining({ code: 'COUNTERSIGN_HANDLER_FAILED' }),
        ],
      ]);
      warned.mockClear();
      const observed = setUp();
      await observed.verifier.handle(observed.signed(), () => Promise.reject(new Error('db down')));
      expect(warned).not.toHaveBeenCalled();
    } finally {
      warned.mockRestore();
    }
  });

  it("does not turn the caller's own mistake into a response", async () => {
    const { verifier, signed } = setUp();
    await expect(verifier.handle(signed(), () => 200, null as never)).rejects.toThrow(TypeError);
  });

  it('runs the handler once under 100 parallel duplicates and asks the others to come back', async () => {
    const { verifier, signed } = setUp();
    let runs = 0;
    let finish: () => void = () => undefined;
    const handler = () => {
      runs += 1;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    };
    const answers = Array.from({ length: 100 }, () => verifier.handle(signed(), handler));
    const others = await Promise.all(answers.slice(1));
    for (const answer of others) {
      expect(answer.status).toBe(503);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(30);
    }
    finish();
    expect((await answers[0])?.status).toBe(204);
    expect(runs).toBe(1);
  });

  it('answers every refusal with the same words', async () => {
    const { verifier, signed } = setUp();
    const bodies = new Set<unknown>();
    for (const request of [
      tamper(signed()),
      { headers: {}, body: new Uint8Array() },
      { ...signed(), headers: { 'x-signature': 'zz' } },
    ]) {
      bodies.add((await verifier.handle(request, () => 200)).body);
    }
    expect([...bodies]).toEqual(['{"error":"webhook refused"}']);
  });

  it('responds to a success and a duplicate with the acknowledgement of the sender', async () => {
    const acknowledgement = { contentType: 'text/plain', body: 'Hello' };
    const { verifier, signed } = setUp({}, { delivery: { ...definition.delivery, acknowledgement } });
    for (let n = 0; n < 2; n++) {
      expect(await verifier.handle(signed(), () => undefined)).toEqual({
        status: 200,
        headers: { 'content-type': 'text/plain' },
        body: 'Hello',
      });
    }
  });
});

describe('a claim', () => {
  async function claimed(setup: ReturnType<typeof setUp>) {
    const received = await setup.verifier.receive(setup.signed());
    if (received.state !== 'claimed') throw new Error('expected a claim');
    return received;
  }

  it('is renewed while its handler runs', async () => {
    const setup = setUp({ leaseSeconds: 30 });
    const { claim } = await claimed(setup);
    await setup.clock.advance(120_000);
    await expect(setup.verifier.receive(setup.signed())).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_IN_PROGRESS',
      status: 503,
    });
    expect(claim.signal.aborted).toBe(false);
    await claim.commit();
    expect((await setup.verifier.receive(setup.signed())).state).toBe('duplicate');
  });

  it('is aborted, not released, when its handler takes too long; then its lease lapses', async () => {
    const setup = setUp({ leaseSeconds: 30, handlerTimeoutSeconds: 60 });
    const { claim } = await claimed(setup);
    await setup.clock.advance(60_000);
    expect(claim.signal.aborted).toBe(true);
    await expect(setup.verifier.receive(setup.signed())).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_IN_PROGRESS',
    });
    await setup.clock.advance(30_001);
    const second = await claimed(setup);
    expect(second.claim.fencingToken).toBeGreaterThan(claim.fencingToken);
    await claim.commit();
    expect(setup.types()).toContain('claim-lost');
    await expect(setup.verifier.receive(setup.signed())).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_IN_PROGRESS',
    });
  });

  it('still commits late if no other claim took over', async () => {
    const setup = setUp({ leaseSeconds: 30, handlerTimeoutSeconds: 60 });
    const { claim } = await claimed(setup);
    await setup.clock.advance(200_000);
    await claim.commit();
    expect((await setup.verifier.receive(setup.signed())).state).toBe('duplicate');
  });

  it('is settled once: what comes later is ignored', async () => {
    const setup = setUp();
    const { claim } = await claimed(setup);
    await Promise.all([claim.commit(), claim.release(), claim.commit()]);
    expect((await setup.verifier.receive(setup.signed())).state).toBe('duplicate');
    expect(setup.types()).toEqual(['claimed', 'committed', 'duplicate']);
  });

  it('leaves no timer behind when it is settled', async () => {
    const setup = setUp();
    const before = setup.clock.pending();
    const { claim } = await claimed(setup);
    expect(setup.clock.pending()).toBeGreaterThan(before);
    await claim.release();
    expect(setup.clock.pending()).toBe(before);
  });

  it('is committed at the third try if the store fails twice', async () => {
    const setup = setUp({ replay: failingStore({ commit: 2 }) });
    const { claim } = await claimed(setup);
    const commit = claim.commit();
    await setup.clock.advance(100);
    await setup.clock.advance(300);
    await commit;
    expect(setup.types()).toContain('committed');
  });

  it('reports a store that accepts no commit for the time of a lease', async () => {
    const setup = setUp({ leaseSeconds: 30, replay: failingStore({ commit: Number.POSITIVE_INFINITY }) });
    const { claim } = await claimed(setup);
    const commit = expect(claim.commit()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
    await setup.clock.advance(29_000);
    expect(setup.types()).not.toContain('commit-failed');
    await setup.clock.advance(11_000);
    await commit;
    expect(setup.types()).toContain('commit-failed');
  });

  it('survives a renewal that fails while the lease lasts, and aborts when it may have been lost', async () => {
    const clock = manualClock();
    const setup = setUp({ leaseSeconds: 30, replay: failingStore({ renew: 2 }, clock), clock });
    const { claim } = await claimed({ ...setup, clock });
    await clock.advance(20_000);
    expect(claim.signal.aborted).toBe(false);
    const lost = setUp({ leaseSeconds: 30, replay: failingStore({ renew: 99 }, clock), clock });
    const second = await claimed({ ...lost, clock });
    await clock.advance(30_000);
    expect(second.claim.signal.aborted).toBe(true);
    expect(lost.types()).toContain('claim-lost');
  });

  it('aborts when its lease is over though the renewal hangs', async () => {
    const clock = manualClock();
    const store = memoryReplayStore({ clock });
    const hanging: ReplayStore = {
      claim: (...args) => store.claim(...args),
      commit: (...args) => store.commit(...args),
      release: (...args) => store.release(...args),
      forget: (...args) => store.forget(...args),
      renew: () => new Promise(() => undefined),
    };
    const setup = setUp({ leaseSeconds: 30, replay: hanging, clock });
    const { claim } = await claimed({ ...setup, clock });
    await clock.advance(29_999);
    expect(claim.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(claim.signal.aborted).toBe(true);
  });

  it("is refused, retryably, if the store can't be asked", async () => {
    const { verifier, signed } = setUp({ replay: failingStore({ claim: 1 }) });
    await expect(verifier.receive(signed())).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
      status: 503,
    });
    expect((await verifier.receive(signed())).state).toBe('claimed');
  });

  it('is refused, retryably, if the store is full of what it must not forget', async () => {
    const { verifier, signed } = setUp({ replay: memoryReplayStore({ maxEntries: 1 }) });
    expect((await verifier.handle(signed(), () => 200)).status).toBe(200);
    await expect(verifier.receive(signed('{"id":"evt_2"}'))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_STORE_FULL',
      status: 503,
    });
  });

  it('is left to the handler if the caller says so: nothing is recorded', async () => {
    const { verifier, signed, types } = setUp();
    for (let n = 0; n < 2; n++) {
      const received = await verifier.receive(signed(), { claim: 'manual' });
      if (received.state !== 'claimed') throw new Error('expected a claim');
      expect(received.webhook.fencingToken).toBe(0);
      await received.claim.commit();
    }
    expect(types()).toEqual([]);
    expect((await verifier.receive(signed())).state).toBe('claimed');
  });

  it('can be asked for by itself', async () => {
    const { verifier, signed } = setUp();
    const webhook = await verifier.verify(signed());
    const claim = await verifier.claim(webhook);
    if (claim.state !== 'claimed') throw new Error('expected a claim');
    expect(claim.fencingToken).toBeGreaterThan(0);
    await expect(verifier.claim(webhook)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_IN_PROGRESS' });
    await claim.commit();
    expect(await verifier.claim(webhook)).toEqual({ state: 'duplicate' });

    const unprotected = setUp({ replay: false });
    const again = await unprotected.verifier.verify(unprotected.signed());
    for (let n = 0; n < 2; n++)
      expect(await unprotected.verifier.claim(again)).toMatchObject({ state: 'claimed', fencingToken: 0 });
  });

  it("is nothing if replay protection is off, but the handler's time still counts", async () => {
    const setup = setUp({ replay: false, handlerTimeoutSeconds: 10 });
    const { claim, webhook } = await claimed(setup);
    expect(webhook.fencingToken).toBe(0);
    await setup.clock.advance(10_000);
    expect(webhook.signal.aborted).toBe(true);
    await claim.commit();
    expect((await setup.verifier.receive(setup.signed())).state).toBe('claimed');
  });
});

describe("a delivery's identity", () => {
  async function keysOf(
    options: Partial<VerifierOptions>,
    changes: Partial<SchemeDefinition>,
    bodies: string[],
  ) {
    const { verifier, signed } = setUp(options, changes);
    const webhooks = await Promise.all(bodies.map((body) => verifier.verify(signed(body))));
    return webhooks.map((webhook) => replayRecord(webhook).key);
  }

  it('is the signed field, with any other content of the body', async () => {
    const [a, b, c] = await keysOf({}, {}, [
      '{"id":"evt_1","try":1}',
      '{"id":"evt_1","try":2}',
      '{"id":"evt_2"}',
    ]);
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });

  it('is the whole body if the field is absent, empty or no name', async () => {
    const bodies = [
      '{}',
      '{"id":""}',
      '{"id":null}',
      '{"id":{}}',
      '[]',
      'no json',
      '',
      '{"__proto__":{"id":"x"}}',
      '{"id":"\\ud800"}',
      '{"id":"\\ud801"}',
    ];
    expect(new Set(await keysOf({}, {}, bodies)).size).toBe(bodies.length);
  });

  it('never reads alike for an id and a body, or for two endpoints', async () => {
    const digest = createHash('sha256').update('{}').digest('hex');
    const [byId] = await keysOf({}, {}, [`{"id":"${digest}"}`]);
    const [byBody] = await keysOf({}, { identity: 'body' }, ['{}']);
    const [elsewhere] = await keysOf({ endpoint: 'other' }, { identity: 'body' }, ['{}']);
    expect(new Set([byId, byBody, elsewhere]).size).toBe(3);
  });

  it('is what deliveryKey returns, if there is one', async () => {
    const deliveryKey = (webhook: { json(): unknown }) => (webhook.json() as { order: string }).order;
    const [a, b] = await keysOf({ deliveryKey }, {}, ['{"id":"1","order":"o"}', '{"id":"2","order":"o"}']);
    expect(a).toBe(b);
  });

  it("can't be nothing: a deliveryKey without a name is refused", async () => {
    const { verifier, signed } = setUp({ deliveryKey: () => '' });
    await expect(verifier.receive(signed())).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
  });

  it('is unknown if deliveryKey throws, and the operator sees why', async () => {
    const deliveryKey = () => {
      throw new Error('no order');
    };
    const { verifier, signed } = setUp({ deliveryKey });
    await expect(verifier.receive(signed())).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('"deliveryKey"'),
    });
  });

  it('stays the same when a retry is signed again, so that the second run is spared', async () => {
    const { verifier, signed, clock } = setUp();
    expect((await verifier.handle(signed(), () => 200)).status).toBe(200);
    await clock.advance(3_600_000);
    const received = await verifier.receive(signed());
    expect(received.state).toBe('duplicate');
  });

  it('is of no use to anything that no verifier made', () => {
    expect(() => replayRecord({} as never)).toThrow(WebhookError);
  });
});
