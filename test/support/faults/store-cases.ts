import type { ReplayStore } from '@countersign/core';
import type { FaultProxy } from '@countersign-internal/simulator';
import { expect, it, vi } from 'vitest';
import { faultFixture, gate, newSecret, PATIENCE } from './fixture.ts';
import { injectFault, MOMENTS, STRIKES } from './inject-fault.ts';

/** A store with its server, and the proxy between them; each test has a new proxy and a new store. */
export interface StoreStage {
  readonly server: { kill(): Promise<void>; restart(): Promise<void> };
  readonly proxy: FaultProxy;
  readonly store: ReplayStore;
  /** Makes a connection ready, so that the next thing that is said on it is what the store says. */
  connected(): Promise<void>;
  /** A store on the same records that reaches the server without the proxy. */
  direct(): ReplayStore;
}

/** What a store with a server must do for a receiver when the server, or the way to it, fails. Registers the tests. */
export function storeFaultCases(stage: StoreStage): void {
  async function killServer(): Promise<void> {
    await stage.server.kill();
    await vi.waitFor(() => expect(stage.proxy.stats().open).toBe(0), PATIENCE);
  }

  it('a claim outlives a server that is killed while the handler runs', async () => {
    const fixture = await faultFixture(stage.store, { leaseSeconds: 60 });
    fixture.onRun = async () => {
      await killServer();
      await stage.server.restart();
    };
    await fixture.deliverOne();
    await fixture.seen('committed');

    expect(await fixture.redeliver(1)).toBe(200);
    expect(fixture.runs).toHaveLength(1);
  });

  it('a server that is down when the handler has failed lets the retry run once it is back', async () => {
    const fixture = await faultFixture(stage.store);
    fixture.onRun = async () => {
      if (fixture.runs.length > 1) return 204;
      await killServer();
      return 500;
    };
    const delivered = fixture.deliverOne();
    await fixture.seen(['release-failed', 'released']);
    await stage.server.restart();
    await delivered;

    expect(fixture.runs.map(({ fencingToken }) => fencingToken > 1)).toEqual([false, true]);
    expect(await fixture.redeliver(1)).toBe(200);
    expect(fixture.runs).toHaveLength(2);
  });

  it('a server that is down for longer than the lease when the handler is done learns of it when it is back', async () => {
    const fixture = await faultFixture(stage.store);
    fixture.onRun = killServer;
    await fixture.deliverOne();
    await fixture.seen('commit-failed');
    expect(await fixture.deliver(1)).toBe(200);
    await stage.server.restart();
    await fixture.seen('committed');

    expect(await fixture.redeliver(1)).toBe(200);
    expect(fixture.runs).toHaveLength(1);
  });

  // At-least-once: for longer than a lease, only the one who is cut off knows that the delivery was handled.
  it('an instance that is cut off when its handler is done lets another one run what is sent again, and takes nothing from it', async () => {
    const secret = newSecret();
    const cutOff = await faultFixture(stage.store, { secret });
    const other = await faultFixture(stage.direct(), { secret, leaseSeconds: 60 });
    cutOff.onRun = async () => {
      await stage.proxy.refuse();
      stage.proxy.cut();
    };
    const hold = gate();
    other.onRun = () => hold.opened;
    expect(await cutOff.redeliver(7)).toBe(204);
    await cutOff.seen('commit-failed');
    const again = other.redeliver(7);
    await vi.waitFor(() => expect(other.runs).toHaveLength(1), PATIENCE);
    expect(other.runs[0]?.fencingToken).toBeGreaterThan(1);

    await stage.proxy.heal();
    expect(await cutOff.deliver(7)).toBe(200);
    hold.open();
    expect(await again).toBe(204);
    await other.seen('committed');
    expect(await other.redeliver(7)).toBe(200);
    expect(other.events).not.toContainEqual(expect.objectContaining({ type: 'claim-lost' }));
    expect([cutOff.runs.length, other.runs.length]).toEqual([1, 1]);
  });

  it('a steady load loses nothing and runs nothing twice while the server is killed and restarted', async () => {
    // Few at a time: all that is not handled is sent again ten times a second, which must not be what keeps the machine busy.
    const fixture = await faultFixture(stage.store, { leaseSeconds: 5 });
    const stop = fixture.sender.run({ perSecond: 4 });
    for (const delivered of [4, 8, 12]) {
      await fixture.seen('committed', delivered);
      await stage.server.kill();
      await stage.server.restart();
    }
    await fixture.seen('committed', 16);
    await stop();

    const { sent, delivered, lost } = fixture.sender.stats();
    expect({ delivered, lost }).toEqual({ delivered: sent, lost: 0 });
    const sequences = fixture.runs.map(({ sequence }) => sequence).sort((a, b) => a - b);
    expect(sequences).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  });

  for (const how of STRIKES) {
    it.each(MOMENTS)(`a claim that gets lost $moment (${how}) is made again`, async ({ direction }) => {
      const fixture = await faultFixture(stage.store);
      await stage.connected();
      injectFault(stage.proxy, direction, how);
      await fixture.deliverOne();

      expect(fixture.runs).toHaveLength(1);
      expect(await fixture.redeliver(1)).toBe(200);
      expect(fixture.runs).toHaveLength(1);
    });

    it.each(MOMENTS)(`a commit that gets lost $moment (${how}) is made again`, async ({ direction }) => {
      const fixture = await faultFixture(stage.store, { leaseSeconds: 60 });
      await stage.connected();
      fixture.onRun = () => injectFault(stage.proxy, direction, how);
      await fixture.deliverOne();

      expect(await fixture.redeliver(1)).toBe(200);
      expect(fixture.runs).toHaveLength(1);
      expect(fixture.sender.stats().attempts).toBe(1);
      // If the first commit was carried out, the next one finds the delivery committed.
      await fixture.seen(['committed', 'claim-lost']);
    });
  }
}
