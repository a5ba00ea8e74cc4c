import { randomUUID } from 'node:crypto';
import { standardWebhooks } from '@countersign/schemes';
import { replayStoreCases, sign } from '@countersign/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modernNode } from '../../../test/support/servers/modern-node.ts';
import { startWorkerd, type Workerd } from './support/workerd.ts';

const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const KEPT = { ttlMs: 600_000, replayWindowMs: 600_000 };
const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const node = await modernNode();

describe.skipIf(node === undefined)('the Durable Object replay store, in workerd', () => {
  let workerd: Workerd;
  beforeAll(async () => {
    workerd = await startWorkerd(node ?? '', SECRET);
  });
  afterAll(() => workerd?.stop());

  const make = async () => ({ store: workerd.store(randomUUID()) });
  for (const { name, run } of replayStoreCases(make)) test(name, run);

  test.each(['end', 'kill'] as const)('remembers over a restart after "%s"', async (how) => {
    const name = randomUUID();
    const store = workerd.store(name);
    const [handled, held] = [await store.claim('handled', HELD), await store.claim('held', HELD)];
    if (handled.state !== 'claimed' || held.state !== 'claimed') throw new Error('not claimed');
    await store.commit('handled', handled.token, KEPT);
    await workerd.restart(how);
    const again = workerd.store(name);
    expect(await again.claim('handled', HELD)).toEqual({ state: 'committed' });
    expect((await again.claim('held', HELD)).state).toBe('in-progress');
    expect(await again.commit('held', held.token, KEPT)).toBe(true);
  });

  test('an object of another class is reported', async () => {
    await expect(workerd.store(randomUUID(), true).claim('a key', HELD)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
      message: expect.stringContaining('CountersignReplay'),
    });
  });

  test('a webhook runs once, whichever request brings it', async () => {
    const request = sign(standardWebhooks(), { secret: SECRET, id: 'msg_1', body: '{}' });
    const deliver = () =>
      fetch(new URL('/hooks', workerd.url), { method: 'POST', headers: request.headers, body: '{}' }).then(
        async (response) => `${response.status} ${await response.text()}`,
      );
    const first = await Promise.all(Array.from({ length: 20 }, deliver));
    expect(first.filter((answer) => answer === '200 1')).toHaveLength(1);
    await expect.poll(deliver, { timeout: 60_000 }).toBe('200 ');
    const forged = { ...request.headers, 'webhook-signature': `v1,${'A'.repeat(43)}=` };
    const response = await fetch(new URL('/hooks', workerd.url), {
      method: 'POST',
      headers: forged,
      body: '{}',
    });
    expect(response.status).toBe(401);
  });
});
