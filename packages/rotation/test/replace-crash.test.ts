import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileTarget, type RotationStepName, rotate } from '@countersign/rotation';
import { type SimulatedEndpoints, simulateEndpoints } from '@countersign-internal/simulator';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleScript } from '../../../test/support/bundled-script.ts';
import { kill, startChildRotation } from './support/child-rotation.ts';
import {
  accountOf,
  type EndpointWebhookName,
  endpointAccess,
  endpointScheme,
  endpointVendor,
} from './support/endpoint-webhooks.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import type { ChildOrder } from './support/rotate-child.ts';

const script = await bundleScript(new URL('./support/rotate-child.ts', import.meta.url));
afterAll(script.remove);

const PER_SECOND = 20;
const OVERLAP_SECONDS = 1;
const NAMES = ['stripe', 'agentMessage'] as const;
const STEPS: RotationStepName[] = [
  'locked',
  'announced',
  'calling',
  'answered',
  'stored',
  'checked',
  'overlapping',
  'removing',
  'removed',
  'closed',
];

interface Fixture {
  readonly account: SimulatedEndpoints;
  readonly receiver: Receiver;
  readonly directory: string;
  readonly path: string;
  readonly firstSecret: string;
  startChild(how: Pick<ChildOrder, 'stopAfter' | 'stopBefore'>): ReturnType<typeof startChildRotation>;
  rotate(): ReturnType<typeof rotate>;
}

async function withFixture(
  name: EndpointWebhookName,
  work: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-replace-'));
  const path = join(directory, 'secrets.json');
  const receiver = await startReceiver();
  const account = await simulateEndpoints(accountOf(name), {
    receiverUrl: receiver.url,
    attemptsAfterSeconds: [0, 0.5, 1, 1, 1, 1, 1, 1],
    // Not the vendor's: this machine may be slow.
    timeoutSeconds: 120,
  });
  const children: ChildProcess[] = [];
  try {
    const firstSecret = account.endpoints()[0]?.secret ?? '';
    await writeFile(path, JSON.stringify({ current: firstSecret }), { mode: 0o600 });
    await receiver.load(endpointScheme(name), path);
    const access = endpointAccess(name, account);
    await work({
      account,
      receiver,
      directory,
      path,
      firstSecret,
      async startChild(how) {
        const order = { access, path, overlapSeconds: OVERLAP_SECONDS, ...how };
        const started = await startChildRotation(script.path, order);
        children.push(started.child);
        return started;
      },
      rotate: () =>
        rotate({
          vendor: endpointVendor(access),
          target: fileTarget(path),
          pollSeconds: 0.1,
          overlapSeconds: OVERLAP_SECONDS,
        }),
    });
  } finally {
    await Promise.all(children.map(kill));
    await account.close();
    await receiver.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Exactly one endpoint is left, its secret is the only `current` one, and nothing else is left anywhere. */
async function expectReplaced({ account, directory, path, firstSecret }: Fixture): Promise<void> {
  const endpoints = account.endpoints();
  expect(endpoints).toHaveLength(1);
  expect(endpoints[0]?.id).not.toBe(account.firstId);
  const set = JSON.parse(await readFile(path, 'utf8'));
  expect(set.current).toBe(endpoints[0]?.secret);
  expect(set.current).not.toBe(firstSecret);
  expect(set).not.toHaveProperty('next');
  expect(set).not.toHaveProperty('rotating');
  expect(await readdir(directory)).toEqual(['secrets.json']);
}

const isRefusal = (answer: unknown): boolean => typeof answer === 'number' && answer >= 300;

/** Every event arrived by at least one of its copies, and none ran twice. */
function expectNothingLost({ account, receiver }: Fixture): void {
  const events = account.events();
  const lost = events.filter(({ copies }) => !copies.some(({ state }) => state === 'delivered'));
  expect(lost).toEqual([]);
  expect([...receiver.runs.keys()].sort((a, b) => a - b)).toEqual(events.map(({ sequence }) => sequence));
  expect(new Set(receiver.runs.values())).toEqual(new Set([1]));
  // No event had to wait for a retry because of a secret: one of its copies was not refused at its first attempt.
  const late = events.filter(({ copies }) => copies.every(({ answers: [first] }) => isRefusal(first)));
  expect(late).toEqual([]);
}

// One process each, on machines that do much else: this only ends what hangs.
describe.concurrent('kill -9 under traffic, while one endpoint replaces another', {
  timeout: 300_000,
}, () => {
  const outcomeAfter = (step: RotationStepName): string =>
    ['locked', 'announced', 'calling', 'answered', 'closed'].includes(step) ? 'rotated' : 'finished';
  const cases = NAMES.flatMap((name) => STEPS.map((step) => [name, step] as const));

  it.each(cases)('%s, after "%s"', async (name, step) => {
    await withFixture(name, async (fixture) => {
      const { account } = fixture;
      const stopLoad = account.run({ perSecond: PER_SECOND });
      const { child, end } = await fixture.startChild({ stopAfter: step });
      expect(end).toBe(`stopped after ${step}`);
      await delay(200);
      await kill(child);
      await delay(100);
      const report = await fixture.rotate();
      await delay(200);
      await stopLoad();
      expect(report.outcome).toBe(outcomeAfter(step));
      const undone = 'endpoints' in report ? report.endpoints?.undone : undefined;
      expect(undone).toHaveLength(step === 'answered' ? 1 : 0);
      await expectReplaced(fixture);
      expectNothingLost(fixture);
    });
  });
});

// This only ends what hangs.
describe('kill -9 at every call to the system and the vendor', { timeout: 900_000 }, () => {
  const MOST_CALLS = 160;
  const AT_ONCE = 6;

  /** Whether the run has ended before this call. */
  async function killBefore(name: EndpointWebhookName, stopBefore: number): Promise<boolean> {
    let isOver = false;
    await withFixture(name, async (fixture) => {
      const { child, end } = await fixture.startChild({ stopBefore });
      isOver = end.startsWith('done');
      expect(end).toMatch(isOver ? /^done rotated$/ : /^stopped before/);
      await kill(child);
      // Never more than the old endpoint and one other, and never without a secret that receivers have.
      const endpoints = fixture.account.endpoints();
      const known = await readFile(fixture.path, 'utf8');
      expect(endpoints.length, end).toBeLessThanOrEqual(2);
      expect(
        endpoints.some(({ secret }) => known.includes(secret)),
        end,
      ).toBe(true);
      if (!isOver) await fixture.rotate();
      await expectReplaced(fixture);
    });
    return isOver;
  }

  // Stripe's create is idempotent, AgentMessage's is not. Each is killed at every other call, and together they cover all.
  it.each([
    ['stripe', 1],
    ['agentMessage', 2],
  ] as const)('%s', async (name, first) => {
    let next = first;
    let killed = 0;
    let isOver = false;
    const work = async (): Promise<void> => {
      while (!isOver && next <= MOST_CALLS) {
        const stopBefore = next;
        next += 2;
        if (await killBefore(name, stopBefore)) isOver = true;
        else killed++;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(isOver).toBe(true);
    expect(killed).toBeGreaterThan(25);
  });
});
