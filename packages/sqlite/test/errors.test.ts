import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createVerifier, isWebhookError, type VerifiedWebhook } from '@countersign/core';
import { standardWebhooks } from '@countersign/schemes';
import { migrate, migrationSql, sqliteReplayStore } from '@countersign/sqlite';
import { sign } from '@countersign/testing';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { testDirectory } from './support/database.ts';

const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const KEPT = { ttlMs: 600_000, replayWindowMs: 600_000 };
const TOKEN = { fencingToken: 1, owner: 'A'.repeat(22) };
const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

function newPath(): string {
  const directory = testDirectory();
  onTestFinished(directory.remove);
  return directory.path;
}

async function expectUnavailable(call: Promise<unknown>, sentence: RegExp): Promise<void> {
  const error: unknown = await call.then(
    (result) => expect.fail(`it returned ${JSON.stringify(result)}`),
    (thrown: unknown) => thrown,
  );
  if (!isWebhookError(error)) throw error;
  expect(error).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE', status: 503 });
  expect(error.message).toMatch(sentence);
}

describe('sqliteReplayStore() refuses', () => {
  const database = new Database(':memory:');
  test.each<[string, unknown]>([
    ['no options', undefined],
    ['neither path nor database', {}],
    ['both of them', { path: 'webhooks.db', database }],
    ['a path without a name', { path: '' }],
    ['a path in memory, which does not outlast a restart', { path: ':memory:' }],
    ['a path as database', { database: 'webhooks.db' }],
    ['an option that it does not know', { database, pool: 1 }],
    ['a table without a name', { database, table: '' }],
    ['a table with a name of SQLite', { database, table: 'sqlite_replay' }],
    ['a timeout of 0', { database, timeoutMs: 0 }],
    ['a sweep every 0 seconds', { database, sweepSeconds: 0 }],
    ['"synchronous" for a database that it did not open', { database, synchronous: 'full' }],
    ['"synchronous" that is off', { path: 'webhooks.db', synchronous: 'off' }],
    ['a clock that is a date', { database, clock: new Date() }],
  ])('%s', (_, options) => {
    expect(() => Reflect.apply(sqliteReplayStore, undefined, [options])).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });

  test('names that are more than a name', async () => {
    const name = `x"; DROP TABLE orders; --`;
    database.exec('CREATE TABLE orders (id)');
    migrate(database, { table: name });
    migrate(database, { table: name });
    const store = sqliteReplayStore({ database, table: name });
    expect((await store.claim('a key', HELD)).state).toBe('claimed');
    expect(await store.sweep()).toBe(0);
    database.exec('DROP TABLE orders');
    expect(migrationSql({ table: name })).toContain('"x""; DROP TABLE orders; --"');
  });
});

describe('when SQLite fails', () => {
  test('a table that is missing: run migrate()', async () => {
    const store = sqliteReplayStore({ database: new Database(':memory:') });
    const sentence = /"countersign_replay" does not exist\. Run migrate\(database\)/;
    await expectUnavailable(store.claim('k', HELD), sentence);
    await expectUnavailable(store.renew('k', TOKEN, 1000), sentence);
    await expectUnavailable(store.commit('k', TOKEN, KEPT), sentence);
    await expectUnavailable(store.release('k', TOKEN), sentence);
    await expectUnavailable(store.forget('k'), sentence);
    await expectUnavailable(store.sweep(), sentence);
    expect(store.health().warnings).toEqual([
      expect.stringContaining('Expired replay records are not removed'),
    ]);
  });

  test('a table of another program', async () => {
    const database = new Database(':memory:');
    database.exec('CREATE TABLE other (key)');
    await expectUnavailable(
      sqliteReplayStore({ database, table: 'other' }).claim('k', HELD),
      /doesn't have the columns/,
    );
  });

  test('a database that may not be written', async () => {
    const path = newPath();
    const owner = new Database(path);
    migrate(owner);
    owner.close();
    const database = new Database(path, { readonly: true });
    onTestFinished(() => void database.close());
    await expectUnavailable(sqliteReplayStore({ database }).claim('k', HELD), /read-only/);
  });

  test('a directory that does not exist, and a file that is not a database: each is tried again by the next call', async () => {
    const path = newPath();
    const missing = sqliteReplayStore({ path: `${path}-d/webhooks.db` });
    await expectUnavailable(missing.claim('k', HELD), /can't be opened|refused|directory/);
    mkdirSync(`${path}-d`);
    expect((await missing.claim('k', HELD)).state).toBe('claimed');
    await missing.close();

    writeFileSync(
      path,
      'This is a letter, and by no means a database of anything, however long one looks at it.'.repeat(99),
    );
    const store = sqliteReplayStore({ path });
    await expectUnavailable(store.claim('k', HELD), /not a SQLite database/);
    await store.close();
  });

  test('a file without the right to write it', async () => {
    if (process.getuid?.() === 0) return; // root may write everything
    const path = newPath();
    writeFileSync(path, '');
    chmodSync(path, 0o444);
    const store = sqliteReplayStore({ path });
    await expectUnavailable(store.claim('k', HELD), /read-only|can't be opened/);
  });

  test("the store waits for another process's lock without blocking, and gives up in time", async () => {
    const path = newPath();
    const store = sqliteReplayStore({ path, timeoutMs: 200 });
    const patient = sqliteReplayStore({ path, timeoutMs: 60_000 });
    await store.forget('open');
    await patient.forget('open');
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    const waiting = patient.claim('waited for', HELD);
    await expectUnavailable(store.claim('given up', HELD), /held the write lock .* 200 ms/);
    other.exec('COMMIT');
    other.close();
    expect((await waiting).state).toBe('claimed');
    expect((await store.claim('given up', HELD)).state).toBe('claimed');
    await store.close();
    await patient.close();
  });

  test("a caller's own database waits for another process's lock too, and stays the one that is used", async () => {
    const path = newPath();
    const database = new Database(path, { timeout: 0 });
    const other = new Database(path, { timeout: 0 });
    migrate(database);
    const store = sqliteReplayStore({ database, timeoutMs: 60_000 });
    other.exec('BEGIN IMMEDIATE');
    const waiting = store.claim('waited for', HELD);
    other.exec('COMMIT');
    expect((await waiting).state).toBe('claimed');
    expect((await sqliteReplayStore({ database: other }).claim('waited for', HELD)).state).toBe(
      'in-progress',
    );
    database.close();
    other.close();
  });

  test('nothing is written into a transaction that other code has left open', async () => {
    const database = new Database(':memory:');
    migrate(database);
    const store = sqliteReplayStore({ database, timeoutMs: 50 });
    const patient = sqliteReplayStore({ database, timeoutMs: 60_000 });
    database.exec('BEGIN');
    const waiting = patient.claim('waited for', HELD);
    const sentence = /kept a transaction of the same database open for the 50 ms/;
    await expectUnavailable(store.claim('k', HELD), sentence);
    await expectUnavailable(store.commit('k', TOKEN, KEPT), sentence);
    database.exec('ROLLBACK');
    expect((await waiting).state).toBe('claimed');
    expect((await store.claim('waited for', HELD)).state).toBe('in-progress');
    database.close();
  });

  test('a store that is closed, and a database that is', async () => {
    const store = sqliteReplayStore({ path: newPath() });
    await store.claim('k', HELD);
    await store.close();
    await store.close();
    await expectUnavailable(store.claim('k', HELD), /was closed/);
    const database = new Database(':memory:');
    migrate(database);
    database.close();
    await expectUnavailable(sqliteReplayStore({ database }).claim('k', HELD), /was closed/);
  });

  test('a time longer than any calendar, and tokens of other stores', async () => {
    const database = new Database(':memory:');
    migrate(database);
    const store = sqliteReplayStore({ database });
    const claim = await store.claim('forever', { leaseMs: 1e300, fenceTtlMs: 1e300 });
    if (claim.state !== 'claimed') throw new Error(claim.state);
    expect(await store.commit('forever', { fencingToken: 1.5, owner: claim.token.owner }, KEPT)).toBe(false);
    expect(await store.commit('forever', { fencingToken: Number.NaN, owner: claim.token.owner }, KEPT)).toBe(
      false,
    );
    expect(await store.commit('forever', { fencingToken: 1, owner: 7 as never }, KEPT)).toBe(false);
    expect(await store.renew('forever', claim.token, 1e300)).toBe(true);
    expect(await store.commit('forever', claim.token, { ttlMs: 1e300, replayWindowMs: 1 })).toBe(true);
    expect(await store.claim('forever', HELD)).toEqual({ state: 'committed' });
  });
});

describe('run(webhook, handler)', () => {
  const verifier = createVerifier({ scheme: standardWebhooks(), secrets: SECRET, replay: false });
  let deliveries = 0;
  function delivery(): Promise<VerifiedWebhook> {
    return verifier.verify(
      sign(standardWebhooks(), { secret: SECRET, id: `msg_${process.pid}_${++deliveries}`, body: '{}' }),
    );
  }

  function shop() {
    const database = new Database(newPath());
    onTestFinished(() => void database.close());
    migrate(database);
    database.exec('CREATE TABLE orders (id TEXT)');
    const store = sqliteReplayStore({ database });
    const insert = (webhook: VerifiedWebhook) => (db: Database.Database) =>
      db.prepare('INSERT INTO orders VALUES (?)').run(webhook.id).changes;
    const orders = () => database.prepare('SELECT id FROM orders').all().length;
    return { database, store, insert, orders };
  }

  test('the record and the effect are there together, and a duplicate runs nothing', async () => {
    const { store, insert, orders } = shop();
    const webhook = await delivery();
    expect(await store.run(webhook, insert(webhook))).toEqual({ state: 'done', result: 1 });
    const handler = vi.fn();
    expect(await store.run(webhook, handler)).toEqual({ state: 'duplicate' });
    expect(handler).not.toHaveBeenCalled();
    expect(orders()).toBe(1);
  });

  test('what the handler throws undoes both, and is thrown as it is', async () => {
    const { store, insert, orders } = shop();
    const webhook = await delivery();
    const mistake = new Error('out of stock');
    await expect(
      store.run(webhook, (db) => {
        insert(webhook)(db);
        throw mistake;
      }),
    ).rejects.toBe(mistake);
    expect(orders()).toBe(0);
    expect((await store.run(webhook, insert(webhook))).state).toBe('done');
  });

  test('a handler that is asynchronous, or ends the transaction, makes run() throw', async () => {
    const { store, insert, orders } = shop();
    const webhook = await delivery();
    await expect(
      store.run(webhook, async (db) => {
        insert(webhook)(db);
        throw new Error('never heard');
      }),
    ).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('asynchronous'),
    });
    expect(orders()).toBe(0);
    await expect(
      store.run(webhook, (db) => {
        db.exec('ROLLBACK');
      }),
    ).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('ended the transaction'),
    });
    expect((await store.run(webhook, insert(webhook))).state).toBe('done');
  });

  test('a database in a transaction is refused, and left as it was', async () => {
    const { database, store, insert } = shop();
    const webhook = await delivery();
    database.exec('BEGIN');
    await expect(store.run(webhook, insert(webhook))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
    });
    expect(database.inTransaction).toBe(true);
    database.exec('COMMIT');
    expect((await store.run(webhook, insert(webhook))).state).toBe('done');
  });

  test('a webhook that no verifier made, and no handler, are refused', async () => {
    const { store } = shop();
    const webhook = await delivery();
    for (const args of [[{ ...webhook }, () => 1], [webhook]]) {
      await expect(Reflect.apply(store.run, store, args)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
      });
    }
  });
});
