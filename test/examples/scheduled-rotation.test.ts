import { spawn, spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { redisLock } from '@countersign/rotation';
import { type SimulatedSender, simulateGithub, simulateSender } from '@countersign-internal/simulator';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { bundleScript } from '../support/bundled-script.ts';
import { describeWith } from '../support/servers/available.ts';
import { acquirePostgres } from '../support/servers/postgres-server.ts';
import { acquireRedis } from '../support/servers/redis-server.ts';

const FOLDER = new URL('../../examples/scheduled-rotation/', import.meta.url);
const script = await bundleScript(new URL('src/main.ts', FOLDER));
afterAll(script.remove);

type Fields = Record<string, string[]>;

/** The sections of a unit file. */
async function unit(name: string): Promise<Record<string, Fields>> {
  const sections: Record<string, Fields> = {};
  let section: Fields = {};
  for (const line of (await readFile(new URL(`systemd/${name}`, FOLDER), 'utf8')).split('\n')) {
    const [, title] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (title !== undefined) {
      section = {};
      sections[title] = section;
    } else if (key !== undefined && value !== undefined) {
      section[key] = [...(section[key] ?? []), value];
    } else if (line !== '' && !line.startsWith('#')) {
      expect.fail(`${name} has a line that is none: ${line}`);
    }
  }
  return sections;
}

/** The variables that the script reads. */
async function settings(): Promise<Set<string>> {
  const text = await readFile(new URL('src/main.ts', FOLDER), 'utf8');
  const names = [...text.matchAll(/'([A-Z][A-Z_]{5,})'/g)].map(([, name = '']) => name);
  return new Set([...names, ...names.map((name) => `${name}_FILE`)]);
}

describe('the CronJob', () => {
  it('is one, lets no two runs overlap, and starts again what was stopped', async () => {
    const job = parse(await readFile(new URL('kubernetes/cronjob.yaml', FOLDER), 'utf8'));
    expect(job).toMatchObject({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: expect.stringMatching(/^[a-z0-9-]{1,52}$/) },
      spec: {
        schedule: expect.stringMatching(/^(?:[\d*,/-]+ ){4}[\d*,/-]+$/),
        concurrencyPolicy: 'Forbid',
        startingDeadlineSeconds: expect.any(Number),
        jobTemplate: { spec: { backoffLimit: 4, template: { spec: { restartPolicy: 'Never' } } } },
      },
    });
    const { spec } = job.spec.jobTemplate.spec.template;
    const [container] = spec.containers;
    const [rule] = job.spec.jobTemplate.spec.podFailurePolicy.rules;
    expect(rule.onExitCodes).toEqual({ containerName: container.name, operator: 'In', values: [75] });
    const volumes = spec.volumes.map(({ name }: { name: string }) => name);
    for (const { name, mountPath } of container.volumeMounts) {
      expect(volumes).toContain(name);
      expect(mountPath).toMatch(/^\//);
    }
    const known = await settings();
    for (const { name, value, valueFrom } of container.env) {
      expect([...known]).toContain(name);
      expect(value ?? valueFrom).toBeDefined();
    }
    expect(JSON.stringify(job)).not.toMatch(/whsec_|sk_live/);
  });
});

describe('the systemd units', () => {
  it('belong together, and the service sets what the script reads', async () => {
    const timer = await unit('rotate-polyai.timer');
    const service = await unit('rotate-polyai.service');
    expect(timer.Timer?.Unit).toEqual(['rotate-polyai.service']);
    expect(timer.Timer?.Persistent).toEqual(['true']);
    expect(timer.Install?.WantedBy).toEqual(['timers.target']);
    expect(service.Service).toMatchObject({ Type: ['oneshot'], SuccessExitStatus: ['75'], UMask: ['0077'] });
    const known = await settings();
    for (const assignment of service.Service?.Environment ?? []) {
      expect([...known]).toContain(assignment.split('=')[0]);
    }
  });
});

const describeWithSystemd = await describeWith('systemd');

describeWithSystemd('the systemd units', () => {
  it('are valid for systemd', { timeout: 60_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'countersign-units-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const paths = ['rotate-polyai.service', 'rotate-polyai.timer'].map((name) => join(directory, name));
    for (const path of paths) {
      await copyFile(fileURLToPath(new URL(`systemd/${path.split('/').at(-1)}`, FOLDER)), path);
    }
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
      encoding: 'utf8',
      env: { ...process.env, SYSTEMD_LOG_LEVEL: 'notice' },
    });
    // Other units of this machine are not ours.
    const ours = stderr.split('\n').filter((line) => line.includes('rotate-polyai'));
    expect(ours).toEqual([]);
    expect(status, stderr).toBe(0);
    const calendar = (await unit('rotate-polyai.timer')).Timer?.OnCalendar?.[0] ?? '';
    expect(spawnSync('systemd-analyze', ['calendar', calendar]).status).toBe(0);
  });
});

interface Place {
  readonly directory: string;
  readonly sender: SimulatedSender;
  readonly env: Record<string, string>;
}

async function openPlace(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-scheduled-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const sender = await simulateSender({ vendor: 'polyai', receiverUrl: 'http://127.0.0.1:9/' });
  onTestFinished(() => sender.close());
  const path = join(directory, 'polyai.json');
  await writeFile(path, JSON.stringify({ current: sender.secrets().endpoint }), { mode: 0o600 });
  await writeFile(join(directory, 'key'), `${sender.credentials.apiKey}\n`);
  const env = {
    POLYAI_ENDPOINT_ID: sender.endpointId,
    POLYAI_API_KEY_FILE: join(directory, 'key'),
    POLYAI_URL: sender.apiUrl,
    SECRETS_FILE: path,
    JOURNAL_FILE: join(directory, 'journal'),
    POLL_SECONDS: '0.5',
  };
  return { directory, sender, env };
}

function run(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [script.path], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      output += part;
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

describe('the script', { timeout: 60_000 }, () => {
  it('rotates, and has what GitHub gave up on sent again', async () => {
    const { sender, env, directory } = await openPlace();
    const github = await simulateGithub({ receiverUrl: 'http://127.0.0.1:9/' });
    onTestFinished(() => github.close());
    await github.emit();
    await writeFile(join(directory, 'token'), github.access.token ?? '');
    const { code, output } = await run({
      ...env,
      GITHUB_REPOSITORY: 'acme/shop',
      GITHUB_HOOK_ID: github.access.hookId ?? '',
      GITHUB_TOKEN_FILE: join(directory, 'token'),
      GITHUB_URL: github.apiUrl,
    });
    expect(code, output).toBe(0);
    expect(output).toMatch(/The secret was rotated\./);
    expect(output).toMatch(/1 deliveries were missed, 1 sent again\./);
    expect(await readFile(env.SECRETS_FILE ?? '', 'utf8')).toContain(sender.secrets().endpoint);
    expect(output).not.toContain(sender.secrets().endpoint);
  });

  it('says what is not set', async () => {
    const { code, output } = await run({});
    expect([code, output]).toEqual([1, expect.stringMatching(/POLYAI_ENDPOINT_ID is not set/)]);
  });
});

const describeWithServers = await describeWith('redis', 'postgres');

describeWithServers('two runs at the same time', { timeout: 60_000 }, () => {
  let redis: Awaited<ReturnType<typeof acquireRedis>>;
  let postgres: Awaited<ReturnType<typeof acquirePostgres>>;
  beforeAll(async () => {
    [redis, postgres] = await Promise.all([acquireRedis(), acquirePostgres()]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([redis?.stop(), postgres?.stop()]);
  });

  it.each(['file', 'redis', 'postgres'] as const)(
    'with the lock in %s: one works, the other says that it is locked',
    async (kind) => {
      const { sender, env } = await openPlace();
      const url = { file: '', redis: redis.url, postgres: postgres.url }[kind];
      const ends = await Promise.all([
        run({ ...env, ROTATION_LOCK: url }),
        run({ ...env, ROTATION_LOCK: url }),
      ]);
      const codes = ends.map(({ code }) => code).sort();
      // If one had ended before the other began, both have worked, one after the other.
      const rotations = sender.api.calls().length;
      expect(codes, ends.map(({ output }) => output).join('\n')).toEqual(rotations === 2 ? [0, 0] : [0, 75]);
      expect(rotations === 2 || ends.some(({ output }) => output.includes('ERR_ROTATION_LOCKED'))).toBe(true);
    },
  );

  it('ends with 75, if the lock is held elsewhere, and calls nobody', async () => {
    const { sender, env } = await openPlace();
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    const key = 'rotation:polyai';
    const lock = await redisLock({ client, key })();
    if ('heldBy' in lock) return expect.fail(lock.heldBy);
    const { code, output } = await run({ ...env, ROTATION_LOCK: redis.url });
    await lock.release();
    expect(code, output).toBe(75);
    expect(sender.api.calls()).toEqual([]);
  });
});
