import type { ReplayStore } from '@countersign/core';
import { redisReplayStore } from '@countersign/redis';
import { type FaultProxy, faultProxy } from '@countersign-internal/simulator';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { faultFixture, gate, newSecret, PATIENCE } from '../support/faults/fixture.ts';
import { injectFault, MOMENTS, STRIKES } from '../support/faults/inject-fault.ts';
import { type OpenRedis, REDIS_CLIENTS } from '../support/faults/redis-clients.ts';
import { describeWith } from '../support/servers/available.ts';
import type { LocalServer } from '../support/servers/local-server.ts';
import { startRedis } from '../support/servers/redis-server.ts';

const describeWithRedis = await describeWith('redis-server');

/** Everything that got a response is on disk. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

describeWithRedis('with Redis', () => {
  describe.each(REDIS_CLIENTS)('through $name, with an append-only file', ({ open }) => {
    const stage = useRedis(open, DURABLE);

    it('a claim outlives a server that is killed while the handler runs, if Redis writes an append-only file', async () => {
      const fixture = await faultFixture(stage.store, { leaseSeconds: 60 });
      fixture.onRun = async () => {
        await stage.server.kill();
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
        await stage.server.kill();
        return 500;
      };
      const delivered = fixture.deliverOne();
      await fixture.seen(['release-failed', 'released']);
      await stage.server.restart();
      await delivered;

      expect(fixture.runs.map(({ fencingToken }) => fencingToken)).toEqual([1, 2]);
      expect(await fixture.redeliver(1)).toBe(200);
      expect(fixture.runs).toHaveLength(2);
    });

    it('a server that is down for longer than the lease when the handler is done learns of it when it is back', async () => {
      const fixture = await faultFixture(stage.store);
      fixture.onRun = () => stage.server.kill();
      await fixture.deliverOne();
      await fixture.seen('commit-failed');
      expect(await fixture.deliver(1)).toBe(200);
      await stage.server.restart();
      await fixture.seen('committed');

      expect(await fixture.redeliver(1)).toBe(200);
      expect(fixture.runs).toHaveLength(1);
    });

    // At-least-once: for longer than a lease, only the instance that is cut off knows that the delivery was handled.
    it('an instance that is cut off when its handler is done lets another one run what is sent again, and takes nothing from it', async () => {
      const secret = newSecret();
      const cutOff = await faultFixture(stage.store, { secret });
      const direct = await open(stage.server);
      onTestFinished(() => direct.close());
      const other = await faultFixture(redisReplayStore({ client: direct.client }), {
        secret,
        leaseSeconds: 60,
      });
      cutOff.onRun = async () => {
        await stage.proxy.refuse();
        stage.proxy.cut();
      };
      const hold = gate();
      other.onRun = () => hold.opened;
      expect(await cutOff.deliver(7)).toBe(204);
      await cutOff.seen('commit-failed');
      const again = other.redeliver(7);
      await vi.waitFor(() => expect(other.runs).toHaveLength(1), PATIENCE);
      expect(other.runs[0]?.fencingToken).toBe(2);

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
      const fixture = await faultFixture(stage.store);
      const stop = fixture.sender.run({ perSecond: 60 });
      for (const committed of [20, 60, 100]) {
        await fixture.seen('committed', committed);
        await stage.server.kill();
        await stage.server.restart();
      }
      await fixture.seen('committed', 140);
      await stop();

      const { sent, delivered, lost } = fixture.sender.stats();
      expect({ delivered, lost }).toEqual({ delivered: sent, lost: 0 });
      const sequences = fixture.runs.map(({ sequence }) => sequence).sort((a, b) => a - b);
      expect(sequences).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
    });

    for (const how of STRIKES) {
      it.each(MOMENTS)(`a claim that gets lost $moment (${how}) is made again`, async ({ direction }) => {
        const fixture = await faultFixture(stage.store);
        injectFault(stage.proxy, direction, how);
        await fixture.deliverOne();

        expect(fixture.runs).toHaveLength(1);
        // Carried out, but the response was lost: the retry takes over when the lease is over.
        const { fencingToken } = fixture.runs[0] ?? { fencingToken: 0 };
        if (!stage.redis.sendsAgain) expect(fencingToken > 1).toBe(direction === 'replies');
        expect(await fixture.redeliver(1)).toBe(200);
        expect(fixture.runs).toHaveLength(1);
      });

      it.each(MOMENTS)(`a commit that gets lost $moment (${how}) is made again`, async ({ direction }) => {
        const fixture = await faultFixture(stage.store, { leaseSeconds: 60 });
        fixture.onRun = () => injectFault(stage.proxy, direction, how);
        await fixture.deliverOne();

        expect(await fixture.redeliver(1)).toBe(200);
        expect(fixture.runs).toHaveLength(1);
        expect(fixture.sender.stats().attempts).toBe(1);
        // A client that sends its commands again finds the delivery committed, by the try whose reply was lost.
        await fixture.seen(['committed', 'claim-lost']);
      });
    }
  });

  describe.each(REDIS_CLIENTS)('through $name, with nothing on disk', ({ open }) => {
    const stage = useRedis(open, []);

    // At-least-once: what Redis has forgotten is lost. The two runs stay separate, although their fencing tokens are equal.
    it.each([
      ['is flushed', (server: LocalServer) => asked(server, (admin) => admin.flushall())],
      ['is killed and restarted', (server: LocalServer) => server.kill().then(() => server.restart())],
    ])(
      'a server that %s while the handler runs lets a retry run too, and the first run settles nothing of it',
      async (_, forget) => {
        const fixture = await faultFixture(stage.store, { leaseSeconds: 4 });
        const gates = [gate(), gate()];
        fixture.onRun = () => gates[fixture.runs.length - 1]?.opened;
        const first = fixture.deliver(7);
        await vi.waitFor(() => expect(fixture.runs).toHaveLength(1), PATIENCE);
        await forget(stage.server);
        const second = fixture.redeliver(7);
        await vi.waitFor(() => expect(fixture.runs).toHaveLength(2), PATIENCE);
        expect(fixture.runs.map(({ fencingToken }) => fencingToken)).toEqual([1, 1]);
        await vi.waitFor(() => expect(fixture.runs[0]?.signal.aborted).toBe(true), PATIENCE);

        gates[0]?.open();
        expect(await first).toBe(204);
        // By the renewal, and by the commit.
        await fixture.seen('claim-lost', 2);
        expect(await fixture.deliver(7)).toBe(503);
        gates[1]?.open();
        expect(await second).toBe(204);
        await fixture.seen('committed');
        expect(await fixture.redeliver(7)).toBe(200);
        expect(fixture.runs).toHaveLength(2);
        expect(fixture.runs[1]?.signal.aborted).toBe(false);
      },
    );
  });

  describe.each(REDIS_CLIENTS)('through $name, when a replica is promoted', ({ open }) => {
    let master: LocalServer;
    let replica: LocalServer;
    /** Between the two of them. */
    let link: FaultProxy;
    /** Where the receiver finds the one that leads. */
    let address: FaultProxy;
    let redis: OpenRedis;
    let store: ReplayStore;

    beforeEach(async () => {
      master = await startRedis();
      link = await faultProxy({ target: master });
      replica = await startRedis({ args: ['--replicaof', link.host, String(link.port)] });
      await vi.waitFor(async () => {
        expect(await asked(replica, (admin) => admin.info('replication'))).toContain('master_link_status:up');
      }, PATIENCE);
      address = await faultProxy({ target: master });
      redis = await open(address);
      store = redisReplayStore({ client: redis.client });
    });
    afterEach(async () => {
      redis.close();
      await address.close();
      await link.close();
      await Promise.all([master.stop(), replica.stop()]);
    });

    async function promote(): Promise<void> {
      await asked(replica, (admin) => admin.replicaof('NO', 'ONE'));
      address.redirect(replica);
    }

    /** Everything written so far is on the replica too. */
    async function replicated(): Promise<void> {
      const replicas = await asked(master, async (admin) => {
        await admin.set('mark', '1');
        return admin.wait(1, 60_000);
      });
      expect(replicas).toBe(1);
    }

    it('a claim that had reached it lives on', async () => {
      const fixture = await faultFixture(store, { leaseSeconds: 60 });
      fixture.onRun = async () => {
        await replicated();
        await master.kill();
        await promote();
      };
      await fixture.deliverOne();
      await fixture.seen('committed');

      expect(await fixture.redeliver(1)).toBe(200);
      expect(fixture.runs).toHaveLength(1);
    });

    // At-least-once: replication is asynchronous, so a failover can lose the last writes.
    it('a claim that had not reached it is forgotten: a retry runs too, and the first run settles nothing of it', async () => {
      const fixture = await faultFixture(store, { leaseSeconds: 60 });
      const gates = [gate(), gate()];
      fixture.onRun = () => gates[fixture.runs.length - 1]?.opened;
      link.fault('replies', { type: 'black-hole' });
      const first = fixture.deliver(7);
      await vi.waitFor(() => expect(fixture.runs).toHaveLength(1), PATIENCE);
      await master.kill();
      await promote();
      const second = fixture.redeliver(7);
      await vi.waitFor(() => expect(fixture.runs).toHaveLength(2), PATIENCE);
      expect(fixture.runs.map(({ fencingToken }) => fencingToken)).toEqual([1, 1]);

      gates[0]?.open();
      expect(await first).toBe(204);
      await fixture.seen('claim-lost');
      expect(await fixture.deliver(7)).toBe(503);
      gates[1]?.open();
      expect(await second).toBe(204);
      await fixture.seen('committed');
      expect(await fixture.redeliver(7)).toBe(200);
      expect(fixture.runs).toHaveLength(2);
    });

    it('a commit that had not reached it is forgotten: the same delivery, sent again, runs again', async () => {
      const fixture = await faultFixture(store);
      link.fault('replies', { type: 'black-hole' });
      await fixture.deliverOne();
      await fixture.seen('committed');
      expect(await fixture.redeliver(1)).toBe(200);
      await master.kill();
      await promote();

      expect(await fixture.redeliver(1)).toBe(204);
      expect(await fixture.redeliver(1)).toBe(200);
      expect(fixture.runs).toHaveLength(2);
    });

    it('deliveries wait while the receiver still talks to a master that has become a replica', async () => {
      const fixture = await faultFixture(store);
      await promote();
      await asked(master, (admin) => admin.replicaof(replica.host, replica.port));
      const delivered = fixture.deliverOne();
      await vi.waitFor(() => {
        expect(fixture.sender.stats().answers[503]).toBeGreaterThan(0);
      }, PATIENCE);
      expect(fixture.runs).toHaveLength(0);
      expect(fixture.events).toContainEqual(
        expect.objectContaining({ type: 'refused', code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' }),
      );

      address.cut();
      await delivered;
      expect(fixture.runs).toHaveLength(1);
    });
  });
});

/** Asks a server directly. */
async function asked<T>(
  { host, port }: { host: string; port: number },
  question: (admin: Redis) => Promise<T>,
): Promise<T> {
  const admin = new Redis({ host, port });
  try {
    return await question(admin);
  } finally {
    admin.disconnect();
  }
}

interface Stage {
  server: LocalServer;
  proxy: FaultProxy;
  redis: OpenRedis;
  store: ReplayStore;
}

/** A server for the suite, and for each test a store that reaches it through a proxy. */
function useRedis(open: (typeof REDIS_CLIENTS)[number]['open'], args: readonly string[]): Stage {
  const stage = {} as Stage;
  beforeAll(async () => {
    stage.server = await startRedis({ args });
  });
  afterAll(() => stage.server?.stop());
  beforeEach(async () => {
    stage.proxy = await faultProxy({ target: stage.server });
    stage.redis = await open(stage.proxy);
    stage.store = redisReplayStore({ client: stage.redis.client });
    // The first call has a question in its wake; what comes after the second has nothing in its way.
    for (const key of ['first', 'second']) await stage.store.claim(key, { leaseMs: 1000, fenceTtlMs: 1000 });
  });
  afterEach(async () => {
    stage.redis.close();
    await stage.proxy.close();
    await asked(stage.server, (admin) => admin.flushall());
  });
  return stage;
}
