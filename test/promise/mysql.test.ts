import { type MysqlReplayStore, mysqlReplayStore } from '@countersign/mysql';
import { type FaultProxy, faultProxy } from '@countersign-internal/simulator';
import mysql from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type FaultFixture, faultFixture, type Run } from '../support/faults/fixture.ts';
import { MOMENTS, STORE_TIMEOUT_MS } from '../support/faults/inject-fault.ts';
import { type StoreStage, storeFaultCases } from '../support/faults/store-cases.ts';
import { describeWith } from '../support/servers/available.ts';
import type { LocalServer } from '../support/servers/local-server.ts';
import { type MysqlDatabase, mysqlDatabaseOn } from '../support/servers/mysql-database.ts';
import { startMysql } from '../support/servers/mysql-server.ts';

const describeWithMysql = await describeWith('mysql-server');

describeWithMysql('with MySQL', () => {
  let server: LocalServer;
  let database: MysqlDatabase;
  let proxy: FaultProxy;
  let pool: mysql.Pool;
  let store: MysqlReplayStore;

  beforeAll(async () => {
    server = await startMysql();
    database = await mysqlDatabaseOn(server.url);
    // Nothing here keeps an effect from happening twice.
    await database.query('CREATE TABLE orders (sequence int) ENGINE = InnoDB');
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    await database.query('DELETE FROM orders');
    // What one test delivers must not be a duplicate in the next.
    await database.clear();
    proxy = await faultProxy({ target: server });
    const url = new URL(database.url);
    url.port = String(proxy.port);
    pool = mysql.createPool({ uri: url.href, connectionLimit: 4, connectTimeout: 1000 });
    store = mysqlReplayStore({ pool, timeoutMs: STORE_TIMEOUT_MS, sweepSeconds: false });
  });
  afterEach(async () => {
    await pool.end().catch(() => undefined);
    await proxy.close();
  });

  /** A connection is at hand, so that the next thing that is said on it is what the store says. */
  async function connected(): Promise<void> {
    await pool.query('SELECT 1');
  }

  const stage: StoreStage = {
    get server() {
      return server;
    },
    get proxy() {
      return proxy;
    },
    get store() {
      return store;
    },
    connected,
    direct: () => database.store({ sweepSeconds: false }),
  };
  storeFaultCases(stage);

  /** How often each event had its effect. */
  async function effects(): Promise<number[]> {
    const rows = await database.query<{ sequence: number }>('SELECT sequence FROM orders ORDER BY sequence');
    return rows.map(({ sequence }) => sequence);
  }

  async function transactionalFixture(
    inTransaction: (run: Run) => unknown = () => undefined,
  ): Promise<FaultFixture> {
    const fixture = await faultFixture(store, { claim: 'manual' });
    fixture.onRun = async (run) => {
      const connection = await pool.getConnection();
      let failed = true;
      try {
        const { state } = await store.run(
          connection,
          run.webhook,
          async (tx) => {
            await tx.query('INSERT INTO orders VALUES (?)', [run.sequence]);
            await inTransaction(run);
          },
          { leaseSeconds: 1 },
        );
        failed = false;
        return state === 'duplicate' ? 200 : 204;
      } catch {
        return 503;
      } finally {
        if (failed) connection.destroy();
        else connection.release();
      }
    };
    return fixture;
  }

  it('in one transaction with the handler, a server that is killed in the middle of it leaves one effect', async () => {
    const fixture = await transactionalFixture(async () => {
      if (fixture.runs.length > 1) return;
      await server.kill();
      await server.restart();
    });
    await fixture.deliverOne();

    expect(fixture.sender.stats().answers[503]).toBeGreaterThan(0);
    expect(await effects()).toEqual([1]);
    expect(await fixture.redeliver(1)).toBe(200);
    expect(await effects()).toEqual([1]);
  });

  it('in one transaction with the handler, a connection that is cut at any point leaves one effect', async () => {
    const fixture = await transactionalFixture();
    await connected();
    const before = proxy.stats().passedBytes;
    await fixture.deliver(1000);
    const after = proxy.stats().passedBytes;
    expect(await effects()).toEqual([1000]);

    let sequence = 0;
    for (const { direction } of MOMENTS) {
      const bytes = after[direction] - before[direction];
      for (let at = 0; at < bytes; at += Math.ceil(bytes / 20)) {
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

  it('in one transaction with the handler, a steady load has one effect for each event while the server is killed and connections are cut', async () => {
    const fixture = await transactionalFixture();
    const stop = fixture.sender.run({ perSecond: 4 });
    for (const [index, count] of [4, 8, 12, 16].entries()) {
      await fixture.seen('verified', count);
      if (index % 2 === 0) {
        await server.kill();
        await server.restart();
      } else proxy.fault('replies', { type: 'cut', afterBytes: 1000, once: true });
    }
    await fixture.seen('verified', 20);
    await stop();

    const { sent, lost } = fixture.sender.stats();
    expect(lost).toBe(0);
    expect(await effects()).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  });
});
