import { migrate } from '@countersign/dynamodb';
import { simulateSender } from '@countersign-internal/simulator';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ATTEMPTS, bodyOf, newSecret, PATIENCE, untilAnswered } from '../support/faults/fixture.ts';
import { startBalancer } from '../support/receivers/balancer.ts';
import { type ReceiverProcess, startReceiver } from '../support/receivers/receiver.ts';
import type { StoreSetup } from '../support/receivers/setup.ts';
import { describeWith } from '../support/servers/available.ts';
import { dynamodbClient, startDynamodb } from '../support/servers/dynamodb-server.ts';
import type { LocalServer } from '../support/servers/local-server.ts';
import { type MysqlDatabase, mysqlDatabaseOn } from '../support/servers/mysql-database.ts';
import { startMysql } from '../support/servers/mysql-server.ts';
import { type Database, databaseOn } from '../support/servers/postgres-database.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { startRedis } from '../support/servers/redis-server.ts';

const describeWithServers = await describeWith('redis-server', 'postgres-server', 'mysql-server');

const KINDS = ['redis', 'postgres', 'mysql', 'dynamodb'] as const;
const TABLE = 'webhooks';

describeWithServers('receivers in processes of their own', () => {
  let redis: LocalServer;
  let postgres: LocalServer;
  let mysql: LocalServer;
  let dynamodb: LocalServer;
  let database: Database;
  let mysqlDatabase: MysqlDatabase;

  beforeAll(async () => {
    [redis, postgres, mysql, dynamodb] = await Promise.all([
      startRedis(),
      startPostgres(),
      startMysql(),
      startDynamodb(),
    ]);
    const client = dynamodbClient(dynamodb.url);
    await migrate(client, { table: TABLE });
    client.destroy();
    database = await databaseOn(postgres.url);
    mysqlDatabase = await mysqlDatabaseOn(mysql.url);
    // Nothing here keeps an effect from happening twice.
    await database.query(`CREATE TABLE ${database.schema}.orders (sequence int)`);
  });
  afterAll(async () => {
    await database?.close();
    await mysqlDatabase?.close();
    await Promise.all([redis?.stop(), postgres?.stop(), mysql?.stop(), dynamodb?.stop()]);
  });
  beforeEach(() => database.query(`TRUNCATE ${database.schema}.orders`));

  function storeOf(kind: StoreSetup['kind']): StoreSetup {
    if (kind === 'redis') return { kind, url: redis.url };
    if (kind === 'mysql') return { kind, url: mysqlDatabase.url };
    if (kind === 'dynamodb') return { kind, url: dynamodb.url, table: TABLE };
    return { kind, url: postgres.url, schema: database.schema };
  }

  /** The lease of the first is over soon; that of the second outlives a machine that has no time for it. */
  async function twoReceivers(kind: StoreSetup['kind']): Promise<[ReceiverProcess, ReceiverProcess]> {
    const setup = { secret: newSecret(), store: storeOf(kind), hold: true };
    return Promise.all([
      startReceiver({ ...setup, leaseSeconds: 1 }),
      startReceiver({ ...setup, leaseSeconds: 60 }),
    ]);
  }

  /** How often each event had its effect, if effects are rows. */
  async function orders(): Promise<number[]> {
    const rows = await database.query<{ sequence: number }>(
      `SELECT sequence FROM ${database.schema}.orders ORDER BY sequence`,
    );
    return rows.map(({ sequence }) => sequence);
  }

  describe.each(KINDS)('under a lease in %s', (kind) => {
    let sequence = KINDS.indexOf(kind) * 1000;
    beforeEach(() => {
      sequence++;
    });

    it('a process that is killed in its handler leaves the delivery to the next, once its lease is over', async () => {
      const [first, second] = await twoReceivers(kind);
      const body = bodyOf(sequence);
      const lost = first.deliver(body).catch(() => 'lost');
      await first.did({ did: 'started', sequence, fencingToken: 1 });
      await first.kill();
      expect(await lost).toBe('lost');

      second.letGo();
      expect(await untilAnswered(() => second.deliver(body))).toBe(204);
      await second.did({ did: 'observed', type: 'committed' });
      expect(await untilAnswered(() => second.deliver(body))).toBe(200);
      expect(runsOf(first)).toEqual([{ did: 'started', sequence, fencingToken: 1 }]);
      expect(runsOf(second)).toEqual([
        { did: 'started', sequence, fencingToken: 2 },
        { did: 'finished', sequence, fencingToken: 2 },
      ]);
    });

    it('a process that is paused past its lease is told, and settles nothing of the run that took over', async () => {
      const [paused, other] = await twoReceivers(kind);
      const body = bodyOf(sequence);
      const late = paused.deliver(body);
      await paused.did({ did: 'started', sequence, fencingToken: 1 });
      paused.pause();
      const takenOver = untilAnswered(() => other.deliver(body));
      await other.did({ did: 'started', sequence, fencingToken: 2 });

      paused.resume();
      await paused.did({ did: 'aborted', sequence, fencingToken: 1 });
      paused.letGo();
      // What is done is done, and the sender is told so; but nothing is committed by it.
      expect(await late).toBe(204);
      await paused.did({ did: 'observed', type: 'claim-lost' }, 2);
      expect(await paused.deliver(body)).toBe(503);

      other.letGo();
      expect(await takenOver).toBe(204);
      await other.did({ did: 'observed', type: 'committed' });
      expect(await untilAnswered(() => paused.deliver(body))).toBe(200);
      expect(paused.journal()).not.toContainEqual({ did: 'observed', type: 'committed' });
      expect(runsOf(other)).toEqual([
        { did: 'started', sequence, fencingToken: 2 },
        { did: 'finished', sequence, fencingToken: 2 },
      ]);
    });

    // At-least-once: a process can die after its effect and before its commit.
    it('no delivery is lost while one process after another is killed, and no two runs of one have the same fencing token', async () => {
      const { receivers, sent } = await underFire(kind);
      const finished = new Set<number>();
      const fences = new Map<number, number[]>();
      for (const entry of receivers.flatMap((receiver) => receiver.journal())) {
        if (entry.did === 'started') {
          fences.set(entry.sequence, [...(fences.get(entry.sequence) ?? []), entry.fencingToken]);
        }
        if (entry.did === 'finished') finished.add(entry.sequence);
      }
      expect([...finished].sort((a, b) => a - b)).toEqual(
        Array.from({ length: sent }, (_, index) => index + 1),
      );
      for (const each of fences.values()) {
        expect(new Set(each).size).toBe(each.length);
      }
    });
  });

  describe('in one transaction with the handler', () => {
    it('a process that is killed in its handler leaves the delivery to the next, at once', async () => {
      const [first, second] = await twoReceivers('transaction');
      const body = bodyOf(2001);
      const lost = first.deliver(body).catch(() => 'lost');
      await first.did({ did: 'started' });
      await first.kill();
      expect(await lost).toBe('lost');

      second.letGo();
      expect(await untilAnswered(() => second.deliver(body))).toBe(204);
      expect(await second.deliver(body)).toBe(200);
      expect(await orders()).toEqual([2001]);
    });

    it('a process that is paused keeps the delivery to itself until it is resumed or dead', async () => {
      const [paused, other] = await twoReceivers('transaction');
      const body = bodyOf(2002);
      const late = paused.deliver(body);
      await paused.did({ did: 'started' });
      paused.pause();
      other.letGo();
      expect(await other.deliver(body)).toBe(503);
      expect(runsOf(other)).toEqual([]);

      paused.resume();
      paused.letGo();
      expect(await late).toBe(204);
      expect(await untilAnswered(() => other.deliver(body))).toBe(200);
      expect(await orders()).toEqual([2002]);
    });

    it('every delivery has one effect while one process after another is killed', async () => {
      const { sent } = await underFire('transaction');
      expect(await orders()).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
    });
  });

  /** A steady load on three receivers, of which one after the other is killed with its hands full, and replaced. */
  async function underFire(
    kind: StoreSetup['kind'],
  ): Promise<{ receivers: ReceiverProcess[]; sent: number }> {
    const setup = { secret: newSecret(), leaseSeconds: 1, store: storeOf(kind), workMs: 30 };
    let live = await Promise.all([startReceiver(setup), startReceiver(setup), startReceiver(setup)]);
    const receivers = [...live];
    const balancer = await startBalancer();
    balancer.route(live.map(({ port }) => port));
    const sender = await simulateSender({
      vendor: 'anchorBrowser',
      receiverUrl: balancer.url,
      initialSecret: setup.secret,
      attemptsAfterSeconds: ATTEMPTS,
      timeoutSeconds: 60,
    });
    onTestFinished(() => sender.close());
    const stop = sender.run({ perSecond: 60 });
    for (let round = 0; round < 4; round++) {
      const next = startReceiver(setup);
      const [victim, ...others] = live;
      await victim?.did({ did: 'started' }, 10);
      await vi.waitFor(() => expect(isBusy(victim)).toBe(true), { ...PATIENCE, interval: 1 });
      await victim?.kill();
      live = [...others, await next];
      receivers.push(await next);
      balancer.route(live.map(({ port }) => port));
    }
    await stop();
    const { sent, delivered, lost } = sender.stats();
    expect({ delivered, lost }).toEqual({ delivered: sent, lost: 0 });
    return { receivers, sent };
  }
});

/** What became of its handlers. */
function runsOf(receiver: ReceiverProcess): unknown[] {
  return receiver.journal().filter(({ did }) => did !== 'observed');
}

/** Whether a handler is at work. */
function isBusy(receiver: ReceiverProcess | undefined): boolean {
  const journal = receiver?.journal() ?? [];
  const count = (what: string) => journal.filter(({ did }) => did === what).length;
  return count('started') > count('finished');
}
