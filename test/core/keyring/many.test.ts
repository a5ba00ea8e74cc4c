import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, type Keyring, type SecretProvider } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { svix } from '@countersign/schemes';
import { manualClock } from '@countersign/testing';
import { afterEach, expect, test } from 'vitest';

// Thousands of keyrings in one process: their first loads take turns, so that none times out because of the others.

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

let open: Keyring[] = [];
afterEach(async () => {
  await Promise.all(open.map((keyring) => keyring.close()));
  open = [];
  // Those that waited for their turn pass it on.
  await turn();
});

test('ten thousand file secrets are ready', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-many-'));
  try {
    for (let n = 0; n < 10_000; n++) writeFileSync(join(directory, `${n}`), SECRET);
    open = Array.from({ length: 10_000 }, (_, n) =>
      createKeyring(fileSecrets(join(directory, `${n}`)), { scheme: svix() }),
    );
    await Promise.all(open.map((keyring) => keyring.ready()));
    expect(open.every((keyring) => keyring.health().state === 'ready')).toBe(true);
  } finally {
    await Promise.all(open.map((keyring) => keyring.close()));
    rmSync(directory, { recursive: true });
  }
});

test('at most 64 load at a time; the timeout counts from the start; one that is closed gives its turn away', async () => {
  const clock = manualClock();
  const loads: (() => void)[] = [];
  const keyrings = Array.from({ length: 200 }, (_, n) => {
    const provider: SecretProvider = {
      name: `source ${n}`,
      inTurn: true,
      load: () => new Promise((resolve) => loads.push(() => resolve({ current: SECRET }))),
    };
    return createKeyring(provider, { scheme: svix(), clock });
  });
  open = keyrings;
  const ready = keyrings.map((keyring) =>
    keyring.ready().then(
      () => 'ready',
      (error: { code: string }) => error.code,
    ),
  );
  await turn();
  await turn();
  expect(loads).toHaveLength(64);
  for (const keyring of keyrings.slice(64, 72)) await keyring.close();
  // All of the first 64 hang. When they have timed out, the next ones have their whole time.
  await clock.advance(3000);
  await turn();
  await turn();
  expect(loads).toHaveLength(128);
  await clock.advance(2900);
  let ended = false;
  const all = Promise.all(ready).finally(() => {
    ended = true;
  });
  while (!ended) {
    for (const answer of loads) answer();
    await turn();
  }
  const outcomes = await all;
  expect(outcomes.slice(0, 64)).toEqual(Array(64).fill('ERR_WEBHOOK_PROVIDER_FAILED'));
  expect(outcomes.slice(64, 72)).toEqual(Array(8).fill('ERR_WEBHOOK_CONFIG_INVALID'));
  expect(new Set(outcomes.slice(72))).toEqual(new Set(['ready']));
});

test('a process that was paused loads again, without waiting for its own turn', async () => {
  const clock = manualClock();
  const loads: (() => void)[] = [];
  open = Array.from({ length: 64 }, (_, n) =>
    createKeyring(
      {
        name: `source ${n}`,
        inTurn: true,
        load: () => new Promise((resolve) => loads.push(() => resolve({ current: SECRET }))),
      },
      { scheme: svix(), clock: { ...clock, monotonic: () => clock.monotonic() + ahead } },
    ),
  );
  let ahead = 0;
  const ready = Promise.all(open.map((keyring) => keyring.ready()));
  while (loads.length < 64) await turn();
  ahead = 10_000;
  for (const answer of loads.splice(0)) answer();
  await turn();
  expect(loads).toHaveLength(64);
  for (const answer of loads) answer();
  await ready;
});
