import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileSecrets } from '@countersign/core/node';
import { vendors } from '@countersign/rotation';
import { agentMessage, polyai, stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import {
  type SimulatedEndpoints,
  type SimulatedSender,
  simulateEndpoints,
  simulateSender,
  stripeEndpoints,
} from '@countersign-internal/simulator';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kebab } from '../src/sender.ts';
import { countersign, ended, inProcess, start } from './support/command.ts';
import { temporaryFolder } from './support/folder.ts';
import { type Instance, startInstance } from './support/instance.ts';

const folder = temporaryFolder();
const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

let sender: SimulatedSender;
let path: string;
let instance: Instance;
let env: Record<string, string>;
let count = 0;

beforeEach(async () => {
  path = folder.path(`secrets-${count++}.json`);
  sender = await simulateSender({ vendor: 'polyai', receiverUrl: 'http://127.0.0.1:9/' });
  closings.push(() => sender.close());
  await writeFile(path, JSON.stringify({ current: sender.secrets().endpoint }));
  instance = await startInstance('web-1', { polyai: { scheme: polyai(), secrets: fileSecrets(path) } });
  closings.push(() => instance.close());
  env = { POLYAI_KEY: sender.credentials.apiKey };
});

const args = (...more: string[]) => [
  ...['rotate', 'polyai', '--target', path, '--option', `endpointId=${sender.endpointId}`],
  ...['--option-env', 'apiKey=POLYAI_KEY', '--option', `baseUrl=${sender.apiUrl}`, ...more],
];
const set = async () => JSON.parse(await readFile(path, 'utf8'));

describe('countersign rotate', () => {
  test('rotates, and shows each step', async () => {
    const before = sender.secrets().endpoint;
    const { code, stdout, stderr } = await countersign(args('--health', instance.healthUrl), { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const steps = [...stdout.matchAll(/^(locked|announced|calling|answered|stored|checked|closed) {2,}\S/gm)];
    expect(steps.map(([, step]) => step)).toEqual([
      'locked',
      'announced',
      'calling',
      'answered',
      'stored',
      'checked',
      'closed',
    ]);
    const { endpoint } = sender.secrets();
    expect(endpoint).not.toBe(before);
    expect(await set()).toMatchObject({ current: endpoint, previous: [{ secret: before }] });
    expect(stdout + stderr).not.toContain(endpoint);
    expect(stdout + stderr).not.toContain(before);
    expect(stdout + stderr).not.toContain(sender.credentials.apiKey);
    const roles = instance.verifiers.polyai?.health().secrets.keys.map(({ role }) => role);
    expect(roles).toEqual(['current', 'previous']);
  });

  test('--dry-run prints the plan and changes nothing', async () => {
    const before = await readFile(path, 'utf8');
    const { code, stdout } = await inProcess(args('--dry-run'), { env });
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /A run would rotate the key \w{12} of polyai .* Nothing was changed\. 1\. Take the lock/,
    );
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(sender.secrets().endpoint).toBe(JSON.parse(before).current);
  });

  test('--json prints the report', async () => {
    const { code, stdout } = await inProcess(args('--json', '--poll-seconds', '0.1'), { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'rotated',
      vendor: 'polyai',
      target: `file ${path}`,
    });
  });

  test('--replaces chooses one of several current secrets', async () => {
    const account = await simulateSender({
      vendor: 'agentMessage',
      signedBy: 'organization',
      receiverUrl: 'http://127.0.0.1:9/',
    });
    closings.push(() => account.close());
    const { endpoint, organization = '' } = account.secrets();
    await writeFile(path, JSON.stringify({ current: [endpoint, organization] }));
    const common = [
      'rotate',
      'agent-message',
      '--target',
      path,
      '--option',
      `baseUrl=${account.apiUrl}`,
      '--option-env',
      'apiKey=KEY',
      '--option',
      'rotates=organization',
      '--poll-seconds',
      '0.1',
    ];
    const own = { env: { KEY: account.credentials.adminApiKey ?? '' } };
    const without = await inProcess(common, own);
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('"replaces"') });
    expect((await inProcess([...common, '--replaces', '1'], own)).code).toBe(0);
    expect((await set()).current).toEqual([endpoint, account.secrets().organization]);
    expect(agentMessage().name).toBe('agent-message');
  });

  test('a run that was killed is finished by the next one', async () => {
    const child = start(args('--poll-seconds', '0.1'), { env });
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.includes('stored')) resolve();
      });
    });
    child.kill('SIGKILL');
    await ended(child);
    const { code, stdout } = await inProcess(args('--poll-seconds', '0.1'), { env });
    expect(code).toBe(0);
    expect(stdout).toContain('closed');
    expect((await set()).current).toBe(sender.secrets().endpoint);
  });

  test('Ctrl+C before the vendor is called changes nothing', async () => {
    const account = await simulateSender({
      vendor: 'agentMessage',
      signedBy: 'endpoint',
      receiverUrl: 'http://127.0.0.1:9/',
    });
    closings.push(() => account.close());
    const { endpoint } = account.secrets();
    await writeFile(path, JSON.stringify({ current: endpoint }));
    const child = start(
      [
        'rotate',
        'agent-message',
        '--target',
        path,
        '--option',
        `baseUrl=${account.apiUrl}`,
        '--option-env',
        'apiKey=KEY',
        '--option',
        'rotates=endpoint',
        '--option',
        `webhookId=${account.endpointId}`,
      ],
      { env: { KEY: account.credentials.apiKey } },
    );
    const end = ended(child);
    // It waits for two poll periods before it calls.
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.includes('announced')) resolve();
      });
    });
    child.kill('SIGINT');
    const { code, stderr } = await end;
    expect(code).toBe(2);
    expect(stderr).toContain('The rotation was aborted. The secret is unchanged.');
    expect(stderr).not.toContain('    at ');
    expect(await set()).toEqual({ current: endpoint, version: expect.any(String) });
    expect(account.secrets().endpoint).toBe(endpoint);
    expect(existsSync(`${path}.rotation.lock`)).toBe(false);
  });
});

describe('what happens to the old secret', () => {
  test('--drop waits until no instance uses it, then removes it; --audit has a line for each', async () => {
    const before = sender.secrets().endpoint;
    const audit = folder.path('audit.jsonl');
    const old = sign(polyai(), { secret: before, body: '{"type":"call.ended"}' });
    const { status } = await fetch(`${instance.url}/polyai`, { method: 'POST', ...old });
    expect(status).toBe(204);
    const usedAt = performance.now();
    const { code, stdout, stderr } = await countersign(
      args('--health', instance.healthUrl, '--drop', '--quiet', '6', '--audit', audit, '--actor', 'ops'),
      { env },
    );
    expect(code).toBe(0);
    expect(performance.now() - usedAt).toBeGreaterThan(6000);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/The old secret \w{12} was removed from file/);
    expect(await set()).toEqual({ current: sender.secrets().endpoint, version: expect.any(String) });
    const lines = (await readFile(audit, 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { action: 'rotate', outcome: 'rotated', actor: 'ops', vendor: 'polyai' },
      { action: 'drop-previous', outcome: 'dropped', actor: 'ops', vendor: 'polyai' },
    ]);
    expect(stdout + stderr + lines).not.toContain(before);
  });

  test('--wait leaves it in the file, and --json says that it may go', async () => {
    const before = sender.secrets().endpoint;
    const flags = ['--health', instance.healthUrl, '--wait', '--quiet', '1', '--json'];
    const { code, stdout } = await inProcess(args(...flags), { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'rotated',
      oldSecret: { state: 'may-go', dropped: [] },
    });
    expect(await set()).toMatchObject({ previous: [{ secret: before }] });
  });

  test('it stays if an instance still uses it when the time is over', async () => {
    const before = sender.secrets().endpoint;
    const flags = ['--health', instance.healthUrl, '--drop', '--quiet', '600', '--timeout', '1'];
    const { code, stdout } = await inProcess(args(...flags), { env });
    expect(code).toBe(1);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'Keep the previous secret: it must be unused for 10 minutes.',
    );
    expect(await set()).toMatchObject({ previous: [{ secret: before }] });
  });

  test('Ctrl+C ends the wait, and says that the rotation is done', async () => {
    const child = start(args('--health', instance.healthUrl, '--drop', '--quiet', '600'), { env });
    const end = ended(child);
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.includes('Waiting.')) resolve();
      });
    });
    child.kill('SIGINT');
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toContain('The rotation is done, but the wait was interrupted, so the old secret stays.');
    expect(existsSync(`${path}.rotation`)).toBe(false);
    expect((await set()).current).toBe(sender.secrets().endpoint);
  });

  test.each([['--wait'], ['--drop']])('%s needs the instances', async (flag) => {
    const before = await readFile(path, 'utf8');
    const { code, stderr } = await inProcess(args(flag), { env });
    expect(code).toBe(2);
    expect(stderr).toContain(`${flag} needs --health URL…`);
    expect(await readFile(path, 'utf8')).toBe(before);
  });
});

describe('a vendor whose endpoint is replaced', () => {
  let account: SimulatedEndpoints;
  let receiver: Instance;

  beforeEach(async () => {
    receiver = await startInstance('web-1', {
      stripe: { scheme: stripe(), secrets: fileSecrets(path) },
    });
    closings.push(() => receiver.close());
    account = await simulateEndpoints(stripeEndpoints(), { receiverUrl: `${receiver.url}/stripe` });
    closings.push(() => account.close());
    await writeFile(path, JSON.stringify({ current: account.endpoints()[0]?.secret }));
    await receiver.verifiers.stripe?.reload();
  });

  const replace = (...more: string[]) =>
    inProcess(
      [
        ...['rotate', 'stripe', '--target', path, '--option', `endpointId=${account.firstId}`],
        ...[
          '--option',
          'connect=false',
          '--option',
          `baseUrl=${account.apiUrl}`,
          '--option-env',
          'apiKey=KEY',
        ],
        ...['--health', receiver.healthUrl, ...more],
      ],
      { env: { KEY: account.credentials.apiKey } },
    );

  test('a run waits for the overlap, removes the old endpoint, and drops its secret', async () => {
    const { code, stdout, stderr } = await replace(
      ...['--overlap-seconds', '2', '--wait-overlap-seconds', '60', '--drop', '--quiet', '1'],
    );
    expect({ code, stdout: code === 0 ? '' : stdout, stderr }).toMatchObject({ code: 0, stdout: '' });
    expect(stdout).toMatch(/^overlapping \S/m);
    expect(stdout).toMatch(/^removed {5}\S/m);
    expect(stdout).toContain('was removed from');
    const [left, ...others] = account.endpoints();
    expect(others).toEqual([]);
    expect(left?.id).not.toBe(account.firstId);
    expect(await set()).toEqual({ current: left?.secret, version: expect.any(String) });
    account.emit();
    await account.idle();
    expect(account.events()[0]?.copies).toMatchObject([{ state: 'delivered' }]);
  });

  test('if too much of it is left, both stay, and a later run does the rest', async () => {
    const overlap = ['--overlap-seconds', '3', '--wait-overlap-seconds', '0'];
    const first = await replace(...overlap, '--drop');
    expect(first.code).toBe(1);
    expect(first.stdout.replace(/\s+/g, ' ')).toMatch(
      /The old secret stays: both endpoints deliver until \S+Z\. Run the same command again/,
    );
    expect(account.endpoints()).toHaveLength(2);
    const second = await replace('--wait-overlap-seconds', '60');
    expect(second.code).toBe(0);
    expect(account.endpoints()).toHaveLength(1);
  });
});

describe('what stops a rotation', () => {
  test.each(Object.keys(vendors))('%s: its options are listed if one is missing', async (factory) => {
    const { code, stderr } = await inProcess(['rotate', kebab(factory), '--target', path]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/Its options: (?:--option(?:-env)? \w+=\S+, )+--option baseUrl=…\./);
    expect(stderr).not.toMatch(/--option \w*(?:apiKey|token|privateKey|consumerKey|consumerSecret)=/i);
  });

  test('a credential on the command line is refused', async () => {
    const { code, stderr } = await inProcess([...args(), '--option', 'apiKey=canary'], { env });
    expect(code).toBe(2);
    expect(stderr).toContain('"apiKey" is a credential');
    expect(stderr).toContain('--option-env apiKey=VARIABLE');
    expect(stderr).not.toContain('canary');
  });

  test('--new-secret-file is only for steps by hand', async () => {
    const { code, stderr } = await inProcess(args('--new-secret-file', path), { env });
    expect(code).toBe(2);
    expect(stderr).toContain('polyai returns its new secret. Remove the flag.');
  });

  test.each([
    ['a wrong API key', { POLYAI_KEY: 'canary-wrong' }, 'The secret is unchanged.'],
    ['a missing variable', {}, 'POLYAI_KEY is not set'],
  ])('%s', async (_, given, sentence) => {
    const { code, stderr } = await inProcess(args('--poll-seconds', '0.1'), { env: given });
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('canary');
    expect((await set()).current).toBe(sender.secrets().endpoint);
  });

  test('an instance that does not report stops it before anything is changed', async () => {
    const before = await readFile(path, 'utf8');
    const { code, stderr } = await inProcess(args('--health', instance.healthUrl, 'http://127.0.0.1:1/'), {
      env,
    });
    expect(code).toBe(2);
    expect(stderr).toContain('Nothing listens at 127.0.0.1:1.');
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  test('it asks which verifier loads the target if that is not clear', async () => {
    const other = await startInstance('web-2', {
      a: { scheme: agentMessage(), secrets: Buffer.alloc(32, 1).toString('base64') },
      b: { scheme: agentMessage(), secrets: Buffer.alloc(32, 1).toString('base64') },
    });
    closings.push(() => other.close());
    const { code, stderr } = await inProcess(args('--health', other.healthUrl), { env });
    expect(code).toBe(2);
    expect(stderr).toContain(
      'web-2 reports "a", "b". Say with --verifier NAME which of them loads the target.',
    );
  });

  test('a target that can not be read', async () => {
    await writeFile(path, '{ broken');
    const { code, stderr } = await inProcess(args(), { env });
    expect(code).toBe(2);
    expect(stderr).toContain(path);
    expect(stderr).not.toContain('    at ');
  });
});
