import { Agent, request as send } from 'node:http';
import { createTenants, type Tenants, type UnroutedEvent } from '@countersign/core';
import { webhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { svix } from '@countersign/schemes';
import { type MountedAdapter, sign } from '@countersign/testing';
import express from 'express';
import fastify from 'fastify';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { listen } from '../support/listen.ts';

// Tenants as users mount them: the tenant is part of the path, and everything passes through real sockets.

const secretOf = (tenant: string) => `whsec_${Buffer.from(tenant.padEnd(24, '.')).toString('base64')}`;

interface Mounted extends MountedAdapter {
  /** The tenants whose handler ran. */
  readonly runs: string[];
}

type Mount = (tenants: Tenants, observe: (event: UnroutedEvent) => void) => Promise<Mounted>;

const mounts: Record<string, Mount> = {
  async Express(tenants, observe) {
    const runs: string[] = [];
    const app = express();
    const verify = webhook((req) => tenants(req.params.tenant), { observe });
    app.post('/hooks/:tenant', verify, (req, res) => {
      runs.push(String(req.params.tenant));
      res.sendStatus(204);
    });
    return { ...(await listen(app)), runs };
  },
  async Fastify(tenants, observe) {
    const runs: string[] = [];
    const app = fastify();
    await app.register(async (scope) => {
      const verifier = (req: { params: unknown }) => tenants((req.params as { tenant: string }).tenant);
      await scope.register(webhookPlugin, { verifier, observe });
      scope.post('/hooks/:tenant', async (req, reply) => {
        runs.push((req.params as { tenant: string }).tenant);
        return reply.code(204).send();
      });
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as { port: number };
    return { port, runs, close: () => app.close() };
  },
};

let cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanup.reverse()) await step();
  cleanup = [];
  vi.restoreAllMocks();
});

const agent = new Agent({ keepAlive: true, maxSockets: 20 });

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** Posts one delivery, and resolves to the response. */
function post(port: number, tenant: string, secret = secretOf(tenant), id?: string): Promise<Answer> {
  const signed = sign(svix(), { secret, body: '{}', ...(id === undefined ? {} : { id }) });
  return new Promise((resolve, reject) => {
    const path = `/hooks/${encodeURIComponent(tenant)}`;
    const call = send({ port, path, method: 'POST', headers: signed.headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
          body: Buffer.concat(chunks).toString(),
        }),
      );
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end(signed.body);
  });
}

/** Runs the tasks, 20 at a time. */
async function inTwenties<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += 20) {
    results.push(...(await Promise.all(items.slice(at, at + 20).map(task))));
  }
  return results;
}

describe.each(Object.entries(mounts))('%s', (_, mount) => {
  async function start(load: (tenant: string) => Promise<string | undefined>, maxTenants = 1000) {
    const events: UnroutedEvent[] = [];
    const tenants = createTenants({
      maxTenants,
      timeoutSeconds: 1,
      async load(tenant) {
        const secrets = await load(tenant);
        return secrets === undefined ? undefined : { scheme: svix(), secrets };
      },
    });
    const app = await mount(tenants, (event) => events.push(event));
    cleanup.push(
      () => tenants.close(),
      () => app.close(),
    );
    return { tenants, app, events };
  }

  test('each tenant accepts its own deliveries only, though few are kept in memory', async () => {
    const loads = new Map<string, number>();
    const { app } = await start(async (tenant) => {
      loads.set(tenant, (loads.get(tenant) ?? 0) + 1);
      return tenant.startsWith('t') ? secretOf(tenant) : undefined;
    }, 50);
    const names = Array.from({ length: 200 }, (_, n) => `t${n}`);
    const good = await inTwenties(names, (name) => post(app.port, name, secretOf(name), 'msg_1'));
    expect(new Set(good.map(({ status }) => status))).toEqual(new Set([204]));
    expect([...app.runs].sort()).toEqual([...names].sort());
    expect([...loads.values()].every((count) => count === 1)).toBe(true);

    // Dropped tenants come back, and recognize what they have handled.
    const again = await inTwenties(names, (name) => post(app.port, name, secretOf(name), 'msg_1'));
    expect(new Set(again.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await post(app.port, 't1', secretOf('t2'))).status).toBe(401);
    expect((await post(app.port, 'unknown')).status).toBe(401);
    expect(app.runs).toHaveLength(200);
  });

  test('a tenant whose load fails or hangs gets 503, and the others don’t notice', async () => {
    const { app, events } = await start(async (tenant) => {
      if (tenant === 'hung') await new Promise(() => undefined);
      if (tenant === 'down') throw new Error('the database says: secret text');
      return secretOf(tenant);
    });
    const hung = [post(app.port, 'hung'), post(app.port, 'hung')];
    const down = await post(app.port, 'down');
    expect(down).toMatchObject({ status: 503, retryAfter: '5', body: '{"error":"webhook refused"}' });
    const names = Array.from({ length: 100 }, (_, n) => `t${n}`);
    const good = await inTwenties(names, (name) => post(app.port, name));
    expect(new Set(good.map(({ status }) => status))).toEqual(new Set([204]));
    for (const each of await Promise.all(hung)) expect(each).toMatchObject({ status: 503, retryAfter: '5' });
    expect(events).toHaveLength(3);
    expect(events[0]).toMatchObject({ type: 'unrouted', code: 'ERR_WEBHOOK_NOT_READY', status: 503 });
    expect(JSON.stringify(events)).not.toContain('secret text');
  });

  test('a deleted tenant is refused from the next request on', async () => {
    const rows = new Set(['a', 'b']);
    const { app, tenants, events } = await start(async (tenant) =>
      rows.has(tenant) ? secretOf(tenant) : undefined,
    );
    expect((await post(app.port, 'a')).status).toBe(204);
    rows.delete('a');
    tenants.forget('a');
    expect((await post(app.port, 'a')).status).toBe(401);
    expect((await post(app.port, 'b')).status).toBe(204);
    expect(events).toMatchObject([{ type: 'unrouted', status: 401 }]);
  });

  test('after close(), the sender gets 503', async () => {
    const { app, tenants } = await start(async (tenant) => secretOf(tenant));
    expect((await post(app.port, 'a')).status).toBe(204);
    await tenants.close();
    expect(await post(app.port, 'a')).toMatchObject({ status: 503, retryAfter: '5' });
    expect(app.runs).toEqual(['a']);
  });
});
