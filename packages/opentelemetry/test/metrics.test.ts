import { memoryReplayStore, type ReplayStore, type Verifier } from '@countersign/core';
import { observeWithOpenTelemetry } from '@countersign/opentelemetry';
import { manualClock } from '@countersign/testing';
import { describe, expect, it, vi } from 'vitest';
import { delivery, FOREIGN, SECRET, verifierWith } from './support/receiver.ts';
import { meters } from './support/sdk.ts';

const orders = { endpoint: 'orders', scheme: 'standard-webhooks' };

describe('countersign.deliveries', () => {
  it('counts each request once, by its outcome, code and the role of its key', async () => {
    const { meterProvider, series } = meters();
    const observe = observeWithOpenTelemetry({ meterProvider, tracerProvider: false });
    const verifier = verifierWith(observe, { secrets: { current: FOREIGN, previous: SECRET } });
    const first = delivery();
    await verifier.handle(first, () => 202);
    await verifier.handle(first, () => 202);
    await verifier.handle(delivery({ secret: FOREIGN }), () => 409);
    await verifier.handle(delivery(), () => Promise.reject(new Error('no database')));
    await verifier.handle(delivery({ secret: `whsec_${'Zm9y'.repeat(8)}` }), () => undefined);
    await verifier.handle(delivery({ timestamp: new Date(0) }), () => undefined);
    await verifier.handle({ headers: {}, body: Buffer.from('{}') }, () => undefined);
    await settled();
    expect(sorted(await series('countersign.deliveries'))).toEqual(
      sorted([
        { value: 1, attributes: { ...orders, outcome: 'handled', 'key.role': 'previous' } },
        { value: 1, attributes: { ...orders, outcome: 'duplicate', 'key.role': 'previous' } },
        { value: 1, attributes: { ...orders, outcome: 'failed', 'key.role': 'current' } },
        { value: 1, attributes: { ...orders, outcome: 'failed', 'key.role': 'previous' } },
        refused('ERR_WEBHOOK_SIGNATURE_MISMATCH'),
        refused('ERR_WEBHOOK_TIMESTAMP_TOO_OLD'),
        refused('ERR_WEBHOOK_SIGNATURE_MISSING'),
      ]),
    );
  });

  it('counts what is refused after it was verified with its key, and measures it once', async () => {
    const { meterProvider, series } = meters();
    const verifier = verifierWith(observeWithOpenTelemetry({ meterProvider, tracerProvider: false }));
    const request = delivery();
    let end = (): void => undefined;
    const held = new Promise<void>((resolve) => (end = resolve));
    const started = vi.fn(() => held);
    const first = verifier.handle(request, started);
    await vi.waitFor(() => expect(started).toHaveBeenCalled());
    expect((await verifier.handle(request, () => undefined)).status).toBe(503);
    end();
    await first;
    await settled();
    const counted = await series('countersign.deliveries');
    const code = 'ERR_WEBHOOK_IN_PROGRESS';
    expect(counted).toContainEqual({
      value: 1,
      attributes: { ...orders, outcome: 'refused', code, 'key.role': 'current' },
    });
    expect(counted).toHaveLength(2);
    const measured = await series('countersign.verify.duration');
    expect(measured.map(({ attributes, count }) => [attributes.outcome, count])).toEqual([['verified', 2]]);
  });

  it('counts a delivery whose lease ended as lost, once', async () => {
    const { meterProvider, series } = meters();
    const clock = manualClock();
    const store = memoryReplayStore({ clock });
    const forgetful: ReplayStore = {
      claim: (...args) => store.claim(...args),
      renew: async () => false,
      commit: async () => false,
      release: async () => false,
      forget: async () => false,
    };
    const observe = observeWithOpenTelemetry({ meterProvider, tracerProvider: false });
    const verifier = verifierWith(observe, { clock, replay: forgetful });
    await verifier.handle(delivery({ timestamp: new Date(clock.now()) }), () => clock.advance(20_000));
    await settled();
    const counted = await series('countersign.deliveries');
    expect(counted.map(({ attributes, value }) => [attributes.outcome, value])).toEqual([['lost', 1]]);
  });

  it('counts with replay: false too', async () => {
    const { meterProvider, series } = meters();
    const observe = observeWithOpenTelemetry({ meterProvider, tracerProvider: false });
    const verifier = verifierWith(observe, { replay: false });
    await verifier.handle(delivery(), () => undefined);
    await verifier.handle(delivery(), () => 500);
    const counted = await series('countersign.deliveries');
    expect(counted.map(({ attributes }) => attributes.outcome).sort()).toEqual(['failed', 'handled']);
  });
});

describe('durations', () => {
  it('are in seconds, and those of handlers do not contain the store', async () => {
    const { meterProvider, series } = meters();
    const clock = manualClock();
    const store = memoryReplayStore({ clock });
    const slow: ReplayStore = {
      claim: (...args) => store.claim(...args),
      renew: (...args) => store.renew(...args),
      release: (...args) => store.release(...args),
      forget: (...args) => store.forget(...args),
      async commit(...args) {
        await clock.advance(2000);
        return store.commit(...args);
      },
    };
    const observe = observeWithOpenTelemetry({ meterProvider, tracerProvider: false });
    const verifier = verifierWith(observe, { clock, replay: slow });
    const { headers, body } = delivery({ timestamp: new Date(clock.now()) });
    const slowBody = async () => {
      await clock.advance(1500);
      return body;
    };
    await verifier.handle({ headers, body: slowBody }, () => clock.advance(250));
    await settled();
    expect(await series('countersign.verify.duration')).toEqual([
      { value: 1.5, count: 1, attributes: { endpoint: 'orders', outcome: 'verified' } },
    ]);
    expect(await series('countersign.handler.duration')).toEqual([
      { value: 0.25, count: 1, attributes: { endpoint: 'orders', outcome: 'handled' } },
    ]);
  });
});

describe('the health of verifiers', () => {
  it('is measured at each collection: age, keys, store, bytes and warnings', async () => {
    const { meterProvider, series } = meters();
    const verifiers: Verifier[] = [];
    const observe = observeWithOpenTelemetry({
      ...{ meterProvider, tracerProvider: false as const },
      verifiers: () => verifiers,
    });
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
    let load = async () => ({ current: FOREIGN, previous: { secret: SECRET, notAfter } });
    const store = memoryReplayStore();
    const shared: ReplayStore = {
      claim: (...args) => store.claim(...args),
      renew: (...args) => store.renew(...args),
      commit: (...args) => store.commit(...args),
      release: (...args) => store.release(...args),
      forget: (...args) => store.forget(...args),
    };
    const verifier = verifierWith(observe, { secrets: () => load(), replay: shared });
    verifiers.push(verifier);
    await verifier.ready();
    const before = Date.now() / 1000 - 1;
    await verifier.handle(delivery(), () => undefined);
    const [age] = await series('countersign.secrets.age');
    expect(age?.attributes).toEqual({ endpoint: 'orders', provider: 'function' });
    expect(age?.value).toBeGreaterThanOrEqual(0);
    const { keys } = verifier.health().secrets;
    const id = keys.find(({ role }) => role === 'previous')?.id;
    const previous = { endpoint: 'orders', 'key.id': id, 'key.role': 'previous' };
    expect(await series('countersign.key.last_match')).toEqual([
      { value: expect.any(Number), attributes: previous },
    ]);
    expect((await series('countersign.key.last_match'))[0]?.value).toBeGreaterThan(before);
    expect(await series('countersign.key.not_after')).toEqual([
      { value: notAfter.getTime() / 1000, attributes: previous },
    ]);
    expect(await series('countersign.replay.circuit')).toEqual([
      { value: 0, attributes: { endpoint: 'orders', store: 'custom' } },
    ]);
    expect(await series('countersign.warnings')).toEqual([]);

    load = () => Promise.reject(new Error('the vault is sealed'));
    await expect(verifier.reload()).rejects.toThrow();
    expect(await series('countersign.warnings')).toEqual([
      { value: 1, attributes: { endpoint: 'orders', code: 'reload-failed' } },
    ]);
    expect(await series('countersign.secrets.reload_failures')).toEqual([
      {
        value: 1,
        attributes: { endpoint: 'orders', provider: 'function', code: 'ERR_WEBHOOK_PROVIDER_FAILED' },
      },
    ]);

    const { headers, body } = delivery();
    let arrive = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const reading = vi.fn();
    const slow = verifier.handle(
      {
        headers,
        async body(reserve) {
          reserve?.(1000);
          reading();
          await arrived;
          return body;
        },
      },
      () => undefined,
    );
    await vi.waitFor(() => expect(reading).toHaveBeenCalled());
    expect(await series('countersign.pending_bytes')).toEqual([
      { value: 1000, attributes: { endpoint: 'orders' } },
    ]);
    arrive();
    await slow;
    expect(await series('countersign.pending_bytes')).toEqual([
      { value: 0, attributes: { endpoint: 'orders' } },
    ]);
  });
});

describe('attributes', () => {
  it('are a closed list, without anything that a sender chooses', async () => {
    const metrics = meters();
    const verifiers: Verifier[] = [];
    const observe = observeWithOpenTelemetry({
      meterProvider: metrics.meterProvider,
      tracerProvider: false,
      verifiers: () => verifiers,
    });
    const verifier = verifierWith(observe, { secrets: { current: FOREIGN, previous: SECRET } });
    verifiers.push(verifier);
    const good = delivery();
    await verifier.handle({ ...good, requestId: 'chosen-by-anybody' }, () => undefined);
    await verifier.handle(good, () => undefined);
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'user-agent']) {
      const { headers, body } = delivery();
      await verifier.handle(
        { headers: { ...headers, [name]: 'chosen-by-anybody' }, body, url: '/chosen-by-anybody' },
        () => undefined,
      );
    }
    await verifier.handle(delivery(), () => Promise.reject(new Error('chosen-by-anybody')));
    await settled();
    const { names, text } = await metrics.everything();
    expect(names).toEqual([...['code', 'endpoint', 'key.id', 'key.role', 'outcome', 'provider', 'scheme']]);
    expect(text).not.toContain('chosen-by-anybody');
    expect(text).not.toContain(good.id);
  });

  it('stay as few when attackers send thousands of different requests', async () => {
    const { meterProvider, series } = meters();
    const verifier = verifierWith(observeWithOpenTelemetry({ meterProvider, tracerProvider: false }));
    for (let count = 0; count < 300; count++) {
      await verifier.handle(delivery({ secret: FOREIGN }), () => undefined);
      await verifier.handle(
        { headers: { [`x-${count}`]: '1' }, body: Buffer.from([count]) },
        () => undefined,
      );
    }
    expect(await series('countersign.deliveries')).toHaveLength(2);
    expect(await series('countersign.verify.duration')).toHaveLength(1);
  });
});

function refused(code: string) {
  return { value: 1, attributes: { ...orders, outcome: 'refused', code } };
}

/** Commits go on after the response. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function sorted<T extends { attributes: object }>(series: readonly T[]): T[] {
  const text = ({ attributes }: T) => JSON.stringify(Object.entries(attributes).sort());
  return [...series].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}
