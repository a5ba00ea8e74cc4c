import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@countersign/core/extend';
import {
  fileJournal,
  type JournalEntry,
  type RotationJournal,
  type RotationLock,
} from '@countersign/rotation';
import { manualClock } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const CONTENDER = fileURLToPath(new URL('./support/lock-contender.ts', import.meta.url));

let directory: string;
let path: string;
let children: ChildProcess[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-rotation-lock-'));
  path = join(directory, 'secrets.json.rotation');
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

async function take(journal: RotationJournal): Promise<RotationLock> {
  const lock = await journal.lock();
  if ('heldBy' in lock) return expect.fail(`held by ${lock.heldBy}`);
  return lock;
}

const ownerFile = async (): Promise<string> => {
  const [name = ''] = await readdir(`${path}.lock`);
  return join(`${path}.lock`, name);
};

/** Lets the lock look as if another process held it. */
async function pretend(change: (owner: string) => string): Promise<void> {
  await (await take(fileJournal(path))).isHeld();
  const file = await ownerFile();
  const [owner = ''] = await readdir(`${path}.lock`);
  await rename(file, join(`${path}.lock`, change(owner)));
}

describe('the lock of a file journal', () => {
  it('keeps a second one out, and is gone when it is released', async () => {
    const lock = await take(fileJournal(path));
    expect(await fileJournal(path).lock()).toEqual({ heldBy: `process ${process.pid}` });
    expect(await lock.isHeld()).toBe(true);
    await lock.release();
    expect(await lock.isHeld()).toBe(false);
    expect(await readdir(directory)).toEqual([]);
    await (await take(fileJournal(path))).release();
  });

  it('is for its owner alone', async () => {
    await take(fileJournal(path));
    expect((await stat(`${path}.lock`)).mode & 0o777).toBe(0o700);
  });

  it('is free at once when its holder was killed', async () => {
    const child = contend(1, 'dies');
    await once(child.process, 'exit');
    expect(child.output()).toBe('taken 1\n');
    expect(await readdir(`${path}.lock`)).toHaveLength(1);
    await (await take(fileJournal(path))).release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is free when its holder is another process by now that got the same id', async () => {
    await pretend((owner) => owner.replace(/^(\d+)-\d+-/, '$1-1-'));
    await take(fileJournal(path));
  });

  it('stays held by a process elsewhere until that has not moved for a minute', async () => {
    const clock = manualClock(Date.now());
    await pretend((owner) => owner.replace(/-[0-9a-f]{12}-/, '-0123456789ab-'));
    const journal = fileJournal(path, { clock });
    await utimes(await ownerFile(), clock.now() / 1000, clock.now() / 1000);
    expect(await journal.lock()).toEqual({
      heldBy: expect.stringMatching(/process \d+ elsewhere.* free in 60 s/),
    });
    await clock.advance(59_000);
    expect(await journal.lock()).toEqual({ heldBy: expect.stringMatching(/free in 1 s/) });
    await clock.advance(2000);
    await take(journal);
  });

  it('is kept by a holder that stays alive, for any time', async () => {
    const clock = manualClock(Date.now());
    const lock = await take(fileJournal(path, { clock }));
    for (let passed = 0; passed < 300; passed += 10) {
      await clock.advance(10_000);
      const file = await ownerFile();
      await vi.waitFor(async () => expect(clock.now() - (await stat(file)).mtimeMs).toBeLessThan(2));
    }
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is known to be lost by a holder from which it was taken', async () => {
    const lock = await take(fileJournal(path));
    const [owner = ''] = await readdir(`${path}.lock`);
    const other = owner.replace(/[0-9a-f]{16}$/, '0123456789abcdef');
    await rename(join(`${path}.lock`, owner), join(`${path}.lock`, other));
    expect(await lock.isHeld()).toBe(false);
    await lock.release();
    expect(await readdir(`${path}.lock`)).toEqual([other]);
  });

  it('can be taken if a directory is left empty', async () => {
    await mkdir(`${path}.lock`);
    await take(fileJournal(path));
  });

  it('removes what killed processes left while they prepared it', async () => {
    const [mine = ''] = await take(fileJournal(path)).then(() => readdir(`${path}.lock`));
    await rm(`${path}.lock`, { recursive: true });
    const here = `${path}.lock.${mine.replace(/^\d+-\d+/, '999999999-1')}`;
    const elsewhere = `${path}.lock.${mine.replace(/-[0-9a-f]{12}-/, '-0123456789ab-')}`;
    const young = elsewhere.replace(/[0-9a-f]{16}$/, '0123456789abcdef');
    const longAgo = Date.now() / 1000 - 120;
    for (const remains of [here, elsewhere, young]) await mkdir(remains);
    await utimes(elsewhere, longAgo, longAgo);
    await mkdir(`${path}.lock.of-somebody-else`);
    await (await take(fileJournal(path))).release();
    expect((await readdir(directory)).sort()).toEqual(
      [basename(young), 'secrets.json.rotation.lock.of-somebody-else'].sort(),
    );
  });

  it("can't be taken if nothing can be written", async () => {
    const nowhere = fileJournal(join(directory, 'missing', 'journal'));
    await expect(nowhere.lock()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is held by one process at a time, though holders are killed all the while', async () => {
    const contenders = [contend(150), contend(150), contend(15, 'dies'), contend(20, 'dies')];
    await Promise.all(contenders.map(({ process: child }) => once(child, 'exit')));
    expect(contenders.map(({ output }) => output())).toEqual([
      'taken 150\n',
      'taken 150\n',
      'taken 15\n',
      'taken 20\n',
    ]);
    await (await take(fileJournal(path))).release();
    expect((await readdir(directory)).filter((name) => name !== 'marker')).toEqual([]);
  });

  function contend(rounds: number, dies = 'no'): { process: ChildProcess; output(): string } {
    const child = spawn(
      process.execPath,
      [
        '--import',
        'tsx',
        '--conditions=countersign-source',
        CONTENDER,
        path,
        join(directory, 'marker'),
        String(rounds),
        dies,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(child);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    return { process: child, output: () => text };
  }
});

describe('a file journal', () => {
  const entry: JournalEntry = {
    format: 1,
    vendor: 'polyai',
    endpointId: 'whe_1',
    target: 'file secrets.json',
    step: 'calling',
    at: new Date(systemClock.now()).toISOString(),
    replaces: '0123456789ab',
    place: 0,
  };

  it('returns what was written, and nothing once it is closed', async () => {
    const journal = fileJournal(path);
    expect(await journal.read()).toBeUndefined();
    await journal.write(entry);
    expect(await fileJournal(path).read()).toEqual(entry);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await journal.clear();
    expect(await journal.read()).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
    await journal.clear();
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"format":2}',
    JSON.stringify({ ...entry, step: 'dreaming' }),
    JSON.stringify({ ...entry, place: '0' }),
  ])('that is damaged says so: %s', async (text) => {
    await writeFile(path, text);
    await expect(fileJournal(path).read()).rejects.toMatchObject({
      code: 'ERR_ROTATION_JOURNAL_FAILED',
      secretState: 'unknown',
      todo: expect.stringContaining('Remove it'),
    });
  });

  it.each(['', 'a\0b', undefined])('needs a path: %j', (wrong) => {
    expect(() => fileJournal(wrong as string)).toThrow(/path of a file/);
  });
});
