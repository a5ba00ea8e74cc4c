import type { PostgresReplayStore } from '@countersign/postgres';
import { type FaultProxy, faultProxy } from '@countersign-internal/simulator';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import {
  type FaultFixture,
  faultFixture,
  gate,
  newSecret,
  PATIENCE,
  type Run,
} from '../support/faults/fixture.ts';
import { injectFault, MOMENTS, STORE_TIMEOUT_MS, STRIKES } from '../support/faults/inject-fault.ts';
import { describeWith } from '../support/servers/available.ts';
import type { LocalServer } from '../support/servers/local-server.ts';
import { type Database, databaseOn, openPool } from '../support/servers/postgres-database.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';

const describeWithPostgres = await describeWith('postgres-server');

let server: LocalServer;
let database: Database;
let proxy: FaultProxy;
let pool: pg.Pool;
let store: PostgresReplayStore;

beforeEach(async () => {
  proxy = await faultProxy({ target: server });
  // Without a timeout, a connection that hangs while it is made keeps its place in the pool for good.
  pool = openPool(proxiedUrl(), { max: 4, connectionTimeoutMillis: 1000 });
  // If the server ends in the moment in which a connection is made, the handler that asked for it has had no time to listen.
  pool.on('connect', (client) => client.on('error', () => undefined));
  store = database.store({ pool, timeoutMs: STORE_TIMEOUT_MS, sweepSeconds: false });
});

afterEach(async () => {
  await pool.end();
  await proxy.close();
});

function proxiedUrl(): string {
  const { pathname, username } = new URL(server.url);
  return `postgresql://${username}@${proxy.host}:${proxy.port}${pathname}`;
}

/** A connection is at hand, so that the next that is said on it is what the store says. */
async function connected(): Promise<void> {
  await pool.query('SELECT 1');
}

/** The processes that hold connections outlive the first one by a moment, in which they would still do what they are told. */
async function killServer(): Promise<void> {
  await server.kill();
  await vi.waitFor(() => expect(proxy.stats().open).toBe(0), PATIENCE);
}

describeWithPostgres('with PostgreSQL', () => {
  beforeAll(async () => {
    server = await startPostgres();
    database = await databaseOn(server.url);
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  it('a claim outlives a server that is killed while the handler runs', async () => {
    const fixture = await faultFixture(store, { leaseSeconds: 60 });
    fixture.onRun = async () => {
      await killServer();
      await server.restart();
    };
    await fixture.deliverOne();
    await fixture.seen('committed');

    expect(await fixture.redeliver(1)).toBe(200);
    expect(fixture.runs).toHaveLength(1);
  });

  it('a server that is down when the handler has failed lets the retry run once it is back', async () => {
    const fixture = await faultFixture(store);
    fixture.onRun = async () => {
      if (fixture.runs.length > 1) return 204;
      await killServer();
      return 500;
    };
    const delivered = fixture.deliverOne();
    await fixture.seen('release-failed');
    await server.restart();
    await delivered;

    expect(fixture.runs.map(({ fencingToken }) => fencingToken)).toEqual([1, 2]);
    expect(await fixture.redeliver(1)).toBe(200);
    expect(fixture.runs).toHaveLength(2);
  });

  it('a server that is down for longer than the lease when the handler is done learns of it when it is back', async () => {
    const fixture = await faultFixture(store);
    fixture.onRun = killServer;
    await fixture.deliverOne();
    await fixture.seen('commit-failed');
    expect(await fixture.deliver(1)).toBe(200);
    await server.restart();
    await fixture.seen('committed');

    expect(await fixture.redeliver(1)).toBe(200);
    expect(fixture.runs).toHaveLength(1);
  });

  // At-least-once: for longer than a lease, only the instance that is cut off knows that the delivery was handled.
  it('an instance that is cut off when its handler is done lets another one run what is sent again, and takes nothing from it', async () => {
    const secret = newSecret();
    const cutOff = await faultFixture(store, { secret });
    const other = await faultFixture(database.store({ sweepSeconds: false }), { secret, leaseSeconds: 60 });
    cutOff.onRun = async () => {
      await proxy.refuse();
      proxy.cut();
    };
    const hold = gate();
    other.onRun = () => hold.opened;
    expect(await cutOff.deliver(7)).toBe(204);
    await cutOff.seen('commit-failed');
    const again = other.redeliver(7);
    await vi.waitFor(() => expect(other.runs).toHaveLength(1), PATIENCE);
    expect(other.runs[0]?.fencingToken).toBe(2);

    await proxy.heal();
    expect(await cutOff.deliver(7)).toBe(200);
    hold.open();
    expect(await again).toBe(204);
    await other.seen('committed');
    expect(await other.redeliver(7)).toBe(200);
    expect(other.events).not.toContainEqual(expect.objectContaining({ type: 'claim-lost' }));
    expect([cutOff.runs.length, other.runs.length]).toEqual([1, 1]);
  });

  it('a steady load loses nothing and runs nothing twice while the server restarts', async () => {
    // Few at a time: all that is not handled is sent again ten times a second, which must not be what keeps the machine busy.
    const fixture = await faultFixture(store);
    const stop = fixture.sender.run({ perSecond: 4 });
    for (const delivered of [4, 8, 12]) {
      await fixture.seen('committed', delivered);
      await server.restart();
    }
    await fixture.seen('committed', 16);
    await stop();

    const { sent, delivered, lost } = fixture.sender.stats();
    expect({ delivered, lost }).toEqual({ delivered: sent, lost: 0 });
    const sequences = fixture.runs.map(({ sequence }) => sequence).sort((a, b) => a - b);
    expect(sequences).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  });

  // What is told in one breath with the greeting comes before anyone who waits for the connection has it.
  it('a connection that the server ends in the moment in which it is made ends no process', async () => {
    const unheard = openPool(proxiedUrl());
    onTestFinished(() => unheard.end());
    const unheardStore = database.store({ pool: unheard, sweepSeconds: false });
    proxy.fault('replies', { type: 'delay', delayMs: 86_400_000 });
    const claiming = unheardStore.claim('key', { leaseMs: 1000, fenceTtlMs: 1000 });
    const others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    const connections = () =>
      database.query<{ pid: number; state: string | null }>(`SELECT pid, state ${others}`);
    await vi.waitFor(async () => {
      expect(await connections()).toEqual([expect.objectContaining({ state: 'idle' })]);
    }, PATIENCE);
    await database.query(`SELECT pg_terminate_backend(pid) ${others}`);
    await vi.waitFor(async () => expect(await connections()).toEqual([]), PATIENCE);
    await proxy.heal();

    await expect(claiming).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
  });

  for (const how of STRIKES) {
    it.each(MOMENTS)(`a claim that gets lost $moment (${how}) is made again`, async ({ direction }) => {
      const fixture = await faultFixture(store);
      await connected();
      injectFault(proxy, direction, how);
      await fixture.deliverOne();

      // Carried out, but the response was lost: the retry takes over when the lease is over.
      expect(fixture.runs.map(({ fencingToken }) => fencingToken > 1)).toEqual([direction === 'replies']);
      expect(fixture.sender.stats().answers[503]).toBeGreaterThan(0);
      expect(await fixture.redeliver(1)).toBe(200);
      expect(fixture.runs).toHaveLength(1);
    });

    it.each(MOMENTS)(`a commit that gets lost $moment (${how}) is made again`, async ({ direction }) => {
      const fixture = await faultFixture(store, { leaseSeconds: 60 });
      await connected();
      fixture.onRun = () => injectFault(proxy, direction, how);
      await fixture.deliverOne();

      expect(await fixture.redeliver(1)).toBe(200);
      expect(fixture.runs).toHaveLength(1);
      expect(fixture.sender.stats().attempts).toBe(1);
      // A client that sends its commands again finds the delivery committed, by the try whose reply was lost.
      await fixture.seen(['committed', 'claim-lost']);
    });
  }
});

describeWithPostgres('with PostgreSQL, in one transaction with the handler', () => {
  beforeAll(async () => {
    server = await startPostgres();
    database = await databaseOn(server.url);
    // Nothing here keeps an effect from happening twice.
    await database.query(`CREATE TABLE ${database.schema}.orders (sequence int)`);
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });
  beforeEach(() => database.query(`TRUNCATE ${database.schema}.orders`));

  /** How often each event had its effect. */
  async function effects(): Promise<number[]> {
    const rows = await database.query<{ sequence: number }>(
      `SELECT sequence FROM ${database.schema}.orders ORDER BY sequence`,
    );
    return rows.map(({ sequence }) => sequence);
  }

  async function transactionalFixture(
    inTransaction: (run: Run) => unknown = () => undefined,
  ): Promise<FaultFixture> {
    const fixture = await faultFixture(store, { claim: 'manual' });
    fixture.onRun = async (run) => {
      const client = await pool.connect();
      let failed = true;
      try {
        const { state } = await store.run(client, run.webhook, async (tx) => {
          await tx.query(`INSERT INTO ${database.schema}.orders VALUES ($1)`, [run.sequence]);
          await inTransaction(run);
        });
        failed = false;
        return state === 'duplicate' ? 200 : 204;
      } catch {
        return 503;
      } finally {
        client.release(failed);
      }
    };
    return fixture;
  }

  it('a server that is killed in the middle of it leaves one effect', async () => {
    const fixture = await transactionalFixture(async () => {
      if (fixture.runs.length > 1) return;
      await killServer();
      await server.restart();
    });
    await fixture.deliverOne();

    expect(fixture.sender.stats().answers[503]).toBeGreaterThan(0);
    expect(await effects()).toEqual([1]);
    expect(await fixture.redeliver(1)).toBe(200);
    expect(await effects()).toEqual([1]);
  });

  it('a connection that is cut at any point leaves one effect', async () => {
    const fixture = await transactionalFixture();
    await connected();
    const before = proxy.stats().passedBytes;
    await fixture.deliver(1000);
    const after = proxy.stats().passedBytes;
    expect(await effects()).toEqual([1000]);

    let sequence = 0;
    for (const { direction } of MOMENTS) {
      const bytes = after[direction] - before[direction];
      for (let at = 0; at < bytes; at += Math.ceil(bytes / 40)) {
        await connected();
        proxy.fault(direction, { type: 'cut', afterBytes: at, once: true });
        sequence++;
        await fixture.redeliver(sequence);
        expect(await fixture.redeliver(sequence), `cut of ${direction} after ${at} bytes`).toBe(200);
      }
    }
    expect(proxy.stats().cut).toBe(sequence);
    expect(await effects()).toEqual([...Array.from({ length: sequence }, (_, index) => index + 1), 1000]);
  });

  it('a steady load has one effect for each event while the server restarts and connections are cut', async () => {
    const fixture = await transactionalFixture();
    const stop = fixture.sender.run({ perSecond: 60 });
    const delivered = async (count: number) => {
      await fixture.seen('verified', count);
    };
    for (const [index, count] of [20, 40, 60, 80, 100, 120].entries()) {
      await delivered(count);
      if (index % 3 === 0) await server.restart();
      else
        proxy.fault(index % 3 === 1 ? 'requests' : 'replies', { type: 'cut', afterBytes: 1000, once: true });
    }
    await delivered(140);
    await stop();

    const { sent, lost } = fixture.sender.stats();
    expect(lost).toBe(0);
    expect(await effects()).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  });
});
