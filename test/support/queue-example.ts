import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { anchorBrowser } from '@countersign/schemes';
import { type SignedRequest, sign } from '@countersign/testing';
import type pg from 'pg';
import { expect, vi } from 'vitest';
import { type BundledScript, bundleScript } from './bundled-script.ts';
import { ExampleProcess } from './example-process.ts';
import type { LocalServer } from './servers/local-server.ts';
import { type Outages, startOutages } from './servers/outages.ts';
import { openPool } from './servers/postgres-database.ts';
import { startPostgres } from './servers/postgres-server.ts';
import type { QueueBroker } from './servers/queue-brokers.ts';

export const SECRET = '4e0f1c7a9b2d4865af03d1c85b7e6f92';

const SOURCES = new URL('../../examples/queue/src/', import.meta.url);

/** What a sender got: a status, or `undefined` without a response. */
export type Attempt = number | undefined;

/** How fast time runs in the example. */
export interface QueueSettings {
  readonly retryMs?: number;
  readonly lockSeconds?: number;
}

/** The two scripts of the example as JavaScript: tests start them often. */
export async function bundleQueueExample() {
  const [receiver, worker] = await Promise.all([
    bundleScript(new URL('receiver.ts', SOURCES)),
    bundleScript(new URL('worker.ts', SOURCES)),
  ]);
  return {
    receiver,
    worker,
    remove: () => Promise.all([receiver.remove(), worker.remove()]),
  };
}

export function signed(id: string): SignedRequest {
  return sign(anchorBrowser(), { secret: SECRET, body: JSON.stringify({ id, type: 'session.ended' }) });
}

/** The example with one queue: its receiver and its worker, a database, and the calls of a sender. */
export class QueueExample {
  readonly broker: QueueBroker;
  readonly receiver: ExampleProcess;
  readonly worker: ExampleProcess;
  /** The tests' own connections. */
  readonly pool: pg.Pool;
  /** Between the worker and its database. */
  readonly outages: Outages;
  readonly #postgres: LocalServer;
  readonly #folder: string;
  #url = '';

  private constructor(
    name: string,
    scripts: { readonly receiver: BundledScript; readonly worker: BundledScript },
    broker: QueueBroker,
    postgres: LocalServer,
    outages: Outages,
    folder: string,
    settings: QueueSettings,
  ) {
    this.broker = broker;
    this.#postgres = postgres;
    this.outages = outages;
    this.#folder = folder;
    this.pool = openPool(postgres.url);
    const env = {
      ...broker.env,
      DATABASE_URL: outages.through(postgres.url),
      ANCHOR_SECRETS: join(folder, 'anchor.json'),
      PORT: '0',
      LOCK_SECONDS: String(settings.lockSeconds ?? 1),
      ...(settings.retryMs === undefined ? {} : { RETRY_MS: String(settings.retryMs) }),
    };
    this.receiver = new ExampleProcess([scripts.receiver.path, name], env, /listening on port (\d+)/);
    this.worker = new ExampleProcess([scripts.worker.path, name], env, /waiting for jobs/);
  }

  static async start(
    name: string,
    scripts: { readonly receiver: BundledScript; readonly worker: BundledScript },
    startBroker: () => Promise<QueueBroker>,
    settings: QueueSettings = {},
  ): Promise<QueueExample> {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-queue-'));
    await writeFile(join(folder, 'anchor.json'), JSON.stringify({ current: SECRET }));
    const [postgres, broker] = await Promise.all([startPostgres(), startBroker()]);
    const outages = await startOutages(postgres);
    const example = new QueueExample(name, scripts, broker, postgres, outages, folder, settings);
    try {
      await Promise.all([example.startReceiver(), example.worker.start()]);
    } catch (error) {
      await example.stop();
      throw error;
    }
    return example;
  }

  async stop(): Promise<void> {
    await Promise.all([this.receiver.end(), this.worker.end()]);
    await this.pool.end();
    await Promise.all([this.broker.stop(), this.outages.close(), this.#postgres.stop()]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async startReceiver(): Promise<void> {
    const [, port] = await this.receiver.start();
    this.#url = `http://127.0.0.1:${port}/hooks/anchor`;
  }

  async send({ headers, body }: SignedRequest): Promise<Attempt> {
    try {
      const response = await fetch(this.#url, { method: 'POST', headers, body: Buffer.from(body) });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return undefined;
    }
  }

  /** As a sender does that tries again after any failure, with a new timestamp; returns all its attempts. */
  async deliver(id: string): Promise<Attempt[]> {
    const attempts: Attempt[] = [];
    for (;;) {
      const status = await this.send(signed(id));
      attempts.push(status);
      if (status !== undefined && status < 300) return attempts;
      await delay(20);
    }
  }

  /** How often the work of each event was done. */
  async effects(prefix: string): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.pool.query<{ id: string; times: number }>(
      'SELECT id, count(*)::int AS times FROM events WHERE id LIKE $1 GROUP BY id',
      [`${prefix}%`],
    );
    return new Map(rows.map(({ id, times }) => [id, times]));
  }

  /** Until nothing is left to do, neither in the queue nor in the worker. */
  async untilIdle(): Promise<void> {
    for (;;) {
      await vi.waitFor(async () => expect(await this.broker.unfinished()).toBe(0), { interval: 100 });
      // What the worker has at work is done then, or back in the queue.
      expect(await this.worker.end('SIGTERM')).toEqual([0, null]);
      const left = await this.broker.unfinished();
      await this.worker.start();
      if (left === 0) return;
    }
  }

  /** Lets no event be written until it is called. */
  async holdWork(): Promise<() => Promise<void>> {
    const client = await this.pool.connect();
    await client.query('BEGIN');
    await client.query('LOCK TABLE events IN EXCLUSIVE MODE');
    return async () => {
      await client.query('ROLLBACK');
      client.release();
    };
  }

  /** Until the worker is in the middle of its work. */
  async workWaits(): Promise<void> {
    await vi.waitFor(async () => {
      const { rows } = await this.pool.query(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO events%'",
      );
      expect(rows.length).toBeGreaterThan(0);
    });
  }
}
