import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { countersign, ended, inProcess, NODE_ARGS, start } from './support/command.ts';
import { temporaryFolder } from './support/folder.ts';

const folder = temporaryFolder();
const SECRET = 'whsec_canary0123456789canary01234';
/** `script` makes a terminal with these flags on Linux only. */
const HAS_TERMINALS = process.platform === 'linux';
if (!HAS_TERMINALS)
  console.warn('The prompt and colors are tested on Linux only: run `npm test -- packages/cli` there.');

const COMMANDS = ['senders', 'sign', 'send', 'explain', 'rotate', 'health'];

describe('help', () => {
  test('lists every command and the exit codes', async () => {
    const { code, stdout, stderr } = await countersign(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    expect(stdout).toContain('Exit codes: 0 yes, 1 the answer is no, 2 the command could not run.');
  });

  test.each(COMMANDS)('of %s has examples', async (command) => {
    const { code, stdout } = await inProcess([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Examples:\\n(?: {2}.*countersign ${command}.*\\n)+`, 'm'));
  });

  test('shows the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await inProcess(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });
});

describe('a mistake in the command line', () => {
  test.each([
    ['a command', ['sendrs'], 'Did you mean senders?'],
    ['a flag', ['senders', '--jsn'], 'Did you mean --json?'],
    ['a sender', ['sign', 'stirpe'], 'Did you mean "stripe"?'],
    ['a sender with a hyphen', ['explain', 'standard-webhoks', 'x'], 'Did you mean "standard-webhooks"?'],
    ['a vendor', ['rotate', 'polia', '--target', 'x'], 'Did you mean "polyai"?'],
    ['an option of a sender', ['sign', 'convoy', '--option', 'hsh=sha512'], 'Did you mean "hash"?'],
    ['a variable', ['sign', 'stripe', '--secret-env', 'STRIPE_SECRE'], 'Did you mean STRIPE_SECRET?'],
  ])('%s: suggests what was meant', async (_, args, hint) => {
    const { code, stdout, stderr } = await inProcess(args, { env: { STRIPE_SECRET: SECRET } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain('    at ');
  });

  test.each([
    ['a missing variable', ['sign', 'stripe', '--secret-env', 'NOT_THERE'], 'NOT_THERE is not set. Set it'],
    ['a missing file', ['sign', 'stripe', '--secret-file', '/nowhere'], "can't be read (ENOENT)"],
    [
      'a missing body',
      ['sign', 'stripe', '--secret-env', 'S', '--body', '/nowhere'],
      'There is no such file.',
    ],
    ['a folder as body', ['sign', 'stripe', '--secret-env', 'S', '--body', '/tmp'], 'It is a folder.'],
    [
      'two sources of secrets',
      ['sign', 'stripe', '--secret-env', 'S', '--secret-file', 'x'],
      'exclude each other',
    ],
    [
      'no secret and no terminal',
      ['sign', 'stripe'],
      'there is no terminal to ask for it. Pass --secret-env',
    ],
    [
      'a needed option',
      ['explain', 'google-pubsub', 'x', '--secret-env', 'S'],
      'needs "audience" and "serviceAccountEmail"',
    ],
    ['an option that is none', ['sign', 'stripe', '--option', 'a=b', '--secret-env', 'S'], 'has no options'],
    [
      'a confidential option',
      ['sign', 'meta', '--option', 'verifyToken=abc', '--secret-env', 'S'],
      '--option-env verifyToken=VARIABLE',
    ],
    [
      'no URL',
      ['send', 'stripe', '--secret-env', 'S', '--to', 'localhost:3000'],
      'must be an http or https URL',
    ],
    [
      'a format',
      ['sign', 'stripe', '--format', 'xml', '--secret-env', 'S'],
      'Allowed choices are curl, http, json',
    ],
  ])('%s: one sentence that says what to do', async (_, args, sentence) => {
    const { code, stdout, stderr } = await inProcess(args, { env: { S: SECRET } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('    at ');
  });
});

describe('secrets', () => {
  const REASON = 'A secret on the command line can be read by every user of this machine';

  test.each([
    ['--secret', ['sign', 'stripe', '--secret', 'canary-x']],
    ['--secret=…', ['sign', 'stripe', '--secret=canary-x']],
    ['in place of the sender', ['sign', SECRET]],
    ['in place of the name of a variable', ['sign', 'stripe', '--secret-env', SECRET]],
    ['in place of a path', ['sign', 'stripe', '--secret-file', SECRET]],
    ['in an unknown flag', ['sign', 'stripe', `--key=${SECRET}`]],
    ['in an option', ['rotate', 'polyai', '--option', `endpointId=${SECRET}`]],
    ['64 hexadecimal digits', ['sign', 'github', 'canary'.replace(/./g, '0123456789a')]],
    ['an API key', ['sign', 'stripe', 'sk_test_canary']],
    ['a private key', ['sign', 'discord', '-----BEGIN PRIVATE KEY-----canary']],
    ['base64', ['sign', 'svix', 'MfKQ9r8canaryGKYqrTwjUPD8ILPZIo2LaLaSw']],
  ])('are refused with the reason and not repeated: %s', async (_, args) => {
    const { code, stdout, stderr } = await inProcess(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(REASON);
    expect(stderr).not.toContain('canary');
  });

  test('the name of a variable must be in capitals, and what else stands there is not repeated', async () => {
    const { code, stderr } = await inProcess(['sign', 'stripe', '--secret-env', 'canary-short']);
    expect(code).toBe(2);
    expect(stderr).toContain('must be followed by the name of an environment variable in capitals');
    expect(stderr).not.toContain('canary');
  });

  test('a path that looks like a secret is a path if there is such a file', async () => {
    const path = await folder.write('0123456789abcdef0123456789abcdef0123', SECRET);
    expect(await inProcess(['sign', 'stripe', '--secret-file', path])).toMatchObject({ code: 0, stderr: '' });
  });

  test('come from a file with a line break, from a set, and from a variable with _PREVIOUS', async () => {
    const set = await folder.write(
      'set.json',
      JSON.stringify({ current: SECRET, previous: `${SECRET}-old` }),
    );
    const text = await folder.write('secret.txt', `${SECRET}\n`);
    const sign = (args: readonly string[]) =>
      inProcess(['sign', 'github', '--format', 'json', '--body', '-', ...args], {
        input: '{}',
        env: { S: SECRET, S_PREVIOUS: `${SECRET}-old` },
      });
    const current = (await sign(['--secret-env', 'S'])).stdout;
    expect(current).toContain('x-hub-signature-256');
    expect((await sign(['--secret-file', set])).stdout).toBe(current);
    expect((await sign(['--secret-file', text])).stdout).toBe(current);
    const previous = (await sign(['--secret-env', 'S', '--previous'])).stdout;
    expect(previous).not.toBe(current);
    expect((await sign(['--secret-file', set, '--previous'])).stdout).toBe(previous);
    expect(await sign(['--secret-file', text, '--previous'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no previous secret to sign with'),
    });
  });

  test.each([
    ['an empty file', '', 'is empty'],
    ['bytes that are no text', Buffer.of(0xff, 0xfe), 'is not UTF-8 text'],
    ['a set without a current secret', '{"current":null,"previous":"canary"}', 'has no "current" secret'],
    ['a placeholder', 'changeme', 'placeholder'],
    ['an API key', 'sk_test_canary0123456789', 'an API key of Stripe'],
  ])('a file with %s is refused, and nothing of it is shown', async (_, content, sentence) => {
    const path = await folder.write('odd-secret', content);
    const { code, stdout, stderr } = await inProcess(['sign', 'stripe', '--secret-file', path]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('canary');
  });

  test.skipIf(!HAS_TERMINALS)('are asked for on a terminal, without an echo', async () => {
    const command = [process.execPath, ...NODE_ARGS, 'sign', 'github', '--format', 'json'];
    // A terminal of its own, as `script` makes one.
    const child = spawn('script', ['-qec', command.map((word) => `'${word}'`).join(' '), '/dev/null']);
    child.stdout.on('data', function answer(chunk: Buffer) {
      if (!chunk.includes('Signing secret')) return;
      child.stdout.off('data', answer);
      child.stdin.write(`${SECRET}x\u007f\r`);
    });
    const { code, stdout } = await ended(child);
    expect(stdout).toContain('Signing secret (not shown):');
    expect(stdout).not.toContain('canary');
    const shown = JSON.parse(stdout.slice(stdout.indexOf('{')));
    const expected = await inProcess(
      ['sign', 'github', '--format', 'json', '--body', '-', '--secret-env', 'S'],
      {
        env: { S: SECRET },
        input: shown.body,
      },
    );
    expect(shown).toEqual(JSON.parse(expected.stdout));
    expect(code).toBe(0);
  });

  test.skipIf(!HAS_TERMINALS)('Ctrl+C ends the question with 130', async () => {
    const command = [process.execPath, ...NODE_ARGS, 'sign', 'github'];
    const child = spawn('script', ['-qec', command.map((word) => `'${word}'`).join(' '), '/dev/null']);
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('Signing secret')) child.stdin.write('canary\u0003');
    });
    const { code, stdout } = await ended(child);
    expect(code).toBe(130);
    expect(stdout).toContain('Interrupted.');
    expect(stdout).not.toContain('canary');
    expect(stdout).not.toContain('    at ');
  });
});

describe('the process', () => {
  test('survives that its output is not read to the end', async () => {
    const child = start(['senders', '--json']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const { code, stderr } = await ended(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('ends with SIGINT without a word', async () => {
    const child = start(['explain', 'stripe', '-', '--secret-env', 'S'], { env: { S: SECRET } });
    // It reads the standard input as soon as it runs.
    child.stdin?.write('POST / HTTP/1.1\n');
    const end = ended(child);
    await new Promise<void>((resolve) => child.once('spawn', () => resolve()));
    child.kill('SIGINT');
    const { stdout, stderr } = await end;
    expect({ stdout, stderr, signal: child.signalCode }).toEqual({
      stdout: '',
      stderr: '',
      signal: 'SIGINT',
    });
  });

  test.skipIf(!HAS_TERMINALS)('prints no color to a pipe, and none to a terminal with NO_COLOR', async () => {
    const onTerminal = async (env: Record<string, string>) => {
      const command = [process.execPath, ...NODE_ARGS, 'senders', 'stripe']
        .map((word) => `'${word}'`)
        .join(' ');
      const child = spawn('script', ['-qec', command, '/dev/null'], {
        env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
      });
      child.stdin.end();
      return (await ended(child)).stdout;
    };
    expect(await onTerminal({})).toContain('\u001b[1mStripe');
    expect(await onTerminal({ NO_COLOR: '1' })).not.toContain('\u001b[');
    expect((await countersign(['senders', 'stripe'])).stdout).not.toContain('\u001b[');
  });
});
