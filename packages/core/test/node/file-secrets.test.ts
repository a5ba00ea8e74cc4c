import { execFile, execFileSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileSecrets } from '../../src/node/file-secrets.ts';
import type { SecretProvider, SecretSetInput } from '../../src/secrets/secrets.ts';
import type { Clock } from '../../src/util/clock.ts';

const fileSystem = vi.hoisted(() => ({ beforeStep: (): void => undefined }));

// The file system is the real one; a test can act between any two of the reader's steps in it.
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const stepwise = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          fileSystem.beforeStep();
          const result: unknown = await Reflect.apply(member, target, args);
          return name === 'open' && result instanceof Object ? stepwise(result) : result;
        };
      },
    });
  const { open, readlink, realpath, stat } = stepwise(real);
  return { ...real, open, readlink, realpath, stat };
});

const watchers = vi.hoisted((): import('node:fs').FSWatcher[] => []);

vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs')>();
  const watchAndTell: typeof real.watch = (...args: unknown[]) => {
    const watcher = Reflect.apply(real.watch, undefined, args);
    watchers.push(watcher);
    return watcher;
  };
  return { ...real, watch: watchAndTell };
});

const WAIT = { timeout: 10_000, interval: 2 };
const cleanups: (() => unknown)[] = [];
let root = '';

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'file-secrets-')));
});

afterEach(async () => {
  fileSystem.beforeStep = () => undefined;
  watchers.length = 0;
  for (const cleanup of cleanups.splice(0)) await cleanup();
  rmSync(root, { recursive: true, force: true });
});

/** Time that passes for files, but whose timers run only when the test says so. */
class StepClock implements Clock {
  readonly #tasks = new Map<() => void, number>();
  /** Makes every file look so many milliseconds older. */
  aheadMs = 0;
  /** How often the time was read, which is the last step of every look at the files. */
  looks = 0;

  now(): number {
    this.looks++;
    return Date.now() + this.aheadMs;
  }

  monotonic(): number {
    return performance.now();
  }

  schedule(task: () => void, delayMs: number): () => void {
    const own = () => task();
    this.#tasks.set(own, delayMs);
    return () => this.#tasks.delete(own);
  }

  get pending(): number[] {
    return [...this.#tasks.values()].sort((a, b) => a - b);
  }

  /** Runs the tasks that wait for exactly so long, as soon as there is one. */
  async run(delayMs: number): Promise<void> {
    await vi.waitUntil(() => this.pending.includes(delayMs), WAIT);
    this.#runUpTo(delayMs, delayMs);
  }

  /** Runs all short waits as they come, until something has happened. */
  async runUntil(happened: () => boolean): Promise<void> {
    await vi.waitUntil(() => {
      this.#runUpTo(25);
      return happened();
    }, WAIT);
  }

  /** Runs the look that is due, and waits for its end. */
  async look(): Promise<void> {
    const { looks } = this;
    await this.runUntil(() => this.looks > looks);
  }

  #runUpTo(most: number, least = 0): void {
    for (const [task, delay] of [...this.#tasks]) {
      if (delay > most || delay < least) continue;
      this.#tasks.delete(task);
      task();
    }
  }
}

/** A clock for which every file is old: what it reads, it believes at once. */
const later: Clock = {
  now: () => Date.now() + 60_000,
  monotonic: () => performance.now(),
  schedule: () => {
    throw new Error('An old file needs no wait.');
  },
};

/** A clock for which every file is old, and no wait is long. */
const hasty: Clock = {
  ...later,
  schedule(task) {
    const immediate = setImmediate(task);
    return () => clearImmediate(immediate);
  },
};

/** A directory as the kubelet keeps it: keys are links through `..data` into a directory per version. */
class Volume {
  readonly path: string;
  #version = 0;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
  }

  publish(files: Record<string, string>): void {
    const version = `..v${++this.#version}`;
    const old = `..v${this.#version - 1}`;
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.path, version, name)), { recursive: true });
      writeFileSync(join(this.path, version, name), text);
    }
    symlinkSync(version, join(this.path, '..data_tmp'));
    renameSync(join(this.path, '..data_tmp'), join(this.path, '..data'));
    if (this.#version === 1) {
      const keys = new Set(Object.keys(files).map((name) => name.split('/')[0] ?? name));
      for (const key of keys) symlinkSync(`..data/${key}`, join(this.path, key));
    }
    rmSync(join(this.path, old), { recursive: true, force: true });
  }
}

/** Runs each of the acts just before a step of the reader, the steps counted from now; tells how many of them it got to. */
function actAt(...acts: [step: number, act: () => void][]): () => number {
  let step = 0;
  let done = 0;
  fileSystem.beforeStep = () => {
    const now = step++;
    for (const [at, act] of acts) {
      if (at !== now) continue;
      done++;
      act();
    }
  };
  return () => done;
}

function write(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
}

function replace(path: string, content: string): void {
  writeFileSync(`${path}.tmp`, content);
  renameSync(`${path}.tmp`, path);
}

async function load(
  provider: SecretProvider,
  signal = new AbortController().signal,
): Promise<SecretSetInput> {
  return (await provider.load({ signal, reason: 'start' })) as SecretSetInput;
}

function watch(provider: SecretProvider, changed: () => void): () => void {
  const stop = provider.watch?.(changed);
  if (stop === undefined) throw new Error('The provider has no watch().');
  cleanups.push(stop);
  return stop;
}

describe('a text file', () => {
  it.each([
    ['as it is', 'secret-value', 'secret-value'],
    ['without one line feed at its end', 'secret-value\n', 'secret-value'],
    ['without one CR LF at its end', 'secret-value\r\n', 'secret-value'],
    ['with white space inside', 'two words\tand a tab\n', 'two words\tand a tab'],
    ['with the lines of a PEM', '-----BEGIN PUBLIC KEY-----\nMCow\n', '-----BEGIN PUBLIC KEY-----\nMCow'],
    ['of 64 KiB', 'x'.repeat(65_536), 'x'.repeat(65_536)],
    ['with text beyond ASCII', 'geheim-ü-秘密\n', 'geheim-ü-秘密'],
  ])('is one current secret, taken %s', async (_how, content, secret) => {
    const path = write('hook', content);
    expect(await load(fileSecrets(path, { clock: later }))).toEqual({ current: secret });
  });

  it('counts as text even if it looks like JSON, unless the format is json', async () => {
    const path = write('hook', '{"current":"a"}');
    expect(await load(fileSecrets(path, { clock: later }))).toEqual({ current: '{"current":"a"}' });
    expect(await load(fileSecrets(path, { clock: later, format: 'json' }))).toEqual({ current: 'a' });
  });

  it('may end in .json if the format is text', async () => {
    const path = write('hook.json', 'plain\n');
    expect(await load(fileSecrets(path, { clock: later, format: 'text' }))).toEqual({ current: 'plain' });
  });
});

describe('a JSON file', () => {
  it('holds a whole set', async () => {
    const set = {
      current: ['a', { secret: 'b', id: 'second' }],
      previous: { secret: 'c', notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' },
      next: 'd',
      version: '7',
      rotating: { until: '2026-12-01T00:00:00Z' },
    };
    const path = write('hook.json', `${JSON.stringify(set, null, 2)}\n`);
    expect(await load(fileSecrets(path, { clock: later }))).toEqual(set);
  });
});

describe('a directory', () => {
  it('holds the current, the previous and the next secret', async () => {
    write('current', 'now\n');
    write('previous', 'before\n');
    write('next', 'soon\n');
    write('README', 'not read');
    const set = await load(fileSecrets(root, { clock: later }));
    expect(set).toEqual({ current: 'now', previous: 'before', next: 'soon' });
  });

  it('needs no more than the current one', async () => {
    write('current', 'now');
    expect(await load(fileSecrets(root, { clock: later }))).toEqual({ current: 'now' });
  });

  it('is refused without a current one', async () => {
    write('previous', 'before');
    await expect(load(fileSecrets(root, { clock: later }))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining(`"${join(root, 'current')}" does not exist (ENOENT)`),
    });
  });

  it('is refused as JSON', async () => {
    write('current', '{}');
    await expect(load(fileSecrets(root, { clock: later, format: 'json' }))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_SECRETS_INVALID',
      message: expect.stringContaining('is a directory'),
    });
  });

  it('is refused if one of its files is', async () => {
    write('current', 'now');
    write('previous', '');
    await expect(load(fileSecrets(root, { clock: later }))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_SECRETS_INVALID',
      message: expect.stringContaining(`"${join(root, 'previous')}" is empty`),
    });
  });
});

describe('content that can’t be used', () => {
  const utf8 = (text: string) => Buffer.from(text, 'utf8');
  it.each<[string, string, Uint8Array, RegExp]>([
    ['an empty text', 'hook', utf8(''), /is empty/],
    ['a lone line feed', 'hook', utf8('\n'), /is empty/],
    ['two line feeds at the end', 'hook', utf8('CANARY\n\n'), /ends with white space/],
    ['a blank at the end', 'hook', utf8('CANARY \n'), /ends with white space/],
    ['a tab at the end', 'hook', utf8('CANARY\t'), /ends with white space/],
    ['two lines', 'hook', utf8('CANARY\nCANARY\n'), /several lines, but one text is one secret/],
    ['lines of an old Macintosh', 'hook', utf8('CANARY\rCANARY\n'), /several lines/],
    ['a carriage return at the end', 'hook', utf8('CANARY\r'), /ends with white space/],
    ['a no-break space at the end', 'hook', utf8('CANARY\u00a0'), /ends with white space/],
    ['a blank at the start', 'hook', utf8(' CANARY'), /begins with white space/],
    ['a line feed at the start', 'hook', utf8('\nCANARY'), /begins with white space/],
    ['only blanks', 'hook', utf8('   '), /white space/],
    ['a byte order mark', 'hook', utf8('\ufeffCANARY\n'), /byte order mark/],
    ['a NUL', 'hook', utf8('CANARY\0CANARY'), /NUL/],
    [
      'bytes that are not UTF-8',
      'hook',
      Buffer.concat([utf8('CANARY'), Buffer.from([0xff, 0xfe])]),
      /not UTF-8/,
    ],
    ['half a character', 'hook', utf8('CANARYü').subarray(0, -1), /not UTF-8/],
    ['UTF-16 with its mark', 'hook', Buffer.from('\ufeffCANARY', 'utf16le'), /not UTF-8/],
    ['UTF-16 without a mark', 'hook', Buffer.from('CANARY', 'utf16le'), /NUL/],
    ['more than 64 KiB', 'hook', utf8('CANARY'.repeat(11_000)), /larger than 64 KiB/],
    ['one byte more than 64 KiB', 'hook', Buffer.alloc(65_537, 'x'), /larger than 64 KiB/],
    ['an empty JSON file', 'hook.json', utf8(''), /is empty/],
    ['JSON that is a plain secret', 'hook.json', utf8('CANARY'), /not valid JSON/],
    ['JSON that is cut off', 'hook.json', utf8('{"current":"CANARY'), /not valid JSON/],
    ['JSON with something behind it', 'hook.json', utf8('{"current":"CANARY"}CANARY'), /not valid JSON/],
    ['JSON with a byte order mark', 'hook.json', utf8('\ufeff{"current":"CANARY"}'), /byte order mark/],
    ['JSON in single quotes', 'hook.json', utf8("{'CANARY':'CANARY'}"), /not valid JSON/],
    ['JSON null', 'hook.json', utf8('null'), /the set of secrets must be an object/],
    ['JSON text', 'hook.json', utf8('"CANARY"'), /the set of secrets must be an object/],
    ['a JSON list', 'hook.json', utf8('["CANARY"]'), /the set of secrets must be an object/],
    ['JSON without a current secret', 'hook.json', utf8('{"previous":"CANARY"}'), /no "current"/],
    [
      'a misspelt field',
      'hook.json',
      utf8('{"current":"CANARY","previuos":"CANARY"}'),
      /has no property "previuos"\. Did you mean "previous"/,
    ],
    [
      'a secret for a field',
      'hook.json',
      utf8('{"current":"x","CANARY":"next"}'),
      /the set of secrets has an unknown property/,
    ],
    [
      'a number for a secret',
      'hook.json',
      utf8('{"current":42}'),
      /"current" must be text, bytes, or an object/,
    ],
    ['null for a secret', 'hook.json', utf8('{"current":"CANARY","previous":null}'), /"previous" is null/],
    ['a list in a list', 'hook.json', utf8('{"current":[["CANARY"]]}'), /"current\[0\]" must be text/],
    [
      'a secret that is bytes',
      'hook.json',
      utf8('{"current":{"secret":[67,65]}}'),
      /"current" has a "secret" that is neither/,
    ],
    [
      'a misspelt expiry',
      'hook.json',
      utf8('{"current":{"secret":"CANARY","notafter":"x"}}'),
      /"current" has no property "notafter"/,
    ],
    [
      'a number for an expiry',
      'hook.json',
      utf8('{"current":{"secret":"CANARY","notAfter":1}}'),
      /"current" has an invalid "notAfter"/,
    ],
    [
      'a rotation that is a date',
      'hook.json',
      utf8('{"current":"CANARY","rotating":"CANARY"}'),
      /"rotating" must be/,
    ],
    [
      'a version that is a number',
      'hook.json',
      utf8('{"current":"CANARY","version":3}'),
      /"version" must be text/,
    ],
  ])(
    '%s is refused with a reason, and nothing of it shows anywhere',
    async (_what, name, content, reason) => {
      const provider = fileSecrets(write(name, content), { clock: later });
      const error = await load(provider).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({
        code: 'ERR_WEBHOOK_SECRETS_INVALID',
        message: expect.stringMatching(reason),
      });
      expect(error).not.toHaveProperty('cause');
      const everything = [
        inspect(error, { depth: null, showHidden: true, getters: true }),
        inspect(provider, { depth: null, showHidden: true, getters: true }),
        String(error),
        JSON.stringify(error),
      ];
      for (const text of everything) expect(text).not.toMatch(/CANARY/);
    },
  );

  it('shows nothing of a good secret either when the provider is printed', async () => {
    const provider = fileSecrets(write('hook', 'CANARY'), { clock: later });
    watch(fileSecrets(write('other', 'CANARY')), () => undefined);
    await load(provider);
    expect(inspect(provider, { depth: null, showHidden: true, getters: true })).not.toContain('CANARY');
  });
});

describe('a file that can’t be read', () => {
  it('is named with the errno', async () => {
    const path = join(root, 'missing');
    await expect(load(fileSecrets(path))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining(`"${path}" does not exist (ENOENT)`),
    });
  });

  it('is named if the path leads through a file', async () => {
    const path = join(write('hook', 'x'), 'current');
    await expect(load(fileSecrets(path))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining('(ENOTDIR)'),
    });
  });

  it.runIf(process.getuid?.() !== 0)('is named if permission is missing', async () => {
    const path = join(root, 'hook');
    writeFileSync(path, 'x', { mode: 0o000 });
    await expect(load(fileSecrets(path))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining('(EACCES)'),
    });
  });

  it('is refused if it is a directory', async () => {
    mkdirSync(join(root, 'current'));
    await expect(load(fileSecrets(root))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining('is not a regular file'),
    });
  });

  it.skipIf(process.platform === 'win32')(
    'is refused if it is a pipe, without waiting for a writer',
    async () => {
      const path = join(root, 'hook');
      execFileSync('mkfifo', [path]);
      await expect(load(fileSecrets(path))).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_PROVIDER_FAILED',
        message: expect.stringContaining('is not a regular file'),
      });
    },
  );
});

describe.runIf(process.platform === 'linux')('a load', () => {
  it('leaves no file open, whether it succeeds or not', async () => {
    write('current', 'now');
    mkdirSync(join(root, 'bad', 'current'), { recursive: true });
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let count = 0; count < 20; count++) {
      await load(fileSecrets(root, { clock: hasty }));
      await load(fileSecrets(join(root, 'bad'))).catch(() => undefined);
    }
    expect(open()).toBe(before);
  });
});

describe('a file that is being rewritten', () => {
  it('is read at once if nothing touched it lately', async () => {
    const clock = new StepClock();
    clock.aheadMs = 1500;
    await expect(load(fileSecrets(write('hook', 'old'), { clock }))).resolves.toEqual({ current: 'old' });
  });

  it('is read twice, 25 ms apart, if it is young', async () => {
    const clock = new StepClock();
    const done = vi.fn();
    const loading = load(fileSecrets(write('hook', 'young'), { clock })).then(done);
    await vi.waitFor(() => expect(clock.pending).toEqual([25]), WAIT);
    expect(done).not.toHaveBeenCalled();
    await clock.run(25);
    await loading;
    expect(done).toHaveBeenCalledWith({ current: 'young' });
  });

  it('leaves nothing on the signal when it is read', async () => {
    const { signal } = new AbortController();
    await load(fileSecrets(write('hook', 'young')), signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is young too if its writer has set the time of modification back', async () => {
    const clock = new StepClock();
    const path = write('hook', 'copied');
    utimesSync(path, 1, 1);
    const loading = load(fileSecrets(path, { clock }));
    await vi.waitFor(() => expect(clock.pending).toEqual([25]), WAIT);
    await clock.run(25);
    await loading;
  });

  it.each([
    ['empty', ''],
    ['half written', 'new-sec'],
  ])('is not accepted while it is %s', async (_state, partial) => {
    const clock = new StepClock();
    const path = write('hook', 'old-secret');
    const file = openSync(path, 'w');
    cleanups.push(() => closeSync(file));
    writeSync(file, partial, 0);
    const loading = load(fileSecrets(path, { clock }));
    await vi.waitFor(() => expect(clock.pending).toEqual([25]), WAIT);
    writeSync(file, 'new-secret', 0);
    await clock.run(25);
    await clock.run(25);
    expect(await loading).toEqual({ current: 'new-secret' });
  });

  it('is not accepted after a rewrite that leaves its length and its text the same, until that settles too', async () => {
    const clock = new StepClock();
    const path = write('hook', 'same');
    const loading = load(fileSecrets(path, { clock }));
    await vi.waitFor(() => expect(clock.pending).toEqual([25]), WAIT);
    replace(path, 'same');
    await clock.run(25);
    await vi.waitFor(() => expect(clock.pending).toEqual([25]), WAIT);
    await clock.run(25);
    expect(await loading).toEqual({ current: 'same' });
  });

  it.each([
    ['truncates first', 'w'],
    ['writes over what is there', 'r+'],
  ])('is never seen in part, wherever a writer begins that %s', async (_how, flags) => {
    const old = 'a'.repeat(40);
    const seen = new Set<unknown>();
    for (let step = 0, reached = true; reached; step++) {
      const path = write('hook', old);
      const written = statSync(path).ctimeMs;
      const clock = new StepClock();
      // What was there before is just old enough to be believed; what is written from now on is not.
      clock.now = () => written + 1001;
      // File times are a few milliseconds coarse.
      while (statSync(write('probe', 'x')).ctimeMs < written + 2);
      let file: number | undefined;
      const begun = actAt([
        step,
        () => {
          file = openSync(path, flags);
          writeSync(file, 'b'.repeat(20), 0);
        },
      ]);
      let current: unknown;
      const loading = load(fileSecrets(path, { clock })).then((set) => {
        current = set.current;
      });
      await vi.waitUntil(() => current !== undefined || clock.pending.length > 0, WAIT);
      if (file !== undefined) {
        writeSync(file, 'b'.repeat(20), 20);
        closeSync(file);
      }
      await clock.runUntil(() => current !== undefined);
      await loading;
      expect([old, 'b'.repeat(40)]).toContain(current);
      seen.add(current);
      reached = begun() > 0;
    }
    expect(seen.size).toBe(2);
  });

  it('is never seen in part if it grows while it is read', async () => {
    for (let step = 0, reached = true; reached; step++) {
      const path = write('hook', 'a');
      const grown = actAt([step, () => appendFileSync(path, 'b')]);
      const set = await load(fileSecrets(path, { clock: hasty }));
      expect(['a', 'ab']).toContain(set.current);
      reached = grown() > 0;
    }
  });

  it('is given up after a while if it never settles', async () => {
    const clock = new StepClock();
    const path = write('hook', 'CANARY-0');
    const outcome = load(fileSecrets(path, { clock })).catch((error: unknown) => error);
    for (let turn = 1; turn < 10; turn++) {
      await vi.waitFor(() => expect(clock.pending).toEqual([25]), WAIT);
      writeFileSync(path, `CANARY-${turn}`);
      await clock.run(25);
    }
    const error = await outcome;
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining('kept changing'),
    });
    expect(inspect(error, { showHidden: true })).not.toContain('CANARY');
  });

  it('is given up at once when the load is aborted', async () => {
    const clock = new StepClock();
    const controller = new AbortController();
    const loading = load(fileSecrets(write('hook', 'young'), { clock }), controller.signal);
    await vi.waitFor(() => expect(clock.pending).toEqual([25]), WAIT);
    controller.abort();
    await expect(loading).rejects.toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    expect(clock.pending).toEqual([]);
  });
});

describe('a Kubernetes volume', () => {
  const untimed: Clock = { ...later, now: () => Date.now() };

  it('is believed at once, though it is young: a swap is whole', async () => {
    const volume = new Volume(join(root, 'mount'));
    volume.publish({ current: 'one\n', previous: 'zero\n', 'stripe.json': '{"current":"json"}' });
    expect(await load(fileSecrets(volume.path, { clock: untimed }))).toEqual({
      current: 'one',
      previous: 'zero',
    });
    const file = fileSecrets(join(volume.path, 'stripe.json'), { clock: untimed });
    expect(await load(file)).toEqual({ current: 'json' });
  });

  it('does not vouch for a plain file that lies in it', async () => {
    const volume = new Volume(join(root, 'mount'));
    volume.publish({ current: 'one' });
    writeFileSync(join(volume.path, 'plain'), 'two');
    const clock = new StepClock();
    const loading = load(fileSecrets(join(volume.path, 'plain'), { clock }));
    await clock.run(25);
    expect(await loading).toEqual({ current: 'two' });
  });

  it('never returns keys of two versions, whenever a swap happens', async () => {
    const volume = new Volume(join(root, 'mount'));
    let version = 0;
    const publish = () => {
      version++;
      volume.publish({ current: `${version}`, previous: `${version}`, next: `${version}` });
    };
    publish();
    const provider = fileSecrets(volume.path, { clock: hasty });
    for (let step = 0, reached = true; reached; step++) {
      const published = actAt([step, publish]);
      const { current, previous, next } = await load(provider);
      expect([previous, next]).toEqual([current, current]);
      reached = published() > 0;
    }
    expect(version).toBeGreaterThan(15);
  });

  it('never returns keys of two versions, even if the volume is swapped there and back', async () => {
    for (const name of ['a', 'b']) {
      mkdirSync(join(root, name));
      for (const role of ['current', 'previous', 'next']) write(`${name}/${role}`, name);
    }
    const swapTo = (name: string) => {
      symlinkSync(name, join(root, '..data_tmp'));
      renameSync(join(root, '..data_tmp'), join(root, '..data'));
    };
    swapTo('a');
    for (const role of ['current', 'previous', 'next']) symlinkSync(`..data/${role}`, join(root, role));
    const provider = fileSecrets(root, { clock: hasty });
    let mixed = 0;
    for (let there = 0, reached = true; reached; there++) {
      for (let back = there + 1, both = true; both && back < there + 12; back++) {
        swapTo('a');
        const acts = actAt([there, () => swapTo('b')], [back, () => swapTo('a')]);
        const { current, previous, next } = await load(provider);
        if (previous !== current || next !== current) mixed++;
        reached = acts() > 0;
        both = acts() > 1;
      }
    }
    expect(mixed).toBe(0);
  });

  it('never misses a file because its directory is deleted under the reader', async () => {
    const volume = new Volume(join(root, 'mount'));
    let version = 0;
    const publish = () => volume.publish({ 'stripe.json': `{"current":"${++version}"}` });
    publish();
    const provider = fileSecrets(join(volume.path, 'stripe.json'), { clock: hasty });
    for (let step = 0, reached = true; reached; step++) {
      const published = actAt([step, publish]);
      const { current } = await load(provider);
      expect([version - 1, version]).toContain(Number(current));
      reached = published() > 0;
    }
    expect(version).toBeGreaterThan(8);
  });

  it('is missed with its errno after some tries if a key is really not there', async () => {
    const volume = new Volume(join(root, 'mount'));
    volume.publish({ previous: 'zero' });
    await expect(load(fileSecrets(volume.path))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining(`"${join(volume.path, 'current')}" does not exist (ENOENT)`),
    });
  });
});

describe('watching', () => {
  it('detects three swaps of a volume in a row, for a directory', async () => {
    const volume = new Volume(join(root, 'mount'));
    volume.publish({ current: 'v0' });
    const provider = fileSecrets(volume.path, { pollSeconds: 3600 });
    await load(provider);
    const seen: unknown[] = [];
    const loads: Promise<unknown>[] = [];
    watch(provider, () => loads.push(load(provider).then((set) => seen.push(set.current))));
    for (const secret of ['v1', 'v2', 'v3']) {
      volume.publish({ current: secret });
      await vi.waitFor(() => expect(seen.at(-1)).toBe(secret), WAIT);
    }
    expect(seen).toEqual(['v1', 'v2', 'v3']);
    await Promise.all(loads);
  });

  it('detects three swaps of a volume in a row, for a file in it', async () => {
    const volume = new Volume(join(root, 'mount'));
    volume.publish({ 'stripe.json': '{"current":"v0"}' });
    const provider = fileSecrets(join(volume.path, 'stripe.json'), { pollSeconds: 3600 });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    for (let version = 1; version <= 3; version++) {
      volume.publish({ 'stripe.json': `{"current":"v${version}"}` });
      await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(version), WAIT);
      expect(await load(provider)).toEqual({ current: `v${version}` });
    }
  });

  it('detects three swaps of a volume in a row, for a directory below it', async () => {
    const volume = new Volume(join(root, 'mount'));
    volume.publish({ 'stripe/current': 'v0' });
    const provider = fileSecrets(join(volume.path, 'stripe'), { pollSeconds: 3600 });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    for (let version = 1; version <= 3; version++) {
      volume.publish({ 'stripe/current': `v${version}` });
      await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(version), WAIT);
      expect(await load(provider)).toEqual({ current: `v${version}` });
    }
  });

  it('detects a file that is replaced by renaming, every time', async () => {
    const path = write('hook', 'v0');
    const provider = fileSecrets(path, { pollSeconds: 3600 });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    for (let version = 1; version <= 3; version++) {
      replace(path, `v${version}`);
      await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(version), WAIT);
    }
  });

  it('reports a rewrite in place, by a writer that truncates first, when it is whole', async () => {
    const path = write('hook', 'old-secret');
    const provider = fileSecrets(path, { pollSeconds: 3600 });
    await load(provider);
    const loaded: unknown[] = [];
    watch(provider, () => void load(provider).then((set) => loaded.push(set.current)));
    const file = openSync(path, 'w');
    writeSync(file, 'new-');
    await new Promise(setImmediate);
    writeSync(file, 'secret');
    closeSync(file);
    await vi.waitFor(() => expect(loaded).toEqual(['new-secret']), WAIT);
  });

  it('reports a previous secret that comes and one that goes', async () => {
    write('current', 'now');
    const provider = fileSecrets(root, { pollSeconds: 3600 });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    write('previous', 'before');
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), WAIT);
    unlinkSync(join(root, 'previous'));
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(2), WAIT);
  });

  it('reports what changed between the load and the start of the watch', async () => {
    const path = write('hook', 'v0');
    const provider = fileSecrets(path, { pollSeconds: 3600 });
    await load(provider);
    replace(path, 'v1');
    const changed = vi.fn();
    watch(provider, changed);
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), WAIT);
  });

  it('reports a change though nothing was ever loaded', async () => {
    const path = write('hook', 'v0');
    const changed = vi.fn();
    watch(fileSecrets(path, { pollSeconds: 3600 }), changed);
    replace(path, 'v1');
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), WAIT);
  });

  it('stays silent about what was loaded after the watch began', async () => {
    const clock = new StepClock();
    clock.aheadMs = 60_000;
    const path = write('hook', 'v0');
    const provider = fileSecrets(path, { clock });
    const changed = vi.fn();
    watch(provider, changed);
    await load(provider);
    replace(path, 'v0');
    await clock.look();
    expect(changed).not.toHaveBeenCalled();
  });

  it('stays silent if the content is the same, or the file is gone for a moment', async () => {
    const clock = new StepClock();
    clock.aheadMs = 60_000;
    const path = write('hook', 'same');
    const provider = fileSecrets(path, { clock });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    await clock.look();
    replace(path, 'same');
    await clock.look();
    unlinkSync(path);
    await clock.run(20);
    write('hook', 'same');
    await clock.look();
    expect(changed).not.toHaveBeenCalled();
    expect(watchers).toHaveLength(1);
    replace(path, 'other');
    await clock.runUntil(() => changed.mock.calls.length > 0);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('treats a burst of events as one', async () => {
    const clock = new StepClock();
    const path = write('hook', 'v0');
    const provider = fileSecrets(path, { clock });
    watch(provider, () => undefined);
    for (let turn = 0; turn < 20; turn++) replace(path, `v${turn}`);
    await vi.waitFor(() => expect(clock.pending).toEqual([20, 30_000]), WAIT);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(clock.pending).toEqual([20, 30_000]);
  });

  it('has one watcher per directory, and a change of one file wakes only those who read it', async () => {
    const clocks: StepClock[] = [];
    const watching = (path: string) => {
      const clock = new StepClock();
      const changed = vi.fn();
      const stop = watch(fileSecrets(path, { clock, pollSeconds: 3600 }), changed);
      clocks.push(clock);
      return { clock, changed, stop };
    };
    const paths = Array.from({ length: 100 }, (_, n) => write(`hook${n}`, `v${n}`));
    const all = paths.map((path) => watching(path));
    const twin = watching(paths[7] ?? '');
    expect(watchers).toHaveLength(1);
    replace(paths[7] ?? '', 'new');
    await vi.waitFor(() => expect(twin.clock.pending).toContain(20), WAIT);
    await vi.waitFor(() => expect(all[7]?.clock.pending).toContain(20), WAIT);
    const awake = all.filter(({ clock }) => clock.pending.includes(20));
    expect(awake).toEqual([all[7]]);
    // The watcher is closed with the last of them, and the next one gets a new watcher.
    const close = vi.spyOn(watchers[0] as never, 'close');
    for (const { stop } of all) stop();
    expect(close).not.toHaveBeenCalled();
    twin.stop();
    expect(close).toHaveBeenCalledTimes(1);
    watching(paths[0] ?? '');
    expect(watchers).toHaveLength(2);
  });

  it('tells all files of a directory about the swap of a link in it', async () => {
    for (const name of ['one', 'two']) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'hook'), name);
    }
    symlinkSync('one', join(root, 'release'));
    symlinkSync('release/hook', join(root, 'hook'));
    const clock = new StepClock();
    watch(fileSecrets(join(root, 'hook'), { clock, pollSeconds: 3600 }), () => undefined);
    symlinkSync('two', join(root, 'release.tmp'));
    renameSync(join(root, 'release.tmp'), join(root, 'release'));
    await vi.waitFor(() => expect(clock.pending).toContain(20), WAIT);
  });

  it('survives that the directory is deleted and created again', async () => {
    const directory = join(root, 'secrets');
    mkdirSync(directory);
    writeFileSync(join(directory, 'current'), 'v0');
    const provider = fileSecrets(directory, { pollSeconds: 3600 });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    for (let version = 1; version <= 3; version++) {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      writeFileSync(join(directory, 'current'), `v${version}`);
      await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(version), WAIT);
      // The new directory is watched like the one before.
      replace(join(directory, 'current'), `v${version}`);
    }
    replace(join(directory, 'current'), 'last');
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(4), WAIT);
  });

  it('finds a file again by polling after its directory was missing, and then watches it', async () => {
    const clock = new StepClock();
    clock.aheadMs = 60_000;
    const directory = join(root, 'secrets');
    const path = join(directory, 'hook');
    mkdirSync(directory);
    writeFileSync(path, 'v0');
    const provider = fileSecrets(path, { clock });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    await clock.look();
    rmSync(directory, { recursive: true });
    // This look finds nothing left to watch.
    await clock.run(20);
    mkdirSync(directory);
    writeFileSync(path, 'v1');
    await clock.run(30_000);
    await clock.runUntil(() => changed.mock.calls.length === 1);
    replace(path, 'v2');
    await clock.runUntil(() => changed.mock.calls.length === 2);
  });

  it('finds by polling what makes no event, as a link further up that is swapped', async () => {
    const clock = new StepClock();
    clock.aheadMs = 60_000;
    for (const name of ['one', 'two']) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'current'), name);
    }
    const link = join(root, 'release');
    symlinkSync('one', link);
    const provider = fileSecrets(link, { clock, pollSeconds: 7 });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    await clock.look();
    symlinkSync('two', `${link}.tmp`);
    renameSync(`${link}.tmp`, link);
    await clock.run(7000);
    await clock.runUntil(() => changed.mock.calls.length === 1);
    expect(await load(provider)).toEqual({ current: 'two' });
  });

  it('goes on by polling if the watch fails, and watches again', async () => {
    const clock = new StepClock();
    clock.aheadMs = 60_000;
    const path = write('hook', 'v0');
    const provider = fileSecrets(path, { clock });
    await load(provider);
    const changed = vi.fn();
    watch(provider, changed);
    await clock.look();
    watchers[0]?.emit('error', Object.assign(new Error('The watch failed.'), { code: 'EPERM' }));
    replace(path, 'v1');
    await clock.run(30_000);
    await clock.runUntil(() => changed.mock.calls.length === 1);
    expect(watchers).toHaveLength(2);
    replace(path, 'v2');
    await clock.runUntil(() => changed.mock.calls.length === 2);
  });

  it('goes on by polling if the directory may not even be looked at', async () => {
    const clock = new StepClock();
    clock.aheadMs = 60_000;
    // A link to itself: the system refuses to follow it.
    symlinkSync('loop', join(root, 'loop'));
    const path = join(root, 'loop');
    const changed = vi.fn();
    watch(fileSecrets(path, { clock }), changed);
    expect(watchers).toEqual([]);
    unlinkSync(path);
    write('loop', 'v1');
    await clock.run(30_000);
    await clock.runUntil(() => changed.mock.calls.length === 1);
    expect(watchers).toHaveLength(1);
  });

  it('waits for a path that is not there yet', async () => {
    const directory = join(root, 'secrets');
    const changed = vi.fn();
    watch(fileSecrets(directory, { pollSeconds: 3600 }), changed);
    mkdirSync(directory);
    writeFileSync(join(directory, 'current'), 'v1');
    await vi.waitFor(() => expect(changed).toHaveBeenCalled(), WAIT);
  });

  it('serves several watchers, each on its own', async () => {
    const path = write('hook', 'v0');
    const provider = fileSecrets(path, { pollSeconds: 3600 });
    await load(provider);
    const first = vi.fn();
    const second = vi.fn();
    const stopFirst = watch(provider, first);
    watch(provider, second);
    stopFirst();
    replace(path, 'v1');
    await vi.waitFor(() => expect(second).toHaveBeenCalledTimes(1), WAIT);
    expect(first).not.toHaveBeenCalled();
  });
});

describe('stopping a watch', () => {
  /** How many things this process has asked the system to watch. */
  function systemWatches(): number {
    const directory = '/proc/self/fdinfo';
    let count = 0;
    for (const name of readdirSync(directory)) {
      try {
        count += readFileSync(join(directory, name), 'utf8')
          .split('\n')
          .filter((line) => line.startsWith('inotify ')).length;
      } catch {
        // The descriptor of the listing itself is closed by now.
      }
    }
    return count;
  }

  it('leaves no timer and no handle', async () => {
    const resources = process.getActiveResourcesInfo();
    const clock = new StepClock();
    const path = write('hook', 'v0');
    const stop = watch(fileSecrets(path, { clock }), () => undefined);
    expect(clock.pending).toEqual([30_000]);
    replace(path, 'v1');
    await vi.waitFor(() => expect(clock.pending).toEqual([20, 30_000]), WAIT);
    stop();
    expect(clock.pending).toEqual([]);
    await vi.waitFor(() => expect(process.getActiveResourcesInfo().sort()).toEqual(resources.sort()), WAIT);
  });

  it('ends a look that is under way, and reports nothing of it', async () => {
    const clock = new StepClock();
    const path = write('hook', 'v0');
    const changed = vi.fn();
    const stop = watch(fileSecrets(path, { clock }), changed);
    replace(path, 'v1');
    await clock.run(20);
    await vi.waitFor(() => expect(clock.pending).toEqual([25, 30_000]), WAIT);
    const [watcher] = watchers;
    // Something that asks for another look after this one.
    watcher?.emit('change', 'change', 'hook');
    stop();
    expect(clock.pending).toEqual([]);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(clock.pending).toEqual([]);
    expect(changed).not.toHaveBeenCalled();
  });

  it('silences a look that has nothing to wait for', async () => {
    const clock = new StepClock();
    clock.aheadMs = 60_000;
    const path = write('hook', 'v0');
    const changed = vi.fn();
    const stop = watch(fileSecrets(path, { clock }), changed);
    const stopped = actAt([0, stop]);
    replace(path, 'v1');
    await clock.look();
    expect(stopped()).toBe(1);
    expect(changed).not.toHaveBeenCalled();
  });

  it.runIf(process.platform === 'linux')('returns what the system watched', async () => {
    const before = systemWatches();
    const path = write('hook', 'v0');
    const stops = [1, 2, 3].map(() => watch(fileSecrets(path), () => undefined));
    expect(systemWatches()).toBeGreaterThan(before);
    for (const stop of stops) stop();
    await vi.waitFor(() => expect(systemWatches()).toBe(before), WAIT);
  });

  it('may be done twice, and from within the callback', async () => {
    const path = write('hook', 'v0');
    const provider = fileSecrets(path);
    await load(provider);
    const changed = vi.fn(() => stop());
    const stop = watch(provider, changed);
    replace(path, 'v1');
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), WAIT);
    stop();
  });
});

describe('the process', () => {
  /** Runs a module in a process of its own; resolves with what it printed when it has ended by itself. */
  async function run(source: string): Promise<string> {
    const require = createRequire(import.meta.url);
    const module = new URL('../../src/node/file-secrets.ts', import.meta.url);
    const script = write(
      'script.mts',
      `import { fileSecrets } from ${JSON.stringify(module.href)};\n${source}`,
    );
    const child = await promisify(execFile)(process.execPath, ['--import', require.resolve('tsx'), script], {
      timeout: 20_000,
    });
    return child.stdout;
  }

  it('is not kept alive by a watch', async () => {
    const path = write('hook', 'v0');
    expect(
      await run(`
        fileSecrets(${JSON.stringify(path)}).watch(() => undefined);
        console.log('watching');
      `),
    ).toBe('watching\n');
  });

  it('does not end while it waits for its secrets, though nothing else keeps it alive', async () => {
    const path = join(root, 'hook');
    expect(
      await run(`
        import { writeFileSync } from 'node:fs';
        writeFileSync(${JSON.stringify(path)}, 'young');
        const context = { signal: new AbortController().signal, reason: 'start' };
        console.log((await fileSecrets(${JSON.stringify(path)}).load(context)).current);
      `),
    ).toBe('young\n');
  });
});

describe('options', () => {
  it('name the source by its path', () => {
    expect(fileSecrets('/run/secrets/stripe').name).toBe('file /run/secrets/stripe');
  });

  it('take a relative path from where the process is now', async () => {
    const path = write('hook', 'here');
    const before = process.cwd();
    cleanups.push(() => process.chdir(before));
    process.chdir(root);
    const provider = fileSecrets(basename(path), { clock: later });
    process.chdir(tmpdir());
    expect(await load(provider)).toEqual({ current: 'here' });
  });

  it.each([
    [undefined, {}],
    ['', {}],
    ['a\0b', {}],
    ['hook', { format: 'yaml' }],
    ['hook', { pollSeconds: 0 }],
    ['hook', { pollSeconds: Number.NaN }],
    ['hook', { pollSeconds: '30' }],
    ['hook', { poll: 30 }],
    ['hook', { clock: null }],
    ['hook', { clock: Date }],
    ['hook', null],
  ])('refuse %j with %j', (path, options) => {
    expect(() => Reflect.apply(fileSecrets, undefined, [path, options])).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });
});
