import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { anchorBrowser } from '@countersign/schemes';
import { type SignedRequest, sign, tamper } from '@countersign/testing';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { bundleScript } from '../support/bundled-script.ts';
import { ExampleProcess } from '../support/example-process.ts';
import { describeWith } from '../support/servers/available.ts';
import { openPool } from '../support/servers/postgres-database.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { QUEUE_BROKERS, type QueueBroker } from '../support/servers/queue-brokers.ts';

const SECRET = '4e0f1c7a9b2d4865af03d1c85b7e6f92';
const DELIVERIES = 300;
const SENDERS = 12;
const KILLS = 4;

const SOURCES = new URL('../../examples/queue/src/', import.meta.url);
const receiverScript = await bundleScript(new URL('receiver.ts', SOURCES));
const workerScript = await bundleScript(new URL('worker.ts', SOURCES));
afterAll(async () => {
  await receiverScript.remove();
  await workerScript.remove();
});

for (const { name, needs, start } of QUEUE_BROKERS) {
  const describeWithServers = await describeWith('postgres-server', ...needs);

  describeWithServers(`the example of a queue, with ${name}`, () => {
    let folder: string;
    let postgres: Awaited<ReturnType<typeof startPostgres>>;
    let broker: QueueBroker;
    let pool: pg.Pool;
    let receiver: ExampleProcess;
    let worker: ExampleProcess;
    let url = '';

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'countersign-queue-'));
      const secrets = join(folder, 'anchor.json');
      await writeFile(secrets, JSON.stringify({ current: SECRET }));
      [postgres, broker] = await Promise.all([startPostgres(), start()]);
      pool = openPool(postgres.url);
      const env = {
        ...broker.env,
        DATABASE_URL: postgres.url,
        ANCHOR_SECRETS: secrets,
        PORT: '0',
        LOCK_SECONDS: '1',
      };
      receiver = new ExampleProcess([receiverScript.path, name], env, /listening on port (\d+)/);
      worker = new ExampleProcess([workerScript.path, name], env, /waiting for jobs/);
      await Promise.all([startReceiver(), worker.start()]);
    });
    afterAll(async () => {
      await receiver?.end();
      await worker?.end();
      await pool?.end();
      await broker?.stop();
      await postgres?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function startReceiver(): Promise<void> {
      const [, port] = await receiver.start();
      url = `http://127.0.0.1:${port}/hooks/anchor`;
    }

    function signed(id: string): SignedRequest {
      return sign(anchorBrowser(), { secret: SECRET, body: JSON.stringify({ id, type: 'session.ended' }) });
    }

    /** The status, or `undefined` without a response. */
    async function send({ headers, body }: SignedRequest): Promise<number | undefined> {
      try {
        const response = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) });
        await response.arrayBuffer();
        return response.status;
      } catch {
        return undefined;
      }
    }

    /** As a sender does that tries again after any failure, with a new timestamp; returns all its attempts. */
    async function deliver(id: string): Promise<(number | undefined)[]> {
      const attempts: (number | undefined)[] = [];
      for (;;) {
        const status = await send(signed(id));
        attempts.push(status);
        if (status !== undefined && status < 300) return attempts;
        await delay(20);
      }
    }

    /** How often the work of each event was done. */
    async function effects(prefix: string): Promise<ReadonlyMap<string, number>> {
      const { rows } = await pool.query<{ id: string; times: number }>(
        'SELECT id, count(*)::int AS times FROM events WHERE id LIKE $1 GROUP BY id',
        [`${prefix}%`],
      );
      return new Map(rows.map(({ id, times }) => [id, times]));
    }

    /** Until nothing is left to do, neither in the queue nor in the worker. */
    async function untilIdle(): Promise<void> {
      for (;;) {
        await vi.waitFor(async () => expect(await broker.unfinished()).toBe(0), { interval: 100 });
        // What the worker has at work is done, or back in the queue.
        expect(await worker.end('SIGTERM')).toEqual([0, null]);
        const left = await broker.unfinished();
        await worker.start();
        if (left === 0) return;
      }
    }

    /** Lets no event be written until it is called. */
    async function holdWork(): Promise<() => Promise<void>> {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query('LOCK TABLE events IN EXCLUSIVE MODE');
      return async () => {
        await client.query('ROLLBACK');
        client.release();
      };
    }

    /** Until the worker is in the middle of its work. */
    async function workWaits(): Promise<void> {
      await vi.waitFor(async () => {
        const { rows } = await pool.query(
          "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO events%'",
        );
        expect(rows.length).toBeGreaterThan(0);
      });
    }

    test('handles a delivery once, and recognizes its retry', async () => {
      expect(await send(signed('first'))).toBe(204);
      expect(await send(signed('first'))).toBe(200);
      await vi.waitFor(async () => expect(await effects('first')).toEqual(new Map([['first', 1]])));
    });

    test('queues nothing that was tampered with', async () => {
      expect(await send(tamper(signed('forged')))).toBe(401);
      await untilIdle();
      expect(await effects('forged')).toEqual(new Map());
      expect(receiver.output).not.toContain('queued forged');
    });

    test('responds while the worker is busy, and does the work after a kill in the middle of it', async () => {
      const letGo = await holdWork();
      expect(await send(signed('held'))).toBe(204);
      await workWaits();
      expect(await send(signed('held too'))).toBe(204);
      await worker.end('SIGKILL');
      await letGo();
      expect(await effects('held')).toEqual(new Map());
      await worker.start();
      const both = new Map([
        ['held', 1],
        ['held too', 1],
      ]);
      await vi.waitFor(async () => expect(await effects('held')).toEqual(both));
      await untilIdle();
      expect(await effects('held')).toEqual(both);
    });

    test('does the work once if the receiver forgets what it has queued', async () => {
      expect(await send(signed('forgotten'))).toBe(204);
      await receiver.end('SIGKILL');
      await startReceiver();
      expect(await send(signed('forgotten'))).toBe(204);
      await untilIdle();
      expect(await effects('forgotten')).toEqual(new Map([['forgotten', 1]]));
    });

    test('loses nothing and does nothing twice when receiver and worker are killed again and again', async (context) => {
      const startedAt = performance.now();
      const ids = Array.from({ length: DELIVERIES }, (_, number) => `kill-${number}`);
      const attempts: (number | undefined)[] = [];
      let accepted = 0;
      const waiting = [...ids];
      const senders = Array.from({ length: SENDERS }, async () => {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
          attempts.push(...(await deliver(id)));
          accepted += 1;
          // The response may be lost on its way, so a sender also repeats what was accepted.
          if (accepted % 5 === 0) attempts.push(...(await deliver(id)));
        }
      });
      /** Kills at a random moment of each part of the run. */
      async function killer(process: ExampleProcess, again: () => Promise<unknown>): Promise<void> {
        for (let kill = 0; kill < KILLS; kill++) {
          const at = ((kill + 0.2 + 0.6 * Math.random()) / KILLS) * DELIVERIES * 0.9;
          await vi.waitFor(() => expect(accepted).toBeGreaterThan(at), { interval: 1 });
          await delay(30 * Math.random());
          await process.end('SIGKILL');
          await again();
        }
      }
      await Promise.all([...senders, killer(receiver, startReceiver), killer(worker, () => worker.start())]);
      await vi.waitFor(async () => expect((await effects('kill-')).size).toBe(DELIVERIES), { interval: 100 });
      await untilIdle();
      const counted = await effects('kill-');
      expect(ids.filter((id) => !counted.has(id))).toEqual([]);
      expect([...counted].filter(([, times]) => times !== 1)).toEqual([]);
      expect(await broker.dead()).toBe(0);
      // The kills were felt.
      expect(attempts).toContain(undefined);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const skipped = worker.output.match(/^skipped kill-/gm)?.length ?? 0;
      await context.annotate(
        `${attempts.length} attempts for ${DELIVERIES} deliveries, ${attempts.filter((status) => status === undefined).length} without a response; ` +
          `${skipped} jobs came again after they were done; ${seconds} s`,
      );
    });

    if (name !== 'sqs') {
      test('does not accept what the queue has not confirmed', async () => {
        await broker.pause?.();
        const response = send(signed('unconfirmed'));
        const early = await Promise.race([response, delay(300, 'none yet')]);
        expect(early).toBe('none yet');
        expect(receiver.output).not.toContain('queued unconfirmed');
        await broker.resume?.();
        expect(await response).toBe(204);
        await vi.waitFor(async () =>
          expect(await effects('unconfirmed')).toEqual(new Map([['unconfirmed', 1]])),
        );
      });
    }

    test('ends by itself on a signal, and shows no secret', async () => {
      expect(await receiver.end('SIGTERM')).toEqual([0, null]);
      expect(await worker.end('SIGTERM')).toEqual([0, null]);
      expect(receiver.output + worker.output).not.toContain(SECRET);
    });
  });
}

describe('without a queue', () => {
  test.each([[], ['kafka']])('%s: names those that there are', async (...names) => {
    const process = new ExampleProcess([receiverScript.path, ...names], {}, /Name a queue: (.*)/);
    const [, known] = await process.start();
    expect(known).toBe('bullmq, rabbitmq, sqs');
    await vi.waitFor(() => expect(process.isRunning).toBe(false));
  });
});
