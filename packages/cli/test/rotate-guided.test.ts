import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileSecrets } from '@countersign/core/node';
import { shopify } from '@countersign/schemes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { countersign, ended, inProcess, NODE_ARGS, start } from './support/command.ts';
import { temporaryFolder } from './support/folder.ts';
import { startInstance } from './support/instance.ts';

const OLD = 'canary-old-client-secret-0123456789';
const NEW = 'canary-new-client-secret-0123456789';
const folder = temporaryFolder();
const closings: (() => Promise<unknown>)[] = [];
let path: string;
let count = 0;

beforeEach(async () => {
  path = folder.path(`secrets-${count++}.json`);
  await writeFile(path, JSON.stringify({ current: OLD }));
});
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

const set = async () => JSON.parse(await readFile(path, 'utf8'));

describe('a vendor whose steps a person carries out', () => {
  const HAS_TERMINALS = process.platform === 'linux';
  const guidedArgs = (...more: string[]) => [
    ...['rotate', 'shopify', '--target', path, '--poll-seconds', '0.1', ...more],
  ];

  test('each step is shown, and the new secret is never', async () => {
    const { code, stdout, stderr } = await countersign(guidedArgs(), { input: `${NEW}\nyes\n` });
    expect(code).toBe(0);
    expect(stderr).toContain('rotate the client secret and copy the new one. Do not revoke the old one yet.');
    expect(stderr).toContain('https://dev.shopify.com/dashboard');
    expect(stderr).toContain('New secret (not shown):');
    expect(stderr).toContain('Then revoke the old client secret on the same page.');
    expect(stderr.indexOf('New secret')).toBeLessThan(stderr.indexOf('Then revoke'));
    expect(stdout).toMatch(/^stored {6}\S/m);
    expect(stdout + stderr).not.toContain('canary');
    expect(await set()).toMatchObject({ current: NEW, previous: [{ secret: OLD }] });
  });

  test.skipIf(!HAS_TERMINALS)('the secret is typed without an echo', async () => {
    const command = [process.execPath, ...NODE_ARGS, ...guidedArgs()];
    const child = spawn('script', ['-qec', command.map((word) => `'${word}'`).join(' '), '/dev/null']);
    const answers = [
      ['New secret (not shown):', `${NEW}\r`],
      ['Done? [yes]', 'yes\r'],
    ];
    let shown = '';
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk;
      const [question = '', answer = ''] = answers[0] ?? ['never'];
      if (!shown.includes(question)) return;
      answers.shift();
      child.stdin.write(answer);
    });
    const { code, stdout } = await ended(child);
    expect({ code, left: answers }).toEqual({ code: 0, left: [] });
    expect(stdout).not.toContain('canary');
    expect(await set()).toMatchObject({ current: NEW });
  });

  test('the new secret comes from a file, and is asked for again if it can not be read', async () => {
    const file = folder.path('new-secret.txt');
    const child = start(guidedArgs('--new-secret-file', file));
    const end = ended(child);
    let isWritten = false;
    child.stderr?.on('data', (chunk: Buffer) => {
      if (!chunk.includes('(ENOENT)') || isWritten) return;
      isWritten = true;
      void writeFile(file, `${NEW}\n`).then(() => child.stdin?.end('yes\nyes\n'));
    });
    child.stdin?.write('yes\n');
    const { code, stdout, stderr } = await end;
    expect(code).toBe(0);
    expect(stderr).toContain(`Is the new secret in ${file}? [yes]`);
    expect(stderr).toContain("The file can't be read (ENOENT).");
    expect(stdout + stderr).not.toContain('canary');
    expect(await set()).toMatchObject({ current: NEW, previous: [{ secret: OLD }] });
  });

  test('a file alone confirms nothing: without an answer on the standard input, nothing is changed', async () => {
    const file = await folder.write('unconfirmed.txt', `${NEW}\n`);
    const { code, stderr } = await inProcess(guidedArgs('--new-secret-file', file));
    expect(code).toBe(2);
    expect(stderr).toContain('write a line with the answer to the standard input');
    expect(stderr).toContain('The secret is unchanged.');
    expect(await set()).toMatchObject({ current: OLD });
    expect((await set()).next).toBeUndefined();
  });

  test('the plan has the order of the steps, and names the vendor once', async () => {
    const { code, stdout } = await inProcess(guidedArgs('--dry-run'));
    expect(code).toBe(0);
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toMatch(/A run would rotate the key \w+ of shopify in /);
    expect(text.indexOf('Publish the new secret as "next"')).toBeGreaterThan(
      text.indexOf('rotate the client secret'),
    );
    expect(text.indexOf('Then revoke')).toBeGreaterThan(text.indexOf('Publish the new secret as "next"'));
    expect(text).not.toContain('and call');
  });

  test('whoever stops before the first step has changed nothing', async () => {
    const { code, stderr } = await inProcess(guidedArgs());
    expect(code).toBe(2);
    expect(stderr).toContain(
      'The person has stopped before the secret was changed. The secret is unchanged.',
    );
    expect(await set()).toMatchObject({ current: OLD });
    expect((await set()).next).toBeUndefined();
  });

  test('--drop goes on after the last step', async () => {
    const receiver = await startInstance('web-1', {
      shopify: { scheme: shopify(), secrets: fileSecrets(path) },
    });
    closings.push(() => receiver.close());
    const flags = ['--health', receiver.healthUrl, '--wait-seconds', '1', '--drop', '--quiet', '1'];
    // No delivery comes, so the person is asked whether to go on.
    const { code, stdout, stderr } = await inProcess(guidedArgs(...flags), { input: `${NEW}\nyes\ngo-on\n` });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain('was removed from');
    expect(await set()).toEqual({ current: NEW, version: expect.any(String) });
  });

  test('its only option is listed', async () => {
    const { code, stderr } = await inProcess(guidedArgs('--option', 'shop=acme'));
    expect(code).toBe(2);
    expect(stderr).toContain('"shop" is not an option of shopify. It has one: --option endpointId=NAME');
  });
});
