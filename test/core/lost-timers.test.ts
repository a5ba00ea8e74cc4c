import { createVerifier, memoryReplayStore, type ReplayStore } from '@countersign/core';
import { standardWebhooks } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import { afterEach, expect, test } from 'vitest';

// Cloudflare Workers end timers and loads with the request that has started them, and nothing reports it.

const OLD = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const NEW = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;

type Load = { current: string } | 'hangs';

const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

/** A verifier whose timers never fire. */
function start(...loads: Load[]) {
  const time = manualClock();
  const started: string[] = [];
  const scheme = standardWebhooks();
  const verifier = createVerifier({
    scheme,
    clock: { ...time, schedule: () => () => undefined },
    secrets: {
      name: 'lost',
      load: async ({ reason }) => {
        started.push(reason);
        const load = loads[Math.min(started.length, loads.length) - 1] ?? 'hangs';
        return load === 'hangs' ? new Promise(() => undefined) : load;
      },
    },
  });
  closings.push(() => verifier.close());
  return {
    time,
    started,
    deliver: (secret: string) =>
      verifier
        .verify(sign(scheme, { secret, body: '{}', timestamp: new Date(time.now()) }))
        .then(({ key }) => key.role),
  };
}

test('a load that ended without a result is started again by a request after its timeout', async () => {
  const { time, started, deliver } = start('hangs', { current: OLD });
  const first = deliver(OLD);
  await time.advance(3500);
  // Its timeout may still be about to fire.
  void deliver(OLD).catch(() => undefined);
  await time.advance(0);
  expect(started).toEqual(['start']);
  await time.advance(1000);
  expect(await deliver(OLD)).toBe('current');
  expect(await first).toBe('current');
  expect(started).toEqual(['start', 'start']);
});

test('the load that a timer should have started is started by the next request', async () => {
  const { time, started, deliver } = start({ current: OLD }, { current: NEW });
  expect(await deliver(OLD)).toBe('current');
  await time.advance(200_000);
  expect(await deliver(OLD)).toBe('current');
  expect(started).toEqual(['start']);
  await time.advance(200_000);
  // This request does not wait for the load.
  expect(await deliver(OLD)).toBe('current');
  await time.advance(0);
  expect(started).toEqual(['start', 'timer']);
  await expect(deliver(OLD)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH' });
  expect(await deliver(NEW)).toBe('current');
});

test('a commit whose retry was lost is tried again with the next one that fails', async () => {
  const time = manualClock();
  let losesTimers = true;
  let isDown = true;
  const memory = memoryReplayStore({ clock: time });
  const replay: ReplayStore = {
    claim: (...args) => memory.claim(...args),
    renew: (...args) => memory.renew(...args),
    commit: async (...args) => {
      if (isDown) throw new Error('down');
      return memory.commit(...args);
    },
    release: (...args) => memory.release(...args),
    forget: (...args) => memory.forget(...args),
  };
  const scheme = standardWebhooks();
  const clock = {
    ...time,
    schedule: (task: () => void, delayMs: number) =>
      losesTimers ? () => undefined : time.schedule(task, delayMs),
  };
  const committed: string[] = [];
  const verifier = createVerifier({
    ...{ scheme, clock, replay, secrets: OLD },
    observe: ({ type }) => {
      if (type === 'committed') committed.push(type);
    },
  });
  const deliver = () =>
    verifier.handle(sign(scheme, { secret: OLD, body: '{}', timestamp: new Date(time.now()) }), () => 204);

  expect((await deliver()).status).toBe(204);
  await time.advance(60_000);
  losesTimers = false;
  expect((await deliver()).status).toBe(204);
  await time.advance(0);
  isDown = false;
  await time.advance(10_000);
  expect(committed).toHaveLength(2);
});
