import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { shopify } from '@countersign/schemes';
import { type SignedRequest, sign, tamper } from '@countersign/testing';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { describeWith } from '../support/servers/available.ts';
import { endWithUs } from '../support/servers/end-with-us.ts';
import { openPool } from '../support/servers/postgres-database.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';

const describeWithPostgres = await describeWith('postgres-server');

const MAIN = fileURLToPath(new URL('../../examples/orders/src/main.ts', import.meta.url));
const SECRET = '4e0f1c7a9b2d4865af03d1c85b7e6f92';

/** The example, as a process of its own. */
class Shop {
  readonly #url: string;
  #app: ChildProcessByStdio<null, Readable, Readable> | undefined;
  #address = '';
  output = '';

  constructor(databaseUrl: string) {
    this.#url = databaseUrl;
  }

  async start(): Promise<void> {
    const app = spawn(process.execPath, ['--conditions=countersign-source', '--import=tsx', MAIN], {
      env: {
        ...process.env,
        PORT: '0',
        DATABASE_URL: this.#url,
        SHOPIFY_CLIENT_SECRET: SECRET,
        NODE_ENV: 'production',
        NODE_OPTIONS: '--unhandled-rejections=strict',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const dismiss = app.pid === undefined ? undefined : endWithUs(app.pid);
    app.once('exit', () => dismiss?.());
    this.#app = app;
    this.output = '';
    for (const stream of [app.stdout, app.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    const port = /listening on port (\d+)/;
    await vi.waitFor(() => expect(this.output).toMatch(port), 60_000);
    this.#address = `http://127.0.0.1:${port.exec(this.output)?.[1]}`;
  }

  get isRunning(): boolean {
    return this.#app !== undefined && this.#app.exitCode === null && this.#app.signalCode === null;
  }

  /** `kill -9` by default. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<unknown[]> {
    if (this.#app === undefined || !this.isRunning) return [];
    const exited = once(this.#app, 'exit');
    this.#app.kill(signal);
    return exited;
  }

  send({ headers, body }: SignedRequest): Promise<Response> {
    return fetch(`${this.#address}/hooks/orders`, { method: 'POST', headers, body: Buffer.from(body) });
  }

  /** As a sender does that tries again after any failure; returns all the responses. */
  async deliver(request: SignedRequest): Promise<(number | 'none')[]> {
    const answers: (number | 'none')[] = [];
    for (;;) {
      const answer = await this.send(request).then(
        async (response) => {
          await response.arrayBuffer();
          return response.status;
        },
        () => 'none' as const,
      );
      answers.push(answer);
      if (typeof answer === 'number' && answer < 300) return answers;
      await delay(20);
    }
  }

  async health(): Promise<unknown> {
    return (await fetch(`${this.#address}/health`)).json();
  }
}

describeWithPostgres('the example of orders', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let pool: pg.Pool;
  let shop: Shop;
  let numbers = 1000;

  beforeAll(async () => {
    server = await startPostgres();
    pool = openPool(server.url);
    shop = new Shop(server.url);
  });
  beforeEach(async () => {
    if (!shop.isRunning) await shop.start();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(shop.output);
  });
  afterAll(async () => {
    await shop.end();
    await pool.end();
    await server.stop();
  });

  function order(number = ++numbers): SignedRequest & { number: number } {
    const body = JSON.stringify({ id: number, total_price: '19.90' });
    return { ...sign(shopify(), { secret: SECRET, body }), number };
  }

  async function rowsOf({ number }: { number: number }): Promise<number> {
    const { rows } = await pool.query('SELECT 1 FROM orders WHERE number = $1', [number]);
    return rows.length;
  }

  /** Lets no order be inserted until it is called. */
  async function holdOrders(): Promise<() => Promise<void>> {
    const client = await pool.connect();
    client.on('error', () => undefined);
    await client.query('BEGIN');
    await client.query('LOCK TABLE orders IN EXCLUSIVE MODE');
    return async () => {
      await client.query('ROLLBACK').catch(() => undefined);
      client.release(true);
    };
  }

  /** Until a handler is in the middle of its transaction. */
  async function insertWaits(): Promise<void> {
    await vi.waitFor(async () => {
      const { rows } = await pool.query(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO orders%'",
      );
      expect(rows.length).toBeGreaterThan(0);
    }, 60_000);
  }

  test('inserts an order once, however often it is delivered', async () => {
    const delivery = order();
    expect((await shop.send(delivery)).status).toBe(204);
    expect((await shop.send(delivery)).status).toBe(200);
    expect(await rowsOf(delivery)).toBe(1);
    expect(await shop.health()).toMatchObject({
      state: 'ready',
      verifiers: { orders: { replay: { name: 'postgres', warnings: [] } } },
    });
  });

  test('inserts nothing that was tampered with', async () => {
    const delivery = order();
    expect((await shop.send(tamper(delivery))).status).toBe(401);
    expect(await rowsOf(delivery)).toBe(0);
  });

  test('inserts an order once under 100 parallel deliveries', async () => {
    const delivery = order();
    const answers = await Promise.all(Array.from({ length: 100 }, () => shop.deliver(delivery)));
    const last = answers.map((each) => each.at(-1));
    expect(last.filter((status) => status === 204)).toHaveLength(1);
    expect(last.filter((status) => status === 200)).toHaveLength(99);
    expect(new Set(answers.flat().filter((status) => status !== 204 && status !== 200))).toEqual(
      new Set(answers.flat().includes(503) ? [503] : []),
    );
    expect(await rowsOf(delivery)).toBe(1);
  });

  test('inserts an order once when it is killed in the middle of its handler', async () => {
    const delivery = order();
    const letGo = await holdOrders();
    const lost = shop.send(delivery).catch(() => 'lost');
    await insertWaits();
    await shop.end('SIGKILL');
    expect(await lost).toBe('lost');
    await letGo();
    await shop.start();
    expect((await shop.deliver(delivery)).at(-1)).toBe(204);
    expect(await rowsOf(delivery)).toBe(1);
    expect((await shop.send(delivery)).status).toBe(200);
  });

  test('inserts each order once when it is killed again and again, at any moment', async () => {
    const deliveries = Array.from({ length: 40 }, () => order());
    let answered = 0;
    const senders = deliveries.flatMap((delivery) =>
      [1, 2, 3].map(async () => {
        await shop.deliver(delivery);
        answered++;
      }),
    );
    for (let kills = 1; kills <= 3; kills++) {
      await vi.waitFor(() => expect(answered).toBeGreaterThan(kills * 20), { timeout: 60_000, interval: 1 });
      await shop.end('SIGKILL');
      await shop.start();
    }
    await Promise.all(senders);
    for (const delivery of deliveries) expect(await rowsOf(delivery)).toBe(1);
  });

  test('inserts an order once when the database is killed in the middle, and outlives it', async () => {
    const delivery = order();
    const letGo = await holdOrders();
    const failed = shop.send(delivery);
    await insertWaits();
    await server.kill('SIGKILL');
    await letGo();
    expect((await failed).status).toBeGreaterThanOrEqual(500);
    expect((await shop.send(delivery)).status).toBeGreaterThanOrEqual(500);
    await server.restart();
    expect((await shop.deliver(delivery)).at(-1)).toBe(204);
    expect(await rowsOf(delivery)).toBe(1);
    expect(shop.isRunning).toBe(true);
  });

  test('shows no secret, and ends by itself on a signal', async () => {
    expect(await shop.end('SIGTERM')).toEqual([0, null]);
    expect(shop.output).not.toContain(SECRET);
  });
});
