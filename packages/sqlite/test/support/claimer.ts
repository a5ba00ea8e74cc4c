// A process of its own that takes deliveries from a file, as node:sqlite or better-sqlite3 opens it: `claimer.ts PATH COUNT`. It prints a
// line for each delivery that it handles, before it commits it; one that is killed leaves a claim behind.
import { writeSync } from 'node:fs';
import { sqliteReplayStore } from '@countersign/sqlite';

const [path = '', count = '0', leaseMs = '600000'] = process.argv.slice(2);
const store = sqliteReplayStore({ path, timeoutMs: 60_000 });
const order = Array.from({ length: Number(count) }, (_, index) => index).sort(() => Math.random() - 0.5);
for (const index of order) {
  const key = `delivery ${index}`;
  const claim = await store.claim(key, { leaseMs: Number(leaseMs), fenceTtlMs: 600_000 });
  if (claim.state !== 'claimed') continue;
  writeSync(1, `${index} ${claim.token.fencingToken}\n`);
  await store.commit(key, claim.token, { ttlMs: 600_000, replayWindowMs: 600_000 });
}
writeSync(1, 'end\n');
await store.close();
