import { readFile, writeFile } from 'node:fs/promises';
import { fileSecrets } from '@countersign/core/node';
import { github, stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { countersign, ended, inProcess, start } from './support/command.ts';
import { temporaryFolder } from './support/folder.ts';
import { type Instance, startInstance } from './support/instance.ts';
import { serve } from './support/receiver.ts';

const folder = temporaryFolder();
const NEW = 'canary-new-secret-0123456789abcdef';
const OLD = 'canary-old-secret-0123456789abcdef';
const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function instance(name: string, secrets: object, token?: string): Promise<Instance> {
  const started = await startInstance(
    name,
    { orders: { scheme: stripe(), secrets: secrets as never } },
    token,
  );
  closings.push(() => started.close());
  return started;
}

async function deliver({ url }: Instance, secret: string): Promise<number> {
  const request = sign(stripe(), { secret, body: `{"id":"evt_${crypto.randomUUID()}"}` });
  const { status } = await fetch(`${url}/orders`, { method: 'POST', ...request });
  return status;
}

const BOTH = { current: NEW, previous: OLD };

describe('countersign health', () => {
  test('shows the keys of all instances side by side, and that the previous secret is in use', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', BOTH)];
    expect(await deliver(a, NEW)).toBe(204);
    expect(await deliver(b, OLD)).toBe(204);
    const { code, stdout } = await countersign(['health', a.healthUrl, b.healthUrl]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^orders \(stripe\)\n {2}web-1 {2}\w{12} current, 1 match, the last one \S+ s ago\n/,
    );
    expect(stdout).toMatch(/^ {9}\w{12} previous, no match yet$/m);
    expect(stdout).toMatch(/^ {2}web-2 {2}\w{12} current, no match yet$/m);
    expect(stdout).toMatch(/^ {9}\w{12} previous, 1 match, the last one \S+ s ago$/m);
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toMatch(
      /Keep the previous secret: it must be unused for 10 minutes\. \w{12}: web-2 matched it \d+ s ago\. web-1 has counted for only \d+ s\. It may go in [\d.]+ (?:s|minutes) if nothing uses it until then\./,
    );
  });

  test('the previous secret may go once it is unused everywhere for long enough', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', BOTH)];
    await deliver(b, OLD);
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl, '--quiet', '0']);
    expect(code).toBe(0);
    expect(stdout).toContain('The previous secret may go: no instance has used it for 0 s.');
  });

  test('is content if every instance has the same secrets and no previous one', async () => {
    const [a, b] = [await instance('web-1', { current: NEW }), await instance('web-2', { current: NEW })];
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl]);
    expect(code).toBe(0);
    expect(stdout).toContain('Every instance has the same secrets, and there is no previous one.');
  });

  test('names the instance that lacks the new secret', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', { current: OLD })];
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl]);
    expect(code).toBe(1);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /The instances have different secrets: web-2 does not have the current key \w{12}\. Wait until all have reloaded\./,
    );
  });

  test('names the key whose role differs', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', { current: OLD, next: NEW })];
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl]);
    expect(code).toBe(1);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /the key \w{12} is previous on web-1 and current elsewhere\./,
    );
  });

  test('--json has the same', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', BOTH)];
    await deliver(b, OLD);
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      done: false,
      instances: [{ instance: 'web-1' }, { instance: 'web-2' }],
      unreachable: [],
      endpoints: [
        {
          name: 'orders',
          scheme: 'stripe',
          verdict: 'in-use',
          keys: [
            { roles: ['current'], uses: [{ matches: 0 }, { matches: 0 }] },
            { roles: ['previous'], uses: [{ matches: 0 }, { matches: 1 }] },
          ],
        },
      ],
    });
  });

  test('several endpoints are judged each on its own', async () => {
    const started = await startInstance('web-1', {
      orders: { scheme: stripe(), secrets: { current: NEW } },
      pushes: { scheme: github(), secrets: BOTH },
    });
    closings.push(() => started.close());
    const { code, stdout } = await inProcess(['health', started.healthUrl, '--json']);
    expect(code).toBe(1);
    const verdicts = JSON.parse(stdout).endpoints.map((each: { name: string; verdict: string }) => [
      each.name,
      each.verdict,
    ]);
    expect(verdicts).toEqual([
      ['orders', 'settled'],
      // It has not counted for long enough.
      ['pushes', 'unknown'],
    ]);
  });

  test('passes on a token, and says that one is needed', async () => {
    const { healthUrl } = await instance('web-1', { current: NEW }, 'canary-token');
    const env = { TOKEN: 'canary-token', WRONG: 'canary-wrong' };
    expect((await inProcess(['health', healthUrl, '--token-env', 'TOKEN'], { env })).code).toBe(0);
    const without = await inProcess(['health', healthUrl]);
    expect(without.code).toBe(2);
    expect(without.stderr).toContain('It asks for a token (401). Pass --token-env NAME.');
    const wrong = await inProcess(['health', healthUrl, '--token-env', 'WRONG'], { env });
    expect(wrong.stderr).toContain('It refuses the token (401).');
    expect(wrong.stderr).not.toContain('canary');
  });

  test('names every instance that does not report', async () => {
    const { healthUrl } = await instance('web-1', { current: NEW });
    const page = await serve((_request, response) => void response.end('<html>'));
    closings.push(page.close);
    const { code, stdout, stderr } = await countersign([
      'health',
      healthUrl,
      'http://127.0.0.1:1/health',
      page.url,
    ]);
    expect(code).toBe(2);
    expect(stdout).toContain('It is not known whether there is a previous secret.');
    expect(stderr).toContain('http://127.0.0.1:1/health: Nothing listens at 127.0.0.1:1.');
    expect(stderr).toContain(`${page.url}/: It does not respond like healthHandler() (200).`);
    expect(stderr).not.toContain('    at ');
  });

  test('--wait says what it waits for, and ends when the last instance has reloaded', async () => {
    const path = await folder.write('secrets.json', JSON.stringify({ current: OLD }));
    const a = await instance('web-1', { current: NEW });
    const b = await instance('web-2', fileSecrets(path));
    const child = start(['health', a.healthUrl, b.healthUrl, '--wait']);
    const end = ended(child);
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.includes('Waiting. orders: The instances have different secrets')) resolve();
      });
    });
    await writeFile(path, JSON.stringify({ current: NEW }));
    const { code, stdout } = await end;
    expect(code).toBe(0);
    expect(stdout).toContain('Every instance has the same secrets');
  });

  test('--wait ends with --timeout, also while an instance is silent', async () => {
    const a = await instance('web-1', BOTH);
    const ended = await inProcess(['health', a.healthUrl, '--wait', '--timeout', '1']);
    expect(ended.code).toBe(1);
    a.isSilent = true;
    expect(await inProcess(['health', a.healthUrl, '--wait', '--timeout', '1'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('closed the connection without a response'),
    });
  });
});

describe('countersign health --drop', () => {
  async function fleetOf(set: object): Promise<{ path: string; urls: string[]; instances: Instance[] }> {
    const path = await folder.write(`${crypto.randomUUID()}.json`, JSON.stringify(set));
    const instances = [
      await instance('web-1', fileSecrets(path)),
      await instance('web-2', fileSecrets(path)),
    ];
    return { path, instances, urls: instances.map(({ healthUrl }) => healthUrl) };
  }
  const setIn = async (path: string) => JSON.parse(await readFile(path, 'utf8'));

  test('removes the previous secret that may go, and the instances then refuse it', async () => {
    const { path, urls, instances } = await fleetOf(BOTH);
    await deliver(instances[0] as Instance, OLD);
    const { code, stdout, stderr } = await countersign([
      'health',
      ...urls,
      '--quiet',
      '0',
      '--drop',
      '--target',
      path,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/The old secret \w{12} was removed from file/);
    expect(stdout).not.toContain(OLD);
    expect(await setIn(path)).toEqual({ current: NEW, version: expect.any(String) });
    for (const one of instances) {
      await one.verifiers.orders?.reload();
      expect(await deliver(one, OLD)).toBeGreaterThanOrEqual(400);
      expect(await deliver(one, NEW)).toBe(204);
    }
    const again = await inProcess(['health', ...urls, '--drop', '--target', path]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('has no old secret.') });
  });

  test('refuses with a sentence while it is in use, and changes nothing', async () => {
    const { path, urls, instances } = await fleetOf(BOTH);
    await deliver(instances[1] as Instance, OLD);
    const { code, stderr, stdout } = await inProcess([
      'health',
      ...urls,
      '--drop',
      '--target',
      path,
      '--json',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(`The previous secret stays in ${path}. Keep the previous secret`);
    expect(stderr).toMatch(/web-2 matched it \d+ s ago\./);
    expect(JSON.parse(stdout)).toMatchObject({ done: false, drop: { outcome: 'refused' } });
    expect(await setIn(path)).toEqual(BOTH);
  });

  test('with --wait, it waits until it may go', async () => {
    const { path, urls, instances } = await fleetOf(BOTH);
    await deliver(instances[1] as Instance, OLD);
    const options = ['--quiet', '3', '--wait', '--drop', '--target', path];
    const { code, stderr, stdout } = await inProcess(['health', ...urls, ...options]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Waiting\. orders: Keep the previous secret/);
    expect(stdout).toContain('was removed from');
    expect(await setIn(path)).toMatchObject({ current: NEW });
    expect((await setIn(path)).previous).toBeUndefined();
  });

  test('waits for instances that have not loaded the file yet', async () => {
    const path = await folder.write('newer.json', JSON.stringify(BOTH));
    const stale = await instance('web-1', { current: OLD });
    const args = ['health', stale.healthUrl, '--quiet', '0', '--drop', '--target', path];
    const at = await inProcess(args);
    expect(at).toMatchObject({ code: 1, stderr: expect.stringContaining('It is not an old key in web-1.') });
    const waited = await inProcess([...args, '--wait', '--timeout', '1']);
    expect(waited).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Waiting\. .*not an old key/) });
    expect(await setIn(path)).toEqual(BOTH);
  });

  test('refuses a file that the instances do not load', async () => {
    const foreign = {
      current: 'canary-foreign-secret-0123456789',
      previous: 'canary-older-secret-0123456789ab',
    };
    const path = await folder.write('foreign.json', JSON.stringify(foreign));
    const { urls } = await fleetOf({ current: NEW });
    const { code, stderr } = await inProcess(['health', ...urls, '--drop', '--target', path]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/web-1 does not have the current key \S+ of the target\./);
    expect(stderr).not.toContain('canary');
    expect(await setIn(path)).toEqual(foreign);
  });

  test('never drops while an instance is down', async () => {
    const { path, urls } = await fleetOf(BOTH);
    const down = ['health', ...urls, 'http://127.0.0.1:1/health', '--quiet', '0', '--drop', '--target', path];
    expect(await inProcess(down)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Nothing listens at 127.0.0.1:1.'),
    });
    expect(await setIn(path)).toEqual(BOTH);
  });

  test('asks which of several verifiers loads the file', async () => {
    const path = await folder.write('one-of-two.json', JSON.stringify(BOTH));
    const both = await startInstance('web-1', {
      orders: { scheme: stripe(), secrets: fileSecrets(path) },
      pushes: { scheme: github(), secrets: { current: NEW } },
    });
    closings.push(() => both.close());
    const args = ['health', both.healthUrl, '--quiet', '0', '--drop', '--target', path];
    expect(await inProcess(args)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('web-1 reports "orders", "pushes". Say with --verifier NAME'),
    });
    // The secrets of the other verifier are not those of the file.
    expect((await inProcess([...args, '--verifier', 'orders'])).code).toBe(0);
    expect((await setIn(path)).previous).toBeUndefined();
  });

  test.each([
    [['--drop'], '--drop needs --target FILE'],
    [['--target', 'secrets.json'], '--target names the file for --drop.'],
  ])('%j', async (flags, sentence) => {
    const { healthUrl } = await instance('web-1', { current: NEW });
    const { code, stderr } = await inProcess(['health', healthUrl, ...flags]);
    expect({ code, says: stderr.includes(sentence) }).toEqual({ code: 2, says: true });
  });
});
