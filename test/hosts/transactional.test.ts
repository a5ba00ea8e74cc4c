import { createVerifier, type VerifiedWebhook } from '@countersign/core';
import { type PostgresReplayStore, postgresReplayStore } from '@countersign/postgres';
import { svix } from '@countersign/schemes';
import { type AdapterMount, type SignedRequest, sign } from '@countersign/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { expressMount } from '../support/mounts/express.ts';
import { fastifyMount } from '../support/mounts/fastify.ts';
import { honoMount, nodeMount } from '../support/mounts/fetch.ts';
import { koaMount } from '../support/mounts/koa.ts';
import { nestMount } from '../support/mounts/nest.ts';
import { loadNest } from '../support/mounts/nest-majors.ts';
import { describeWith } from '../support/servers/available.ts';
import { type Database, openDatabase } from '../support/servers/postgres-database.ts';

// The transactional mode is one call in the handler of every framework: what it throws goes to the framework, and the sender gets what
// it understands.

const describeWithPostgres = await describeWith('postgres');
const nest = await loadNest(11);
afterAll(() => nest.unload());

const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

const mounts: Record<string, AdapterMount> = {
  'Express 5': expressMount(5),
  'Express 4': expressMount(4),
  Fastify: fastifyMount(),
  Koa: koaMount(3),
  fetch: nodeMount,
  Hono: honoMount,
  'Nest on Express': nestMount(() => nest, 'express'),
  'Nest on Fastify': nestMount(() => nest, 'fastify'),
};

describeWithPostgres('store.run(webhook, handler)', () => {
  let database: Database;
  let store: PostgresReplayStore;
  const verifier = createVerifier({ scheme: svix(), secrets: secret, replay: false, observe: () => {} });

  beforeAll(async () => {
    // Two connections: one that is not given back would soon be missed.
    database = await openDatabase({ max: 2 });
    store = database.store({ timeoutMs: 2000 });
    await database.query(`CREATE TABLE ${database.schema}.orders (id text)`);
  });
  afterAll(async () => {
    await database?.close();
    await verifier.close();
  });

  async function orders(id: string): Promise<number> {
    return (await database.query(`SELECT 1 FROM ${database.schema}.orders WHERE id = $1`, [id])).length;
  }

  describe.each(Object.entries(mounts))('under %s', (framework, mount) => {
    // Outside of production, Express shows the message of any error.
    const shows = framework.startsWith('Express');

    /** Mounts the handler of a user: one call, and a response. */
    async function start(
      run: (webhook: VerifiedWebhook) => Promise<unknown>,
      options: { claim?: 'auto' | 'manual' } = { claim: 'manual' },
      guard = verifier,
    ) {
      const app = await mount({
        verifier: guard,
        options,
        parser: 'none',
        async handler({ webhook }) {
          await run(webhook as VerifiedWebhook);
          return { action: 'respond', status: 200, body: 'ok' };
        },
      });
      const send = ({ headers, body }: SignedRequest) =>
        fetch(`http://127.0.0.1:${app.port}/hooks/case`, { method: 'POST', headers, body });
      return { ...app, send };
    }

    const insert = (webhook: VerifiedWebhook) =>
      store.run(webhook, (tx) =>
        tx.query(`INSERT INTO ${database.schema}.orders (id) VALUES ($1)`, [webhook.id]),
      );

    test('handles a delivery once, and more deliveries than there are connections', async () => {
      const app = await start(insert);
      const ids = Array.from({ length: 6 }, () => `msg_${crypto.randomUUID()}`);
      for (let round = 0; round < 2; round++) {
        const sent = ids.map((id) => app.send(sign(svix(), { secret, id, body: '{}' })));
        for (const response of await Promise.all(sent)) expect(response.status).toBe(200);
      }
      for (const id of ids) expect(await orders(id)).toBe(1);
      await app.close();
    });

    test('while the delivery is being handled: 503 with Retry-After, and no reason', async () => {
      let end = () => {};
      const held = new Promise<void>((resolve) => (end = resolve));
      let started = () => {};
      const isStarted = new Promise<void>((resolve) => (started = resolve));
      const app = await start((webhook) =>
        store.run(webhook, async () => {
          started();
          await held;
        }),
      );
      const request = sign(svix(), { secret, body: '{}' });
      const first = app.send(request);
      await isStarted;
      const second = await app.send(request);
      end();
      await expectRetry(second, shows);
      expect((await first).status).toBe(200);
      expect((await app.send(request)).status).toBe(200);
      await app.close();
    });

    test('while the database refuses: 503 with Retry-After, and no reason; nothing was written', async () => {
      const broken = postgresReplayStore({ pool: database.pool, table: 'no_such_table' });
      const app = await start((webhook) => broken.run(webhook, () => undefined));
      await expectRetry(await app.send(sign(svix(), { secret, body: '{}' })), shows);
      await app.close();
    });

    test('what the handler throws is the framework’s, and undone', async () => {
      const id = `msg_${crypto.randomUUID()}`;
      let fails = true;
      const app = await start((webhook) =>
        store.run(webhook, async (tx) => {
          await tx.query(`INSERT INTO ${database.schema}.orders (id) VALUES ($1)`, [webhook.id]);
          if (fails) throw new Error('out of stock');
        }),
      );
      const request = sign(svix(), { secret, id, body: '{}' });
      expect((await app.send(request)).status).toBe(500);
      expect(await orders(id)).toBe(0);
      fails = false;
      expect((await app.send(request)).status).toBe(200);
      expect(await orders(id)).toBe(1);
      await app.close();
    });
  });

  test('without claim: "manual", the error names the option', async () => {
    const guard = createVerifier({ scheme: svix(), secrets: secret, replay: store });
    const received = await guard.receive(sign(svix(), { secret, body: '{}' }));
    if (received.state !== 'claimed') throw new Error('not claimed');
    await expect(store.run(received.webhook, () => undefined)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining("claim: 'manual'"),
    });
    await received.claim.release();
    await guard.close();
  });

  test('needs a pool, a webhook and a handler', async () => {
    const webhook = await verifier.verify(sign(svix(), { secret, body: '{}' }));
    const client = await database.pool.connect();
    const single = postgresReplayStore({ pool: client, schema: database.schema });
    await expect(single.run(webhook, () => undefined)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('run(client, webhook, handler)'),
    });
    client.release();
    for (const call of [[{}, () => undefined], [webhook], [], [database.pool, webhook, () => undefined]]) {
      await expect(Reflect.apply(store.run, store, call)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
      });
    }
    expect(database.pool.waitingCount).toBe(0);
  });

  test('without a connection in time: ERR_WEBHOOK_STORE_UNAVAILABLE, and a late one is given back', async () => {
    const webhook = await verifier.verify(sign(svix(), { secret, body: '{}' }));
    const impatient = database.store({ timeoutMs: 50 });
    const held = [await database.pool.connect(), await database.pool.connect()];
    await expect(impatient.run(webhook, () => undefined)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
      retryAfterSeconds: expect.any(Number),
      message: expect.stringContaining('connection'),
    });
    for (const client of held) client.release();
    await vi.waitFor(() => expect(database.pool.idleCount).toBe(database.pool.totalCount));
    expect((await store.run(webhook, () => undefined)).state).toBe('done');
  });

  async function expectRetry(response: Response, showsReason: boolean): Promise<void> {
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    const body = await response.text();
    if (showsReason) return;
    for (const reason of [/handled/i, /table/i, /migrat/i, /replay/i]) expect(body).not.toMatch(reason);
  }
});
