import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileTarget, type RotationReport, type RotationStepName, rotate } from '@countersign/rotation';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleScript } from '../../../test/support/bundled-script.ts';
import { kill, startChildRotation } from './support/child-rotation.ts';
import {
  accessInPlace,
  IN_PLACE_NAMES,
  type InPlaceName,
  inPlace,
  startInPlace,
} from './support/in-place.ts';
import { startReceiver } from './support/receiver.ts';

const script = await bundleScript(new URL('./support/rotate-child.ts', import.meta.url));
afterAll(script.remove);

const PER_SECOND = 30;
/** The waits between attempts, shortened: a retry comes after a second or so, and the others well after the next run. */
const TIME_SCALE: Partial<Record<InPlaceName, number>> = { nylas: 1 / 200, lemonSqueezy: 1 / 10 };

const STEPS: RotationStepName[] = [
  'locked',
  'announced',
  'waited',
  'calling',
  'answered',
  'stored',
  'checked',
  'closed',
];
const stepsOf = (name: InPlaceName): RotationStepName[] =>
  STEPS.filter((step) => step !== 'waited' || inPlace(name).isOwn || name === 'nylas');

/** What the next run says that it did. */
function outcomeAfter(name: InPlaceName, step: RotationStepName): RotationReport['outcome'] {
  if (step === 'stored' || step === 'checked') return 'finished';
  const { isOwn, isReadable } = inPlace(name);
  if (step === 'answered' && isReadable) return 'finished';
  const isUnknown = !isOwn && !isReadable && (step === 'calling' || step === 'answered');
  return isUnknown ? 'rotated-again' : 'rotated';
}

// One process each: this only ends what hangs.
describe.concurrent('kill -9 under traffic', { timeout: 300_000 }, () => {
  // These differ from another row only in a path and the credentials.
  const ALIKE: readonly InPlaceName[] = ['github organization', 'github app', 'gitlab group token'];
  const cases = IN_PLACE_NAMES.flatMap((name) =>
    (ALIKE.includes(name) ? (['answered'] as const) : stepsOf(name)).map((step) => [name, step] as const),
  );

  it.each(cases)('%s, after "%s"', async (name, step) => {
    const directory = await mkdtemp(join(tmpdir(), 'countersign-in-place-crash-'));
    const path = join(directory, 'secrets.json');
    const receiver = await startReceiver();
    const sender = await startInPlace(name, {
      receiverUrl: receiver.url,
      timeScale: TIME_SCALE[name] ?? 1 / 60,
      // A busy machine must not look like a receiver that is down.
      timeoutSeconds: 60,
    });
    const children: ChildProcess[] = [];
    try {
      const first = sender.secrets().endpoint;
      await writeFile(path, JSON.stringify({ current: first }), { mode: 0o600 });
      await receiver.load(inPlace(name).scheme(), path);
      const access = accessInPlace(name, sender);

      const stopLoad = sender.run({ perSecond: PER_SECOND });
      const { child, end } = await startChildRotation(script.path, {
        access,
        path,
        healthUrl: receiver.healthUrl,
        stopAfter: step,
      });
      children.push(child);
      expect(end).toBe(`stopped after ${step}`);
      await delay(300);
      await kill(child);
      await delay(100);
      const vendor = inPlace(name).vendor(access);
      const health = async () => JSON.parse(await (await fetch(receiver.healthUrl)).text());
      const { outcome } = await rotate({ vendor, target: fileTarget(path), health, waitSeconds: 60 });
      await delay(200);
      await stopLoad();

      expect(outcome).toBe(outcomeAfter(name, step));
      const set = JSON.parse(await readFile(path, 'utf8'));
      expect(set.current).toBe(sender.secrets().endpoint);
      expect(set.current).not.toBe(first);
      expect(set).not.toHaveProperty('next');
      expect(set).not.toHaveProperty('rotating');
      const previous = set.previous.map(({ secret }: { secret: string }) => secret);
      if (step === 'closed') expect(previous.at(-1)).toBe(first);
      else expect(previous).toEqual([first]);
      expect(await readdir(directory)).toEqual(['secrets.json']);

      const events = sender.events().filter(({ sequence }) => sequence !== undefined);
      const lost = events.filter(({ state }) => state !== 'delivered');
      // Retries that repeat a signature by an unknown secret can't be verified.
      if (name === 'nylas' && step === 'answered') expect(lost.length).toBeGreaterThan(0);
      else expect(lost).toEqual([]);
      // With a secret of one's own there is no gap: no delivery is refused even once.
      if (inPlace(name).isOwn) expect(sender.stats().retried).toBe(0);
      const delivered = events.filter(({ state }) => state === 'delivered').map(({ sequence }) => sequence);
      expect([...receiver.runs.keys()].sort((a, b) => a - b)).toEqual(delivered);
      expect(new Set(receiver.runs.values())).toEqual(new Set([1]));
    } finally {
      await Promise.all(children.map(kill));
      await sender.close();
      await receiver.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
