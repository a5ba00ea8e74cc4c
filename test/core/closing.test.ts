import { createVerifier, memoryReplayStore, type ReplayStore } from '@countersign/core';
import type { ClaimResult } from '@countersign/core/extend';
import { standardWebhooks } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import { expect, test } from 'vitest';

// To stop a process, close the server, then the verifier, then the client of the replay store. A commit that is under way must be
// written before that client goes; otherwise the delivery runs again.

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const scheme = standardWebhooks();

/** A store whose commits and releases end when the test says so. */
function heldStore(clock = manualClock()) {
  const real = memoryReplayStore({ clock });
  const held: (() => void)[] = [];
  const written: string[] = [];
  const later = (what: string, write: () => Promise<boolean>) =>
    new Promise<boolean>((resolve, reject) => {
      held.push(() => {
        written.push(what);
        write().then(resolve, reject);
      });
    });
  const store: ReplayStore = {
    claim: (key, options): Promise<ClaimResult> => real.claim(key, options),
    renew: (key, token, leaseMs) => real.renew(key, token, leaseMs),
    commit: (key, token, options) => later('commit', () => real.commit(key, token, options)),
    release: (key, token) => later('release', () => real.release(key, token)),
  } as ReplayStore;
  const letGo = () => {
    for (const end of held.splice(0)) end();
  };
  return { store, written, letGo };
}

function setUp() {
  const clock = manualClock();
  const { store, written, letGo } = heldStore(clock);
  const verifier = createVerifier({
    scheme,
    secrets: secret,
    clock,
    replay: store,
    leaseSeconds: 3600,
    handlerTimeoutSeconds: 60,
  });
  const request = (id: string) => sign(scheme, { secret, id, body: '{}', timestamp: clock.now() / 1000 });
  return { verifier, clock, written, letGo, request };
}

/** Whether a promise is still pending when everything that was ready to run has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  return !settled;
}

test.each([
  ['commit', 204],
  ['release', 500],
])('close() waits for a %s that is under way', async (what, status) => {
  const { verifier, written, letGo, request } = setUp();
  expect((await verifier.handle(request('1'), () => status)).status).toBe(status);
  const closed = verifier.close();
  expect(await isPending(closed)).toBe(true);
  expect(written).toEqual([]);
  letGo();
  await closed;
  expect(written).toEqual([what]);
});

test('close() waits no longer than handlerTimeoutSeconds', async () => {
  const { verifier, clock, written, request } = setUp();
  await verifier.handle(request('1'), () => 204);
  const closed = verifier.close();
  await clock.advance(59_999);
  expect(await isPending(closed)).toBe(true);
  await clock.advance(1);
  await closed;
  expect(written).toEqual([]);
});

test('a closed verifier accepts no deliveries: 503, so that the sender tries another instance', async () => {
  const { verifier, request, letGo } = setUp();
  const early = await verifier.verify(request('1'));
  await verifier.handle(request('2'), () => 204);
  const closing = verifier.close();
  let ran = false;
  const response = await verifier.handle(request('3'), () => {
    ran = true;
  });
  expect(response.status).toBe(503);
  expect(response.headers).toHaveProperty('retry-after');
  expect(ran).toBe(false);
  await expect(verifier.claim(early)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_NOT_READY', status: 503 });
  letGo();
  await closing;
});

test('close() may be called twice, and by `await using`', async () => {
  const { verifier, request, letGo } = setUp();
  await verifier.handle(request('1'), () => 204);
  const both = [verifier.close(), verifier[Symbol.asyncDispose]()];
  letGo();
  await Promise.all(both);
});

test.each([
  [204, 'commit'],
  [500, 'release'],
])('"before-response" ends with %i after the %s, and not before', async (status, what) => {
  const { verifier, written, letGo, request } = setUp();
  let asked: (() => void) | undefined;
  const handlerRan = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const handler = () => {
    asked?.();
    return status;
  };
  const response = verifier.handle(request('1'), handler, { settle: 'before-response' });
  await handlerRan;
  expect(await isPending(response)).toBe(true);
  letGo();
  expect((await response).status).toBe(status);
  expect(written).toEqual([what]);
  await verifier.close();
});

test('"before-response" does not wait for a store that hangs until the sender has given up', async () => {
  const { verifier, clock, written, request } = setUp();
  let ran: (() => void) | undefined;
  const handlerRan = new Promise<void>((resolve) => {
    ran = resolve;
  });
  const response = verifier.handle(request('1'), () => ran?.(), { settle: 'before-response' });
  await handlerRan;
  await clock.advance(3749);
  expect(await isPending(response)).toBe(true);
  await clock.advance(1);
  // The handler has succeeded, so the sender has nothing to send again.
  expect((await response).status).toBe(204);
  expect(written).toEqual([]);
  const closing = verifier.close();
  await clock.advance(60_000);
  await closing;
});

test('"after-response" hands what it does not wait for to waitUntil', async () => {
  const { verifier, written, letGo, request } = setUp();
  const kept: Promise<unknown>[] = [];
  const options = { waitUntil: (settled: Promise<unknown>) => kept.push(settled) } as const;
  expect((await verifier.handle(request('1'), () => 204, options)).status).toBe(204);
  expect(kept).toHaveLength(1);
  expect(written).toEqual([]);
  letGo();
  await Promise.all(kept);
  expect(written).toEqual(['commit']);
  await verifier.close();
});
