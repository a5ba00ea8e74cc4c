import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { envSecrets } from '../../src/node/env-secrets.ts';
import { fileSecrets } from '../../src/node/file-secrets.ts';
import { defineScheme } from '../../src/scheme/define-scheme.ts';
import { createKeyring } from '../../src/secrets/create-keyring.ts';
import { KEYRING, type Keyring } from '../../src/secrets/keyring.ts';

const A = 'first-3f9a1c77e0b24d5d-3f9a1c77e0b24d5d';
const B = 'second-8c41d2ab90ff77e3-8c41d2ab90ff77e3';
const WAIT = { timeout: 20_000, interval: 10 };
const scheme = defineScheme({
  name: 'acme',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-sig', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
});

let root: string;
const opened: Keyring[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'file-moments-'));
});

afterEach(async () => {
  for (const keyring of opened.splice(0)) await keyring.close();
  rmSync(root, { recursive: true, force: true });
});

function open(path: string): Keyring {
  const keyring = createKeyring(fileSecrets(path), { scheme });
  opened.push(keyring);
  return keyring;
}

function replace(path: string, content: string): void {
  writeFileSync(`${path}.tmp`, content);
  renameSync(`${path}.tmp`, path);
}

const secretsOf = (keyring: Keyring) =>
  keyring[KEYRING].keys().keys.map(({ key }) => key.export().toString());

describe('a secret that changed a moment ago', () => {
  it('is found by the first delivery that is signed with it, whatever the watcher has noticed', async () => {
    const path = join(root, 'hook');
    writeFileSync(path, A);
    const keyring = open(path);
    await keyring.ready();
    for (const secret of [B, A, B, A]) {
      const tried = keyring[KEYRING].keys();
      replace(path, secret);
      expect((await keyring[KEYRING].reloadForMismatch(tried)).state).toBe('changed');
      expect(secretsOf(keyring)).toEqual([secret]);
    }
  });
});

describe('a file that is deleted', () => {
  it('leaves nothing accepted, and is used again when it is back', async () => {
    const path = join(root, 'hook');
    writeFileSync(path, A);
    const keyring = open(path);
    await keyring.ready();
    rmSync(path);
    await vi.waitFor(() => expect(secretsOf(keyring)).toEqual([]), WAIT);
    expect(keyring.health()).toMatchObject({ state: 'not-ready', warnings: [{ code: 'secrets-gone' }] });
    writeFileSync(path, B);
    await vi.waitFor(() => expect(secretsOf(keyring)).toEqual([B]), WAIT);
  });

  it('and written again at once is never missed', async () => {
    const path = join(root, 'hook');
    writeFileSync(path, A);
    const keyring = open(path);
    await keyring.ready();
    rmSync(path);
    const reload = keyring.reload();
    writeFileSync(path, B);
    await reload;
    expect(secretsOf(keyring)).toEqual([B]);
  });

  it('with its whole directory may be a volume that is not mounted: the last good set stays', async () => {
    const directory = join(root, 'volume');
    mkdirSync(directory);
    writeFileSync(join(directory, 'hook'), A);
    const keyring = open(join(directory, 'hook'));
    await keyring.ready();
    rmSync(directory, { recursive: true });
    await expect(keyring.reload()).rejects.toThrow(/can't be read \(ENOENT\).*volume is mounted/);
    expect(secretsOf(keyring)).toEqual([A]);
  });
});

it('a variable that is not set any more leaves nothing accepted', async () => {
  const env: NodeJS.ProcessEnv = { HOOK: A };
  const keyring = createKeyring(envSecrets('HOOK', { env }), { scheme });
  opened.push(keyring);
  await keyring.ready();
  delete env.HOOK;
  await expect(keyring.reload()).rejects.toThrow(/HOOK is not set/);
  expect(secretsOf(keyring)).toEqual([]);
});

it('many keyrings on one provider cause a warning that names createKeyring()', async () => {
  const warned: string[] = [];
  const note = (warning: Error) => warned.push(warning.message);
  process.on('warning', note);
  try {
    const provider = envSecrets('HOOK', { env: { HOOK: A } });
    for (let count = 0; count < 12; count++) opened.push(createKeyring(provider, { scheme }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(warned).toEqual([expect.stringMatching(/"env HOOK".*createKeyring\(\)/)]);
  } finally {
    process.off('warning', note);
  }
});

it.each(['ready()', 'reload()'])('a process that only awaits %s lives until it settles', async (call) => {
  const source = (name: string) => pathToFileURL(join(import.meta.dirname, '../../src', name)).href;
  const script = `
    const { createKeyring } = await import(${JSON.stringify(source('secrets/create-keyring.ts'))});
    const scheme = { name: 'x', keyFormat: 'x', importKey: (secret) => ({ secret }) };
    const load = () => new Promise(() => undefined);
    const keyring = createKeyring({ name: 'slow', load }, { scheme, timeoutSeconds: 0.2 });
    await keyring.${call}.catch((error) => console.log(error.code));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    '--input-type=module',
    '--eval',
    script,
  ]);
  expect(stdout).toBe('ERR_WEBHOOK_PROVIDER_FAILED\n');
});
