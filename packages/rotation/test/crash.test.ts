import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createKeyring, type SecretSetInput } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { fileTarget, type RotationReport, type RotationStepName, rotate } from '@countersign/rotation';
import type { SimulatedSender } from '@countersign-internal/simulator';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleScript } from '../../../test/support/bundled-script.ts';
import { kill, startChildRotation } from './support/child-rotation.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import type { ChildOrder } from './support/rotate-child.ts';
import {
  accessTo,
  firstSet,
  placeOf,
  schemeOf,
  secretAt,
  startSender,
  vendorOf,
  WEBHOOKS,
  type WebhookName,
} from './support/webhooks.ts';

const script = await bundleScript(new URL('./support/rotate-child.ts', import.meta.url));
afterAll(script.remove);
const PER_SECOND = 40;

interface Fixture {
  readonly path: string;
  readonly directory: string;
  readonly sender: SimulatedSender;
  readonly receiver: Receiver;
  /** The secret before the first rotation. */
  readonly first: string;
  startChild(options: Pick<ChildOrder, 'stopAfter' | 'stopBefore'>): ReturnType<typeof startChildRotation>;
  rotate(): Promise<RotationReport>;
}

async function withFixture(
  name: WebhookName,
  work: (fixture: Fixture) => Promise<void>,
  options: Parameters<typeof startSender>[1] = {},
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-rotation-crash-'));
  const path = join(directory, 'secrets.json');
  const receiver = await startReceiver();
  const sender = await startSender(name, { receiverUrl: receiver.url, ...options });
  const children: ChildProcess[] = [];
  try {
    await writeFile(path, JSON.stringify(firstSet(name, sender)), { mode: 0o600 });
    await receiver.load(schemeOf(name), path);
    await work({
      path,
      directory,
      sender,
      receiver,
      first: secretAt(name, sender),
      async startChild(how) {
        const started = await startChildRotation(script.path, {
          access: accessTo(name, sender),
          path,
          ...placeOf(name),
          ...how,
        });
        children.push(started.child);
        return started;
      },
      rotate: () =>
        rotate({
          vendor: vendorOf(accessTo(name, sender)),
          target: fileTarget(path),
          pollSeconds: 0.1,
          ...placeOf(name),
        }),
    });
  } finally {
    await Promise.all(children.map(kill));
    await sender.close();
    await receiver.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const read = async (path: string): Promise<SecretSetInput> => JSON.parse(await readFile(path, 'utf8'));
const textOf = (entry: unknown): string =>
  typeof entry === 'string' ? entry : String((entry as { secret: unknown }).secret);
const textsOf = (entries: unknown): string[] => [entries ?? []].flat().map(textOf);

/** What every rotation has to come to, wherever an earlier run was killed. */
async function expectRotated(
  name: WebhookName,
  { path, directory, sender, first }: Fixture,
  previous: readonly string[] = [first],
): Promise<void> {
  const set = await read(path);
  expect(textsOf(set.current)[placeOf(name).replaces ?? 0]).toBe(secretAt(name, sender));
  expect(secretAt(name, sender)).not.toBe(first);
  expect(textsOf(set.previous)).toEqual(previous);
  expect(set).not.toHaveProperty('next');
  expect(set).not.toHaveProperty('rotating');
  expect(await readdir(directory)).toEqual(['secrets.json']);
}

describe.concurrent('kill -9 under traffic', () => {
  const STEPS: RotationStepName[] = [
    'locked',
    'announced',
    'calling',
    'answered',
    'stored',
    'checked',
    'closed',
  ];
  // The waits between attempts, shortened so that a retry comes after a second or so, and the others well after the next run.
  const TIME_SCALE: Readonly<Record<string, number>> = {
    langsmith: 1 / 30,
    agentMessage: 1 / 60,
    polyai: 1 / 60,
    ada: 1 / 10,
    anchorBrowser: 1 / 10,
  };
  /** What the next run says that it did. Ada can be asked what it signs with, so nothing has to be done twice there. */
  function outcomeAfter(name: WebhookName, step: RotationStepName): RotationReport['outcome'] {
    if (step === 'stored' || step === 'checked') return 'finished';
    if (step === 'answered') return name.startsWith('ada') ? 'finished' : 'rotated-again';
    return step === 'calling' && !name.startsWith('ada') ? 'rotated-again' : 'rotated';
  }

  const waits = (name: WebhookName): boolean => name === 'ada custom' || name.startsWith('agentMessage');
  const CASES = WEBHOOKS.flatMap((name) =>
    (waits(name) ? [...STEPS.slice(0, 2), 'waited' as const, ...STEPS.slice(2)] : STEPS).map(
      (step): [WebhookName, RotationStepName] => [name, step],
    ),
  );

  it.each(CASES)('%s, after "%s"', async (name, step) => {
    await withFixture(
      name,
      async (fixture) => {
        const { sender, receiver } = fixture;
        const stopLoad = sender.run({ perSecond: PER_SECOND });
        const { child, end } = await fixture.startChild({ stopAfter: step });
        expect(end).toBe(`stopped after ${step}`);
        await delay(300);
        await kill(child);
        await delay(200);
        const { outcome } = await fixture.rotate();
        await delay(300);
        await stopLoad();

        expect(outcome).toBe(outcomeAfter(name, step));
        if (step !== 'closed') await expectRotated(name, fixture);

        const events = sender.events();
        const lost = events.filter(({ state }) => state !== 'delivered');
        // LangSmith's retries repeat their first signature: a delivery signed with an unknown secret can't be verified.
        if (name === 'langsmith' && step === 'answered') expect(lost.length).toBeGreaterThan(0);
        else expect(lost).toEqual([]);
        const delivered = events.flatMap(({ state, sequence }) =>
          state === 'delivered' ? (sequence ?? 0) : [],
        );
        expect([...receiver.runs.keys()].sort((a, b) => a - b)).toEqual(delivered);
        expect(new Set(receiver.runs.values())).toEqual(new Set([1]));
      },
      { timeScale: TIME_SCALE[name.split(' ')[0] ?? ''] ?? 1 / 60 },
    );
  });
});

// One process after another, sixty of them: this only ends what hangs.
describe.concurrent('kill -9 at every call to the system', { timeout: 900_000 }, () => {
  // The file system's calls and those of the vendor: more than a rotation makes.
  const CALLS = Array.from({ length: 90 }, (_, index) => index + 1);

  it.each(['polyai', 'ada custom'] as const)('%s', async (name) => {
    let calls = 0;
    for (const stopBefore of CALLS) {
      let isOver = false;
      await withFixture(name, async (fixture) => {
        const { sender, path, directory, first } = fixture;
        const { child, end } = await fixture.startChild({ stopBefore });
        isOver = end.startsWith('done');
        expect(end).toMatch(isOver ? /^done rotated$/ : /^stopped before/);
        await kill(child);

        // Whatever signs now, receivers either have it or know that something is going on.
        const keyring = createKeyring(fileSecrets(path), { scheme: schemeOf(name) });
        await keyring.ready();
        await keyring.close();
        const set = await read(path);
        const known = [set.current, set.previous, set.next].flatMap(textsOf).includes(secretAt(name, sender));
        expect(known || set.rotating !== undefined, end).toBe(true);

        if (isOver) return;
        const isClosed = (await readdir(directory)).every((file) => !file.endsWith('.rotation'));
        const { outcome } = await fixture.rotate();
        // A run that was killed after its end is over: the next one is another rotation.
        const before = textsOf(set.current)[0] ?? '';
        const previous = isClosed && before !== first ? [before, first] : [first];
        await expectRotated(name, fixture, previous);
        if (previous.length > 1) expect(outcome).toBe('rotated');
      });
      if (isOver) break;
      calls++;
    }
    expect(calls).toBeGreaterThan(30);
    expect(calls).toBeLessThan(CALLS.length);
  });
});
