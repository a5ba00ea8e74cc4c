import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import {
  type Audit,
  type AuditRecord,
  isRotationError,
  type RotateOptions,
  type RotationError,
  type RotationReport,
  type RotationStep,
  rotate,
} from '@countersign/rotation';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { bundleScript } from '../../../test/support/bundled-script.ts';
import { kill, startChildRotation } from './support/child-rotation.ts';
import { accessInPlace, IN_PLACE_NAMES, inPlace, startInPlace } from './support/in-place.ts';
import {
  type MemoryJournal,
  type MemoryTarget,
  memoryJournal,
  memoryTarget,
  scriptedVendor,
} from './support/memory.ts';

const OLD = 'the-secret-before-all';
/** Waits are shortened. */
const clock: Clock = { ...systemClock, schedule: (task, ms) => systemClock.schedule(task, ms / 1000) };

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-audit-'));
  file = join(directory, 'audit.jsonl');
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
});

const lines = async (): Promise<AuditRecord[]> =>
  (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** A rotation in memory, to its end. */
async function run(options: Partial<Omit<RotateOptions, 'dryRun'>> & Pick<RotateOptions, 'vendor'>): Promise<{
  report?: RotationReport;
  error?: unknown;
  target: MemoryTarget;
  journal: MemoryJournal;
}> {
  const target = memoryTarget({ current: OLD });
  const journal = memoryJournal();
  try {
    const report = await rotate({ target, journal, clock, timeoutSeconds: 3600, ...options });
    return { report, target, journal };
  } catch (error) {
    return { error, target, journal };
  }
}

const errorOf = (error: unknown): RotationError =>
  isRotationError(error) ? error : expect.fail(`not a RotationError: ${String(error)}`);

it('every rotation appends one line: who, when, which webhook, which keys, how it ended', async () => {
  const vendor = scriptedVendor(OLD, { takesKey: true });
  const { report } = await run({ vendor, audit: file, actor: 'deploy bot' });
  expect(report?.audit).toEqual({ state: 'written' });
  expect(await lines()).toEqual([
    {
      format: 1,
      action: 'rotate',
      outcome: 'rotated',
      startedAt: expect.stringMatching(/^20\d\d-.*Z$/),
      at: expect.stringMatching(/^20\d\d-.*Z$/),
      actor: 'deploy bot',
      host: expect.any(String),
      pid: process.pid,
      vendor: 'scripted',
      endpointId: 'webhook-1',
      target: 'memory',
      order: 'next-first',
      replaces: expect.stringMatching(/^[0-9a-f]{12}$/),
      current: report?.current,
      previousUntil: report?.previous?.notAfter.toISOString(),
    },
  ]);
  const [line] = await lines();
  expect(line?.replaces).toBe(report?.previous?.id);
});

it('a file is only ever appended to, for its owner alone, and its mode is kept', async () => {
  await run({ vendor: scriptedVendor(OLD), audit: file });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await chmod(file, 0o640);
  await run({ vendor: scriptedVendor(OLD), audit: file });
  expect((await stat(file)).mode & 0o777).toBe(0o640);
  expect(await lines()).toHaveLength(2);
});

it('a line that a killed process has torn does not swallow the next one', async () => {
  await writeFile(file, '{"format":1,"outco');
  await run({ vendor: scriptedVendor(OLD), audit: file });
  const [torn, whole, end] = (await readFile(file, 'utf8')).split('\n');
  expect(torn).toBe('{"format":1,"outco');
  expect(JSON.parse(whole ?? '')).toMatchObject({ outcome: 'rotated' });
  expect(end).toBe('');
});

it('parallel runs never mix their lines', async () => {
  const runs = Array.from({ length: 12 }, () => {
    const target = memoryTarget({ current: OLD });
    return rotate({ vendor: scriptedVendor(OLD), target, journal: memoryJournal(), audit: file });
  });
  await Promise.all(runs);
  expect(await lines()).toHaveLength(12);
});

it('a failure is a line, too: the code, what happened to the secret, and what the support of the vendor asks for', async () => {
  const vendor = scriptedVendor(OLD);
  vendor.script = ['refuses'];
  const { error } = await run({ vendor, audit: file });
  const { code, secretState } = errorOf(error);
  expect(await lines()).toMatchObject([
    { outcome: 'failed', error: { code, secretState }, replaces: expect.any(String) },
  ]);
  expect(secretState).toBe('unchanged');
});

it('an outcome that is not known is written as that', async () => {
  const vendor = scriptedVendor(OLD);
  vendor.script = ['rotates and is not heard', 'is not heard'];
  await run({ vendor, audit: file });
  expect(await lines()).toMatchObject([
    { outcome: 'failed', error: { code: 'ERR_ROTATION_NO_ANSWER', secretState: 'unknown' } },
  ]);
});

it('a run that waits for another one is a line', async () => {
  const journal = memoryJournal();
  journal.holder = 'process 7';
  const { error } = await run({ vendor: scriptedVendor(OLD), audit: file, journal });
  expect(errorOf(error).code).toBe('ERR_ROTATION_LOCKED');
  expect(await lines()).toMatchObject([{ outcome: 'failed', error: { code: 'ERR_ROTATION_LOCKED' } }]);
});

it('a dry run is no rotation', async () => {
  const target = memoryTarget({ current: OLD });
  const vendor = scriptedVendor(OLD);
  await rotate({ vendor, target, journal: memoryJournal(), audit: file, dryRun: true });
  await expect(stat(file)).rejects.toThrow('ENOENT');
});

it.each<[string, () => Promise<Audit>]>([
  ['in a directory that does not exist', async () => join(directory, 'none', 'audit.jsonl')],
  [
    'that is a directory',
    async () => {
      await mkdir(file);
      return file;
    },
  ],
  ['that is a device', async () => '/dev/null'],
  [
    'that is a function that throws',
    async () => () => {
      throw new Error('canary');
    },
  ],
])('an audit %s refuses before anything is done', async (_what, make) => {
  const vendor = scriptedVendor(OLD);
  const { error, target, journal } = await run({ vendor, audit: await make() });
  expect(errorOf(error)).toMatchObject({ code: 'ERR_ROTATION_AUDIT_FAILED', secretState: 'unchanged' });
  expect(errorOf(error).message).not.toContain('canary');
  expect(vendor.calls).toEqual([]);
  expect(target.written).toEqual([]);
  expect(journal.history).toEqual([]);
});

it('a function gets a record before anything is done, and one at the end', async () => {
  const records: AuditRecord[] = [];
  const vendor = scriptedVendor(OLD);
  const calls: string[] = [];
  const { report } = await run({
    vendor,
    audit: async (record) => {
      calls.push(`${record.outcome} after ${vendor.calls.length} calls`);
      records.push(record);
    },
  });
  expect(calls).toEqual(['begun after 0 calls', 'rotated after 1 calls']);
  expect(records[1]?.current).toBe(report?.current);
});

it('an audit that fails at the end never loses the rotation: it is reported, with the line', async () => {
  const warnings: string[] = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)));
  const steps: RotationStep[] = [];
  const { report, target } = await run({
    vendor: scriptedVendor(OLD),
    onStep: (step) => steps.push(step),
    audit: (record) => {
      if (record.outcome !== 'begun') throw new Error('canary');
    },
  });
  expect(report).toMatchObject({
    outcome: 'rotated',
    audit: { state: 'failed', record: { outcome: 'rotated', current: report?.current } },
  });
  expect(target.set).toMatchObject({ current: 'secret-number-1-of-many' });
  expect(steps.at(-1)).toMatchObject({ step: 'audit-failed' });
  expect(warnings.join()).toContain(`"current":"${report?.current}"`);
  expect(JSON.stringify([report, steps, warnings])).not.toContain('canary');
});

it('an audit that fails at the end does not hide why a rotation failed', async () => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const vendor = scriptedVendor(OLD);
  vendor.script = ['refuses'];
  const { error } = await run({
    vendor,
    audit: (record) => {
      if (record.outcome !== 'begun') throw new Error('disk full');
    },
  });
  expect(errorOf(error).code).toBe('ERR_ROTATION_FORBIDDEN');
});

it('no line contains a secret or a credential', { timeout: 120_000 }, async () => {
  const canaries = new Set<string>();
  for (const name of IN_PLACE_NAMES) {
    const sender = await startInPlace(name);
    const { apiKey, apiSecret, privateKey } = sender.credentials;
    const hidden = name === 'github app' ? [privateKey] : [apiKey, apiSecret];
    for (const text of hidden) if (text !== undefined) canaries.add(text);
    const first = sender.secrets().endpoint;
    const target = memoryTarget({ current: first });
    const vendor = inPlace(name).vendor(accessInPlace(name, sender));
    const options = { vendor, target, pollSeconds: 0.01, audit: file };
    sender.api.failNext(404, 'rotate');
    await rotate({ ...options, journal: memoryJournal() }).catch(() => undefined);
    await rotate({ ...options, journal: memoryJournal() });
    for (const secret of [first, sender.secrets().endpoint]) canaries.add(secret.replace('whsec_', ''));
    await sender.close();
  }
  const text = await readFile(file, 'utf8');
  expect(await lines()).toHaveLength(2 * IN_PLACE_NAMES.length);
  for (const canary of canaries) expect(text.includes(canary), 'a secret was written').toBe(false);
});

it('the run after a killed one writes what became of it', { timeout: 120_000 }, async () => {
  const script = await bundleScript(new URL('./support/rotate-child.ts', import.meta.url));
  const path = join(directory, 'secrets.json');
  const sender = await startInPlace('nylas');
  try {
    await writeFile(path, JSON.stringify({ current: sender.secrets().endpoint }));
    const access = accessInPlace('nylas', sender);
    const killAt = async (stopAfter: string): Promise<void> => {
      const { child, end } = await startChildRotation(script.path, { access, path, audit: file, stopAfter });
      expect(end).toBe(`stopped after ${stopAfter}`);
      await kill(child);
    };
    const { fileTarget } = await import('@countersign/rotation');
    const next = () =>
      rotate({
        vendor: inPlace('nylas').vendor(access),
        target: fileTarget(path),
        pollSeconds: 0.05,
        audit: file,
      });

    await killAt('answered');
    const again = await next();
    await killAt('checked');
    const finished = await next();
    expect([again.outcome, finished.outcome]).toEqual(['rotated-again', 'finished']);
    // A killed run writes nothing itself.
    expect(await lines()).toMatchObject([
      {
        outcome: 'rotated-again',
        current: again.current,
        interrupted: { step: 'calling', replaces: again.previous?.id, at: expect.any(String) },
      },
      {
        outcome: 'finished',
        current: finished.current,
        interrupted: { step: 'stored', replaces: again.current },
      },
    ]);
  } finally {
    await sender.close();
    await script.remove();
  }
});

it('"audit" and "actor" are checked', async () => {
  const common = {
    vendor: scriptedVendor(OLD),
    target: memoryTarget({ current: OLD }),
    journal: memoryJournal(),
  };
  const wrong = [{ audit: '' }, { audit: 7 }, { audit: file, actor: '' }] as unknown as { audit: string }[];
  for (const options of wrong) {
    await expect(rotate({ ...common, ...options })).rejects.toThrow(/"(?:audit|actor)"/);
  }
});
