import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dynamodbReplayStore, migrate as migrateDynamodb } from '@countersign/dynamodb';
import { migrate, mysqlReplayStore } from '@countersign/mysql';
import { migrate as migrateSqlite, sqliteReplayStore } from '@countersign/sqlite';
import Database from 'better-sqlite3';
import mysql from 'mysql2/promise';
import { mysqlBinaries } from '../../../test/support/servers/binaries.ts';
import { dynamodbClient, startDynamodb } from '../../../test/support/servers/dynamodb-server.ts';
import { urlOf } from '../../../test/support/servers/mysql-database.ts';
import { startMysql } from '../../../test/support/servers/mysql-server.ts';
import { remember, type Subject, TTL_MS } from '../replay/subjects.ts';

const PLAIN_INSERT = 'INSERT IGNORE INTO plain VALUES (?, UTC_TIMESTAMP(6) + INTERVAL 86400 SECOND)';

/** A store whose expired rows can be made and swept. */
export interface SweptSubject extends Subject {
  /** Makes so many rows that have expired. */
  expire(rows: number): Promise<void>;
  /** Removes them, batch by batch, and returns how many went. */
  sweep(): Promise<number>;
}

/** `undefined` if there is no MySQL or MariaDB to start. */
export async function mysqlSubject(prepare: boolean): Promise<SweptSubject | undefined> {
  if (mysqlBinaries() === undefined) return undefined;
  // As a server comes: what is committed is on the disk.
  const server = await startMysql({
    settings: { 'innodb-flush-log-at-trx-commit': '1', 'innodb-buffer-pool-size': '256M' },
  });
  const admin = await mysql.createConnection(server.url);
  await admin.query('CREATE DATABASE bench');
  await admin.end();
  const pool = mysql.createPool({ uri: urlOf(server.url, 'bench'), connectionLimit: 20 });
  await migrate(pool);
  await pool.query(
    'CREATE TABLE plain (id varchar(64) PRIMARY KEY, expires_at datetime(6) NOT NULL) ENGINE = InnoDB',
  );
  const store = mysqlReplayStore({ pool, prepare, timeoutMs: 60_000, sweepSeconds: false });
  return {
    name: prepare ? 'MariaDB or MySQL, prepared statements' : 'MariaDB or MySQL',
    store,
    plainName: 'INSERT IGNORE',
    isRemote: true,
    plain: (id) => (prepare ? pool.execute(PLAIN_INSERT, [id]) : pool.query(PLAIN_INSERT, [id])),
    async bytesPerEntry(entries) {
      await migrate(pool, { table: 'bytes_per_entry' });
      await remember(mysqlReplayStore({ pool, table: 'bytes_per_entry', timeoutMs: 60_000 }), entries);
      await pool.query('ANALYZE TABLE bytes_per_entry');
      const [rows] = await pool.query(
        "SELECT DATA_LENGTH + INDEX_LENGTH AS bytes FROM information_schema.TABLES WHERE TABLE_NAME = 'bytes_per_entry'",
      );
      return Number((rows as { bytes: number }[])[0]?.bytes) / entries;
    },
    async expire(rows) {
      await pool.query('DELETE FROM countersign_replay');
      for (let from = 0; from < rows; from += 5000) {
        const values = Array.from(
          { length: Math.min(5000, rows - from) },
          (_, index) => `(UNHEX(SHA2('${from + index}', 256)), UTC_TIMESTAMP(6) - INTERVAL 2 HOUR, 1)`,
        );
        await pool.query(
          `INSERT INTO countersign_replay (\`key\`, expires_at, sweep_hour) VALUES ${values.join(', ')}`,
        );
      }
    },
    sweep: () => store.sweep(),
    async close() {
      await pool.end();
      await server.stop();
    },
  };
}

export async function sqliteSubject(): Promise<SweptSubject> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const open = (name: string) => {
    const database = new Database(join(directory, name));
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    return database;
  };
  const database = open('webhooks.db');
  migrateSqlite(database);
  const store = sqliteReplayStore({ database, sweepSeconds: false });
  database.exec('CREATE TABLE plain (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID');
  const plain = database.prepare('INSERT OR IGNORE INTO plain VALUES (?, ?)');
  return {
    name: 'SQLite (better-sqlite3)',
    store,
    plainName: 'INSERT OR IGNORE',
    isRemote: true,
    plain: async (id) => plain.run(id, Date.now() + TTL_MS),
    async bytesPerEntry(entries) {
      const weighed = open('bytes.db');
      migrateSqlite(weighed);
      await remember(sqliteReplayStore({ database: weighed, sweepSeconds: false }), entries);
      weighed.pragma('wal_checkpoint(TRUNCATE)');
      weighed.close();
      return statSync(join(directory, 'bytes.db')).size / entries;
    },
    async expire(rows) {
      database.exec('DELETE FROM countersign_replay');
      const insert = database.prepare(
        'INSERT INTO countersign_replay (key, expires_at, sweep_hour) VALUES (randomblob(32), 1, 1)',
      );
      database.transaction(() => {
        for (let row = 0; row < rows; row++) insert.run();
      })();
    },
    sweep: () => store.sweep(),
    async close() {
      database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function dynamodbSubject(): Promise<Subject> {
  const server = await startDynamodb();
  const client = dynamodbClient(server.url);
  for (const table of ['webhooks', 'plain']) await migrateDynamodb(client, { table });
  return {
    name: 'DynamoDB (dynalite)',
    store: dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 60_000 }),
    plainName: 'PutItem, attribute_not_exists',
    isRemote: true,
    plain: (id) =>
      client.putItem({
        TableName: 'plain',
        Item: {
          key: { B: Buffer.from(id) },
          expiresAt: { N: String(Math.ceil((Date.now() + TTL_MS) / 1000)) },
        },
        ConditionExpression: 'attribute_not_exists(#key)',
        ExpressionAttributeNames: { '#key': 'key' },
      }),
    async close() {
      client.destroy();
      await server.stop();
    },
  };
}
