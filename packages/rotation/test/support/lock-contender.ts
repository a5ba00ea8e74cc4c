// Takes a lock again and again, and looks each time whether another process is inside. Every other time it leaves the lock as a
// process does that is killed while it holds it. Started by rotation.lock.test.ts.
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileJournal } from '@countersign/rotation';

const [path = '', marker = '', rounds = '1', dies = 'no'] = process.argv.slice(2);
const journal = fileJournal(path);
let taken = 0;

for (let tries = 0; taken < Number(rounds) && tries < 20_000; tries++) {
  const lock = await journal.lock();
  if ('heldBy' in lock) {
    await delay(Math.random() * 4);
    continue;
  }
  try {
    writeFileSync(marker, String(process.pid), { flag: 'wx' });
  } catch {
    process.stdout.write('two inside\n');
  }
  await delay(Math.random() * 3);
  taken++;
  if (!(await lock.isHeld())) process.stdout.write('lost\n');
  rmSync(marker, { force: true });
  if (dies === 'dies' && taken === Number(rounds)) {
    process.stdout.write(`taken ${taken}\n`, () => process.kill(process.pid, 'SIGKILL'));
    await delay(60_000);
  }
  if (taken % 2 === 0) await lock.release();
  else abandon();
}
process.stdout.write(`taken ${taken}\n`);

/** Leaves the lock to a process that does not exist. */
function abandon(): void {
  const [owner = ''] = readdirSync(`${path}.lock`);
  const dead = owner.replace(/^\d+-\d+/, `99999${taken}-1`);
  renameSync(join(`${path}.lock`, owner), join(`${path}.lock`, dead));
}
