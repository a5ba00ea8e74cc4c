import { createKeyring, type Keyring } from '@countersign/core';
import { polyai } from '@countersign/schemes';
import { manualClock } from '@countersign/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { A, B, type FaultFixture, FORGED, startFaultFixture } from '../../support/keyring/fixture.ts';
import { type SecretService, startSecretService } from '../../support/keyring/secret-service.ts';

const HOUR = 3_600_000;
const SECOND = 1000;

const closings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

async function start(options: Parameters<typeof startFaultFixture>[0] = {}): Promise<FaultFixture> {
  const fixture = await startFaultFixture(options);
  closings.push(fixture.close);
  return fixture;
}

describe('a source that goes back in time', () => {
  const codes = ({ verifier }: FaultFixture) => verifier.health().warnings.map(({ code }) => code);

  it('is followed, because the source decides, and health() warns until it is back', async () => {
    const fixture = await start();
    const { service, verifier, deliver } = fixture;
    const old = { current: A, version: '1' };
    const newer = { current: B, version: '2' };

    service.content = newer;
    expect(await verifier.reload()).toMatchObject({ state: 'ready', warnings: [] });

    service.content = old;
    for (let load = 0; load < 2; load++) {
      expect(await verifier.reload()).toMatchObject({
        state: 'degraded',
        secrets: { version: '1' },
        warnings: [
          { code: 'version-went-back', message: expect.stringMatching(/version 1 after version 2/) },
        ],
      });
      expect(await deliver(A)).toBe('current');
    }

    service.content = newer;
    expect(await verifier.reload()).toMatchObject({ state: 'ready', warnings: [] });
    expect(await deliver(B)).toBe('current');
  });

  it('is distinguished from one that only repeats itself, returns no version, or a new one for the old secret', async () => {
    const fixture = await start();
    const { service, verifier } = fixture;
    const sets = [
      { current: A, version: '1' },
      { current: B },
      { current: A },
      { current: A, version: '1' },
      { current: B, version: '2' },
      { current: A, version: '3' },
    ];
    for (const set of sets) {
      service.content = set;
      await verifier.reload();
      expect(codes(fixture)).toEqual([]);
    }
  });

  it('does not bring a revoked key back', async () => {
    const { service, verifier, deliver } = await start();
    service.content = { current: { secret: B, id: 'b' }, version: '2' };
    await verifier.reload();
    await verifier.revoke('b');
    service.content = { current: A, version: '1' };
    await verifier.reload();
    service.content = { current: A, previous: { secret: B, id: 'b' }, version: '2' };
    await verifier.reload();
    expect(verifier.health().secrets.keys.map(({ role }) => role)).toEqual(['current']);
    expect(await deliver(A)).toBe('current');
  });

  it('is known among many versions, though not all of them can be remembered', async () => {
    const fixture = await start();
    const { service, verifier } = fixture;
    for (let version = 2; version <= 100; version++) {
      service.content = { current: A, version: String(version) };
      await verifier.reload();
      expect(codes(fixture)).toEqual([]);
    }
    service.content = { current: A, version: '60' };
    await verifier.reload();
    expect(codes(fixture)).toEqual(['version-went-back']);
  });
});

describe('a machine whose clock goes back', () => {
  it('goes on loading on time, and counts the age of a set as before', async () => {
    const fixture = await start({ intervalSeconds: 100, maxStaleSeconds: 600 });
    const { service, clock, verifier, deliver } = fixture;
    clock.stepWall(-1000 * HOUR);
    const before = service.calls.length;
    await service.pass(1200 * SECOND, 5 * SECOND);
    expect(service.calls.length - before).toBeGreaterThanOrEqual(10);
    expect(await deliver(A)).toBe('current');
    await service.proxy.refuse();
    await service.pass(725 * SECOND, 5 * SECOND);
    expect(verifier.health()).toMatchObject({ state: 'not-ready' });
  });
});

describe('a source that comes back after an hour', () => {
  it('was asked at least every minute, and is in use again within one; until then the last good set was', async () => {
    const { service, clock, verifier, events, deliver } = await start();
    await service.proxy.refuse();
    const previous = { secret: A, notAfter: new Date(clock.now() + 2 * HOUR).toISOString() };
    service.content = { current: B, previous, version: '2' };
    const from = clock.monotonic();
    for (let minutes = 0; minutes < 60; minutes++) {
      await service.pass(60 * SECOND, SECOND);
      expect(await deliver(A)).toBe('current');
    }
    const failures = events.filter(({ type }) => type === 'secrets-failed').length;
    // The timer finds out after 6 minutes at most; then once a minute at least, and half a minute on average.
    expect(failures).toBeGreaterThanOrEqual(54);
    expect(failures).toBeLessThan(250);
    expect(verifier.health()).toMatchObject({ state: 'degraded', warnings: [{ code: 'reload-failed' }] });
    expect(clock.monotonic() - from).toBe(HOUR);

    await service.proxy.heal();
    await service.pass(60 * SECOND, SECOND);
    expect(verifier.health()).toMatchObject({ state: 'ready', warnings: [], secrets: { version: '2' } });
    expect([await deliver(B), await deliver(A)]).toEqual(['current', 'previous']);
  });

  it('had nothing accepted if the set may not grow so old, and everything again when it is back', async () => {
    const { service, verifier, deliver } = await start({ maxStaleSeconds: 1800, mismatchWaitMs: 0 });
    await service.proxy.refuse();
    await service.pass(HOUR, SECOND);
    expect([await deliver(A), await deliver(FORGED)]).toEqual(['NOT_READY', 'NOT_READY']);
    await service.proxy.heal();
    await service.pass(60 * SECOND, SECOND);
    expect(await deliver(A)).toBe('current');
    expect(verifier.health().state).toBe('ready');
  });

  it('makes an instance ready that was started without it', async () => {
    const clock = manualClock();
    const service = await startSecretService(clock, { current: A });
    closings.push(service.close);
    await service.proxy.refuse();
    const keyring = createKeyring(service.provider(), { scheme: polyai(), clock });
    closings.push(() => keyring.close());
    await expect(keyring.ready()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    await service.pass(HOUR, 2 * SECOND);
    await service.proxy.heal();
    await service.pass(60 * SECOND, SECOND);
    await keyring.ready();
    expect(keyring.health()).toMatchObject({ state: 'ready' });
  });
});

describe('500 instances that start at once', () => {
  const INSTANCES = 500;
  const SLOT = 100;

  async function startAll(refuse: SecretService['refuse']) {
    const clock = manualClock();
    const service = await startSecretService(clock, { current: A });
    closings.push(service.close);
    service.refuse = refuse;
    const keyrings = Array.from({ length: INSTANCES }, (): Keyring => {
      const keyring = createKeyring(service.provider(), { scheme: polyai(), clock });
      closings.push(() => keyring.close());
      void keyring.ready();
      return keyring;
    });
    await service.settled();
    await clock.advance(0);
    const ready = () => keyrings.filter((keyring) => keyring.health().state === 'ready').length;
    /** The most calls within a tenth of a second, after the first one of each. */
    const busiest = () => {
      const slots = new Map<number, number>();
      for (const at of service.calls.filter((time) => time > 0)) {
        const slot = Math.floor(at / SLOT);
        slots.set(slot, (slots.get(slot) ?? 0) + 1);
      }
      return Math.max(0, ...slots.values());
    };
    return { service, ready, busiest };
  }

  it('ask once each', async () => {
    const { service, ready } = await startAll(() => undefined);
    expect([service.calls.length, ready()]).toEqual([INSTANCES, INSTANCES]);
    await service.pass(5 * SECOND, SECOND);
    expect(service.calls).toHaveLength(INSTANCES);
  });

  it('and are refused come back spread, and do not keep down a source that is back after 4 seconds', async () => {
    let isDown = true;
    const { service, ready, busiest } = await startAll(() => (isDown ? 503 : undefined));
    expect([service.calls.length, ready()]).toEqual([INSTANCES, 0]);
    await service.pass(4 * SECOND, SLOT);
    isDown = false;
    await service.pass(60 * SECOND, SLOT);
    expect(ready()).toBe(INSTANCES);
    // All at once it would be 500. The first waits are spread over 0.25 to 1 s (67 a slot), and second calls overlap with their end:
    // 110 are expected in the busiest slot, with a standard deviation of 10.
    expect(busiest()).toBeLessThan(175);
  });

  it('get through to a source that accepts no more than 50 calls a second', async () => {
    const taken = new Map<number, number>();
    const { service, ready } = await startAll((at) => {
      const second = Math.floor(at / SECOND);
      taken.set(second, (taken.get(second) ?? 0) + 1);
      return (taken.get(second) ?? 0) > 50 ? 429 : undefined;
    });
    await service.pass(100 * SECOND, SLOT);
    // Had they come back together each time, 50 would have got in at each round, and the tenth be after five minutes.
    expect(ready()).toBe(INSTANCES);
    expect(service.calls.length).toBeLessThan(3000);
  });
});
