import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Clock, createKeyring, type SecretSetInput } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { fileSecrets } from '@countersign/core/node';
import {
  awsTarget,
  fileTarget,
  isRotationError,
  type RotationReport,
  type RotationTarget,
  rotate,
  vaultTarget,
} from '@countersign/rotation';
import { polyai } from '@countersign/schemes';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AwsServer, SECRET_ID, startAwsServer } from '../../../test/support/secrets/aws-server.ts';
import { PATH, startVaultServer, type VaultServer } from '../../../test/support/secrets/vault-server.ts';
import { recordFileCalls } from './support/file-calls.ts';
import { memoryJournal, scriptedVendor } from './support/memory.ts';

const OLD = 'the-secret-before-all';
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-rotation-targets-'));
  path = join(directory, 'secrets.json');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;

describe('a file', () => {
  const set: SecretSetInput = {
    current: ['one-current-secret-here', { secret: 'another-current-secret', id: 'two' }],
    previous: [{ secret: OLD, notAfter: '2030-01-01T00:00:00.000Z' }],
    next: ['a-secret-that-will-sign'],
    version: '2029-12-31T00:00:00.000Z',
    rotating: { until: '2029-12-31T00:30:00.000Z' },
  };

  it('returns what was written, to receivers too', async () => {
    const target = fileTarget(path);
    await target.write(set);
    expect(await target.read()).toEqual(set);
    const keyring = createKeyring(fileSecrets(path), { scheme: polyai() });
    await keyring.ready();
    expect(keyring.health().keys.map(({ role }) => role)).toEqual(['current', 'current', 'previous', 'next']);
    await keyring.close();
  });

  it('is read as JSON regardless of its name', async () => {
    const target = fileTarget(join(directory, 'secrets'));
    await target.write(set);
    expect(await target.read()).toEqual(set);
  });

  it('returns nothing if there is none', async () => {
    expect(await fileTarget(path).read()).toBeUndefined();
    await expect(fileTarget(join(path, 'under', 'nothing')).read()).resolves.toBeUndefined();
  });

  it.each(['canary', '{"current":"canary', '{"current":["canary"],"canary":1}'])(
    'that contains something else is not read or quoted: %s',
    async (text) => {
      await writeFile(path, text);
      const reading = fileTarget(path).read();
      await expect(reading).rejects.toMatchObject({ code: 'ERR_WEBHOOK_SECRETS_INVALID' });
      await expect(reading).rejects.not.toThrow(/canary/);
    },
  );

  it('is made for its owner alone, and keeps the mode that it has', async () => {
    await fileTarget(path).write(set);
    expect(await modeOf(path)).toBe(0o600);
    for (const mode of [0o640, 0o400, 0o644]) {
      await chmod(path, mode);
      await fileTarget(path).write(set);
      expect(await modeOf(path)).toBe(mode);
    }
    expect(await readdir(directory)).toEqual(['secrets.json']);
  });

  it('is never written half: a reader sees the old set or the new one', async () => {
    const target = fileTarget(path);
    const sets = Array.from({ length: 2 }, (_, index) => ({ current: String(index).repeat(20_000) }));
    await target.write(sets[0] ?? set);
    let isWriting = true;
    const writing = (async () => {
      for (let round = 1; round <= 200; round++) await target.write(sets[round % 2] ?? set);
      isWriting = false;
    })();
    let reads = 0;
    while (isWriting) {
      const { current } = JSON.parse(await readFile(path, 'utf8'));
      expect(current.length).toBe(20_000);
      expect(new Set(current).size).toBe(1);
      reads++;
    }
    await writing;
    expect(reads).toBeGreaterThan(20);
  });

  it('survives a crash of the machine: flushed before it is put in place, and its directory after', async () => {
    await writeFile(path, JSON.stringify({ current: OLD }), { mode: 0o600 });
    const calls = await recordFileCalls(() => fileTarget(path).write(set));
    expect(calls).toEqual([
      'open .secrets.json.new',
      'write .secrets.json.new',
      'chmod .secrets.json.new 600',
      'sync .secrets.json.new',
      'rename .secrets.json.new secrets.json',
      `open ${basename(directory)}`,
      `sync ${basename(directory)}`,
    ]);
  });

  it('is only read by a dry run, and no file is created beside it', async () => {
    const before = JSON.stringify({ current: OLD });
    await writeFile(path, before);
    const vendor = scriptedVendor(OLD);
    const plan = await rotate({ vendor, target: fileTarget(path), dryRun: true });
    expect(plan.steps.length).toBeGreaterThan(3);
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await readdir(directory)).toEqual(['secrets.json']);
    expect(vendor.calls).toEqual([]);
  });

  it('to which a link leads is replaced in its place, and the link stays', async () => {
    const real = join(directory, 'real');
    await mkdir(real);
    await writeFile(join(real, 'set.json'), '{}');
    await symlink(join(real, 'set.json'), path);
    await fileTarget(path).write(set);
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await fileTarget(path).read()).toEqual(set);
    expect(await readdir(real)).toEqual(['set.json']);
  });

  it('has nothing beside it that a killed run has left', async () => {
    const left = join(directory, '.secrets.json.new');
    await writeFile(left, '{"current":"a-secret-that-was-never-used"}');
    await fileTarget(path).write(set);
    expect(await readdir(directory)).toEqual(['secrets.json']);
  });

  it('is not written through a link at the path of the new file', async () => {
    const trap = join(directory, 'trap');
    await writeFile(trap, 'untouched');
    await symlink(trap, join(directory, '.secrets.json.new'));
    await fileTarget(path).write(set);
    expect(await readFile(trap, 'utf8')).toBe('untouched');
    expect(await fileTarget(path).read()).toEqual(set);
  });

  it("that can't be put in place leaves nothing behind", async () => {
    await mkdir(join(path, 'in-the-way'), { recursive: true });
    await expect(fileTarget(path).write(set)).rejects.toThrow();
    expect(await readdir(directory)).toEqual(['secrets.json']);
  });

  it.skipIf(!isRoot)('keeps its owner, who is not the one who writes', async () => {
    await fileTarget(path).write(set);
    const { chown } = await import('node:fs/promises');
    await chown(path, NOBODY, NOBODY);
    await fileTarget(path).write(set);
    expect(await stat(path)).toMatchObject({ uid: NOBODY, gid: NOBODY });
    expect(await modeOf(path)).toBe(0o600);
  });

  describe('if this process may not write', () => {
    beforeEach(async () => {
      await writeFile(path, JSON.stringify({ current: OLD }), { mode: 0o644 });
      await chmod(directory, 0o555);
      // Nothing is forbidden to root.
      if (isRoot) process.seteuid?.(NOBODY);
    });
    afterEach(async () => {
      if (isRoot) process.seteuid?.(0);
      await chmod(directory, 0o755);
    });

    it('is found out before the vendor is called', async () => {
      const vendor = scriptedVendor(OLD);
      const rotation = rotate({ vendor, target: fileTarget(path), journal: memoryJournal() });
      await expect(rotation).rejects.toMatchObject({
        code: 'ERR_ROTATION_TARGET_UNWRITABLE',
        secretState: 'unchanged',
        message: expect.stringMatching(/EACCES/),
      });
      expect(vendor.calls).toEqual([]);
    });

    it('has no place for the journal either', async () => {
      const vendor = scriptedVendor(OLD);
      await expect(rotate({ vendor, target: fileTarget(path) })).rejects.toMatchObject({
        code: 'ERR_ROTATION_JOURNAL_FAILED',
        secretState: 'unchanged',
      });
      expect(vendor.calls).toEqual([]);
    });
  });

  it.skipIf(!isRoot)('is not taken over by another owner: its receivers could not read it', async () => {
    await writeFile(path, JSON.stringify({ current: OLD }), { mode: 0o644 });
    await chmod(directory, 0o777);
    const vendor = scriptedVendor(OLD);
    process.seteuid?.(NOBODY);
    try {
      await expect(rotate({ vendor, target: fileTarget(path) })).rejects.toMatchObject({
        code: 'ERR_ROTATION_TARGET_UNWRITABLE',
        secretState: 'unchanged',
        message: expect.stringMatching(/EPERM/),
      });
    } finally {
      process.seteuid?.(0);
    }
    expect(vendor.calls).toEqual([]);
    expect(await readdir(directory)).toEqual(['secrets.json']);
  });

  it('is loaded by a receiver as soon as it is rotated', async () => {
    await writeFile(path, JSON.stringify({ current: OLD }));
    const keyring = createKeyring(fileSecrets(path), { scheme: polyai() });
    await keyring.ready();
    const report: RotationReport = await rotate({ vendor: scriptedVendor(OLD), target: fileTarget(path) });
    await vi.waitFor(() =>
      expect(keyring.health().keys.map(({ id, role }) => [id, role])).toEqual([
        [report.current, 'current'],
        [report.previous?.id, 'previous'],
      ]),
    );
    await keyring.close();
  });

  it.each(['', 'a\0b', undefined])('needs a path: %j', (wrong) => {
    expect(() => fileTarget(wrong as string)).toThrow(/path of a JSON file/);
  });
});

/** Waits are shortened; what is under test is what is done after them. */
const clock: Clock = {
  ...systemClock,
  schedule: (task, delayMs) => systemClock.schedule(task, delayMs / 20),
};

async function failureOf(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => expect.fail('It succeeded.'),
    (thrown: unknown) => thrown,
  );
  return error instanceof Error ? error : expect.fail('No error was thrown.');
}

const text = (set: SecretSetInput): string => JSON.stringify(set);
const rotated = (target: RotationTarget, vendor = scriptedVendor(OLD)) =>
  rotate({ vendor, target, journal: memoryJournal(), clock });

describe('AWS Secrets Manager', () => {
  let server: AwsServer;
  beforeEach(async () => {
    server = await startAwsServer(text({ current: OLD }));
  });
  afterEach(() => server.close());

  const target = (): RotationTarget => awsTarget({ client: server.client, secretId: SECRET_ID });
  const current = (): SecretSetInput => JSON.parse(String(server.valueOf('AWSCURRENT')));

  it('holds the set as the current version, through the real client', async () => {
    const vendor = scriptedVendor(OLD);
    expect(await rotated(target(), vendor)).toMatchObject({
      outcome: 'rotated',
      target: `AWS secret ${SECRET_ID}`,
    });
    expect(current()).toMatchObject({ current: vendor.secret_, previous: [{ secret: OLD }] });
    // The set as it was, the announcement, the new set.
    expect(server.versions).toHaveLength(3);
  });

  it('refuses: found out before the vendor is called, and the error is not quoted', async () => {
    server.refuse('PutSecretValue', 'AccessDeniedException', 2);
    const vendor = scriptedVendor(OLD);
    const error = await failureOf(rotated(target(), vendor));
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_TARGET_UNWRITABLE',
      secretState: 'unchanged',
      message: expect.stringContaining('AccessDeniedException'),
    });
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain(OLD);
    expect(vendor.calls).toEqual([]);
  });

  it('fails for the moment: the new secret is written all the same', async () => {
    const vendor = scriptedVendor(OLD, {
      onCall: () => server.refuse('PutSecretValue', 'InternalServiceError', 3),
    });
    expect(await rotated(target(), vendor)).toMatchObject({ outcome: 'rotated' });
    expect(current()).toMatchObject({ current: vendor.secret_ });
  });

  it.each<[string, () => void, string]>([
    ['has no value', () => server.versions.splice(0), 'TARGET_UNUSABLE'],
    ['holds a bare secret', () => void server.put('canary-of-many-bytes'), 'TARGET_UNUSABLE'],
    ['holds other JSON', () => void server.put('{"canary":"canary"}'), 'TARGET_UNUSABLE'],
    ["can't be read", () => server.refuse('GetSecretValue', 'AccessDeniedException', 1), 'TARGET_UNREADABLE'],
  ])('%s', async (_what, prepare, code) => {
    prepare();
    const error = await failureOf(rotated(target()));
    expect(error).toMatchObject({ code: `ERR_ROTATION_${code}`, secretState: 'unchanged' });
    expect(`${error.stack}`).not.toContain('canary');
  });

  it('has no place for the journal', async () => {
    await expect(rotate({ vendor: scriptedVendor(OLD), target: target() })).rejects.toThrow(
      /"journal" is required for AWS/,
    );
    const journal = join(directory, 'journal');
    expect(await rotate({ vendor: scriptedVendor(OLD), target: target(), journal })).toMatchObject({
      outcome: 'rotated',
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it('needs the client that has methods, and an id', () => {
    const client = { send: () => undefined } as unknown as AwsServer['client'];
    expect(() => awsTarget({ client, secretId: SECRET_ID })).toThrow(/new SecretsManager\(\)/);
    expect(() => awsTarget({ client: server.client, secretId: '' })).toThrow(/"secretId"/);
  });
});

describe('Vault', () => {
  let server: VaultServer;
  beforeEach(async () => {
    server = await startVaultServer({ set: text({ current: OLD }), owner: 'team-a' });
  });
  afterEach(() => server.close());

  const target = (): RotationTarget => vaultTarget({ client: server.client, path: PATH });
  const current = (): SecretSetInput => JSON.parse(String(server.fields().at(-1)?.set));

  it('holds the set in a field, and keeps the others, through the real client', async () => {
    const vendor = scriptedVendor(OLD);
    expect(await rotated(target(), vendor)).toMatchObject({
      outcome: 'rotated',
      target: `Vault secret ${PATH}`,
    });
    expect(current()).toMatchObject({ current: vendor.secret_, previous: [{ secret: OLD }] });
    expect(server.fields().map(({ owner }) => owner)).toEqual(['team-a', 'team-a', 'team-a']);
  });

  it('may have another field for it', async () => {
    server.put({ anchor: text({ current: OLD }) });
    const other = vaultTarget({ client: server.client, path: PATH, field: 'anchor' });
    expect(await rotated(other)).toMatchObject({ outcome: 'rotated' });
    expect(JSON.parse(String(server.fields().at(-1)?.anchor))).toHaveProperty('previous');
  });

  it('refuses: found out before the vendor is called, and the error is not quoted', async () => {
    server.refuseWrites = 2;
    const vendor = scriptedVendor(OLD);
    const error = await failureOf(rotated(target(), vendor));
    expect(error).toMatchObject({ code: 'ERR_ROTATION_TARGET_UNWRITABLE', secretState: 'unchanged' });
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain(OLD);
    expect(vendor.calls).toEqual([]);
  });

  it('does not let two writers overwrite each other', async () => {
    const read = server.client.read.bind(server.client);
    let races = 1;
    const client = {
      write: server.client.write.bind(server.client),
      async read(path: string): Promise<unknown> {
        const answer = await read(path);
        // Another process writes between this read and our write.
        if (races-- > 0) server.put({ set: text({ current: OLD, next: 'written-by-somebody-else' }) });
        return answer;
      },
    };
    await expect(vaultTarget({ client, path: PATH }).write({ current: OLD })).rejects.toThrow(
      /check-and-set/,
    );
    await vaultTarget({ client, path: PATH }).write({ current: OLD });
    expect(server.versions.size).toBe(3);
  });

  it('has nothing there', async () => {
    server.versions.clear();
    expect(await target().read()).toBeUndefined();
    expect(await failureOf(rotated(target()))).toMatchObject({ code: 'ERR_ROTATION_TARGET_UNUSABLE' });
    await target().write({ current: OLD });
    expect(await target().read()).toEqual({ current: OLD });
  });

  it('has another field there, or refuses access', async () => {
    server.put({ other: 'canary' });
    const error = await failureOf(rotated(target()));
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_TARGET_UNUSABLE',
      message: expect.stringContaining('field "set"'),
    });
    expect(error.message).not.toContain('canary');
    server.client.token = 'hvs.wrong';
    expect(await failureOf(rotated(target()))).toMatchObject({
      code: 'ERR_ROTATION_TARGET_UNREADABLE',
      secretState: 'unchanged',
    });
  });

  it.each(['', 'webhooks/anchor', 'secret/webhooks/anchor', '/secret/data/anchor', 'secret/data/'])(
    'needs the path of a versioned secret, not "%s"',
    (path) => {
      expect(() => vaultTarget({ client: server.client, path })).toThrow(/secret\/data\/webhooks\/anchor/);
    },
  );
});

describe('a target', () => {
  it('of another kind reports errors only by name', async () => {
    const target: RotationTarget = {
      name: 'database',
      pollSeconds: 1,
      read: async () => ({ current: OLD }),
      write: async () => Promise.reject(Object.assign(new Error(`no: ${OLD}`), { code: 'SQLITE_READONLY' })),
    };
    const error = await failureOf(rotated(target));
    expect(isRotationError(error) && error.message).toContain('SQLITE_READONLY');
    expect(error.message).not.toContain(OLD);
    expect(error.cause).toBeUndefined();
  });
});
