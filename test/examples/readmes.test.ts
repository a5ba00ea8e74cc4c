import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ReadmeCommand, readmeCommands } from '../support/readme-commands.ts';
import { describeWith, type Need } from '../support/servers/available.ts';
import { endWithUs } from '../support/servers/end-with-us.ts';
import { freePort } from '../support/servers/free-port.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { startRedis } from '../support/servers/redis-server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = new URL('../../examples/', import.meta.url);
const names = readdirSync(EXAMPLES).filter((name) => existsSync(new URL(`${name}/package.json`, EXAMPLES)));

/** The servers that a README says are needed. */
const SERVERS: Readonly<
  Record<string, readonly { need: Need; variable: string; start: typeof startRedis }[]>
> = {
  orders: [{ need: 'postgres-server', variable: 'DATABASE_URL', start: startPostgres }],
  queue: [
    { need: 'postgres-server', variable: 'DATABASE_URL', start: startPostgres },
    { need: 'redis-server', variable: 'REDIS_URL', start: startRedis },
  ],
};

/** A command of a README, in a shell at the root of the repository. */
class Command {
  readonly #shell: ChildProcess;
  output = '';
  readonly ended: Promise<number | null>;

  constructor(command: string, env: NodeJS.ProcessEnv = {}) {
    // A group of its own: npm, its shell and the app end together.
    this.#shell = spawn('sh', ['-c', command], {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env, NODE_ENV: '' },
    });
    const { pid = 0 } = this.#shell;
    const dismiss = endWithUs(-pid);
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => {
        this.output += stripVTControlCharacters(part);
      });
    }
    this.ended = once(this.#shell, 'close').then(([code]) => {
      dismiss();
      return code;
    });
  }

  /** As Ctrl+C does. Resolves when all its processes are gone. */
  async interrupt(): Promise<void> {
    const { pid = 0 } = this.#shell;
    if (this.#shell.exitCode === null && this.#shell.signalCode === null) process.kill(-pid, 'SIGINT');
    // The pipes are closed when the last process that writes to them has ended.
    await this.ended;
  }
}

function expectLines(output: string, lines: readonly RegExp[]): void {
  for (const line of lines) expect(output).toMatch(line);
}

/** The same on another port: 3000 may be in use. */
function onPort(port: number, { command, prints, appLogs }: ReadmeCommand): ReadmeCommand {
  const move = (line: RegExp) => new RegExp(line.source.replaceAll('3000', String(port)), line.flags);
  return {
    command: command.replaceAll(':3000/', `:${port}/`),
    prints: prints.map(move),
    appLogs: appLogs.map(move),
  };
}

/** It takes half a minute, and its own tests run it: there, this is checked too. */
const RUN_BY_ITS_TESTS = 'rotation';

for (const name of names.filter((each) => each !== RUN_BY_ITS_TESTS)) {
  const servers = SERVERS[name] ?? [];
  const describeWithServers =
    servers.length === 0 ? describe : await describeWith(...servers.map(({ need }) => need));

  describeWithServers(`the README of examples/${name}`, () => {
    test('its commands do what it shows', async () => {
      const env: Record<string, string> = {};
      for (const { variable, start } of servers) {
        const server = await start();
        onTestFinished(() => server.stop());
        env[variable] = server.url;
      }
      const port = await freePort();
      const [first, ...others] = readmeCommands(new URL(`${name}/README.md`, EXAMPLES)).map((command) =>
        onPort(port, command),
      );
      if (first === undefined) return expect.fail('It has no command.');
      expect(first.command).toMatch(new RegExp(`^npm start -w examples/${name}( |$)`));
      const app = new Command(first.command, { ...env, PORT: String(port) });
      onTestFinished(() => app.interrupt());
      const exits = first.prints.length > 0;
      if (exits) expect(await app.ended, app.output).toBe(0);
      expectLines(app.output, first.prints);
      await vi.waitFor(() => expectLines(app.output, first.appLogs), { interval: 20 });
      for (const { command, prints, appLogs } of others) {
        const run = new Command(command);
        onTestFinished(() => run.interrupt());
        expect(await run.ended, run.output).toBe(0);
        expectLines(run.output, prints);
        await vi.waitFor(() => expectLines(app.output, appLogs), { interval: 20 });
      }
      // Each one shows something, and an app can be tried.
      expect(first.prints.length + first.appLogs.length).toBeGreaterThan(0);
      expect(exits || others.some(({ command }) => command.includes('countersign -- send'))).toBe(true);
    });
  });
}

describe('npm run example', () => {
  test('without a name: lists all examples, each with what it shows', async () => {
    const list = new Command('npm run example');
    expect(await list.ended, list.output).toBe(0);
    for (const name of names) {
      const { description } = JSON.parse(readFileSync(new URL(`${name}/package.json`, EXAMPLES), 'utf8'));
      expect(description).toMatch(/^[a-z].{20,100}[^.]$/);
      expect(list.output).toMatch(new RegExp(`^ {2}${name} +${description}$`, 'm'));
    }
  });

  test('with an unknown name: says so, and lists them', async () => {
    const unknown = new Command('npm run example -- expres');
    expect(await unknown.ended).toBe(2);
    expect(unknown.output).toMatch(/^There is no example "expres"\.$/m);
    for (const name of names) expect(unknown.output).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  });

  test('with a name: starts it, and ends with it', async () => {
    const run = new Command('npm run example -- express', { PORT: '0' });
    onTestFinished(() => run.interrupt());
    await vi.waitFor(() => expect(run.output).toMatch(/listening on port \d+/));
    await run.interrupt();
    expect(run.output).not.toMatch(/error/i);
  });

  test('with a name and more: passes it on', async () => {
    const run = new Command('npm run example -- queue kafka', { DATABASE_URL: '' });
    expect(await run.ended).not.toBe(0);
    expect(run.output).toMatch(/^Name a queue: bullmq, rabbitmq, sqs$/m);
  });
});
