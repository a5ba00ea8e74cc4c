import { createVerifier } from '@countersign/core';
import { anchorBrowser } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { bodyOf, newSecret, untilAnswered } from '../support/faults/fixture.ts';
import { startPausing } from '../support/receivers/pausing.ts';
import { describeWith } from '../support/servers/available.ts';
import type { LocalServer } from '../support/servers/local-server.ts';
import { type Database, databaseOn } from '../support/servers/postgres-database.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';

// A process that is stopped in run() keeps its transaction, and with it the delivery, until the server ends the session.

const describeWithPostgres = await describeWith('postgres-server');

describeWithPostgres('a process that is stopped in run() on PostgreSQL', () => {
  let server: LocalServer;
  let database: Database;
  let sequence = 0;
  beforeAll(async () => {
    server = await startPostgres();
    database = await databaseOn(server.url);
    await database.query(`CREATE TABLE ${database.schema}.orders (made_by text)`);
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  /** The process, and another instance in this one. */
  async function start(idleInTransactionMs?: number) {
    const secret = newSecret();
    const body = bodyOf(++sequence).toString();
    await database.query(`TRUNCATE ${database.schema}.orders`);
    const paused = startPausing({
      ...{ client: 'pg', url: server.url, schema: database.schema, secret, body },
      ...{ leaseSeconds: 30, stopAt: 'in-run', idleInTransactionMs },
    });
    // Waits for the lock of the other run for half of that time.
    const store = database.store({ timeoutMs: 1000 });
    const verifier = createVerifier({ scheme: anchorBrowser(), secrets: secret, replay: store });
    onTestFinished(() => verifier.close());
    await paused.said('stopped');
    return {
      paused,
      orders: () => database.query(`SELECT made_by FROM ${database.schema}.orders`),
      async send() {
        const insert = `INSERT INTO ${database.schema}.orders (made_by) VALUES ('other')`;
        const { status } = await verifier.handle(
          sign(anchorBrowser(), { secret, body }),
          async (webhook) => {
            await store.run(webhook, (transaction) => transaction.query(insert));
          },
          { claim: 'manual' },
        );
        return status;
      },
    };
  }

  it('loses the delivery to another instance when idle_in_transaction_session_timeout is over, and commits nothing', async () => {
    const { paused, send, orders } = await start(1000);
    expect(await untilAnswered(send)).toBe(204);
    paused.resume();
    await paused.said(/^status/);
    expect(paused.lines()).toContain('handled');
    expect(paused.lines()).toContain('status 503');
    expect(await orders()).toEqual([{ made_by: 'other' }]);
  });

  it('keeps it without that setting; as soon as it is killed, the retry runs', async () => {
    const { paused, send, orders } = await start();
    expect(await send()).toBe(503);
    await paused.kill();
    expect(await untilAnswered(send)).toBe(204);
    expect(await orders()).toEqual([{ made_by: 'other' }]);
  });
});
