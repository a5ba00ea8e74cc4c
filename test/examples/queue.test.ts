import { setTimeout as delay } from 'node:timers/promises';
import { tamper } from '@countersign/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ExampleProcess } from '../support/example-process.ts';
import { type Attempt, bundleQueueExample, QueueExample, SECRET, signed } from '../support/queue-example.ts';
import { describeWith } from '../support/servers/available.ts';
import { QUEUE_BROKERS } from '../support/servers/queue-brokers.ts';

const DELIVERIES = 300;
const SENDERS = 12;
const KILLS = 4;

const scripts = await bundleQueueExample();
afterAll(() => scripts.remove());

for (const { name, needs, start } of QUEUE_BROKERS) {
  const describeWithServers = await describeWith('postgres-server', ...needs);

  describeWithServers(`the example of a queue, with ${name}`, () => {
    let example: QueueExample;
    beforeAll(async () => {
      example = await QueueExample.start(name, scripts, start);
    });
    afterAll(() => example?.stop());

    test('handles a delivery once, and recognizes its retry', async () => {
      expect(await example.send(signed('first'))).toBe(204);
      expect(await example.send(signed('first'))).toBe(200);
      await vi.waitFor(async () => expect(await example.effects('first')).toEqual(new Map([['first', 1]])));
    });

    test('queues nothing that was tampered with', async () => {
      expect(await example.send(tamper(signed('forged')))).toBe(401);
      await example.untilIdle();
      expect(await example.effects('forged')).toEqual(new Map());
      expect(example.receiver.output).not.toContain('queued forged');
    });

    test('responds while the worker is busy, and does the work after a kill in the middle of it', async () => {
      const letGo = await example.holdWork();
      expect(await example.send(signed('held'))).toBe(204);
      await example.workWaits();
      expect(await example.send(signed('held too'))).toBe(204);
      await example.worker.end('SIGKILL');
      await letGo();
      expect(await example.effects('held')).toEqual(new Map());
      await example.worker.start();
      const both = new Map([
        ['held', 1],
        ['held too', 1],
      ]);
      await vi.waitFor(async () => expect(await example.effects('held')).toEqual(both));
      await example.untilIdle();
      expect(await example.effects('held')).toEqual(both);
    });

    test('does the work once if the receiver forgets what it has queued', async () => {
      expect(await example.send(signed('forgotten'))).toBe(204);
      await example.receiver.end('SIGKILL');
      await example.startReceiver();
      expect(await example.send(signed('forgotten'))).toBe(204);
      await example.untilIdle();
      expect(await example.effects('forgotten')).toEqual(new Map([['forgotten', 1]]));
    });

    test('does the work of a job that failed before', async () => {
      await example.pool.query('ALTER TABLE events RENAME TO elsewhere');
      expect(await example.send(signed('failing'))).toBe(204);
      await vi.waitFor(() => expect(example.worker.output).toMatch(/failed: .*"events" does not exist/));
      await example.pool.query('ALTER TABLE elsewhere RENAME TO events');
      await vi.waitFor(async () =>
        expect(await example.effects('failing')).toEqual(new Map([['failing', 1]])),
      );
    });

    test('loses nothing and does nothing twice when receiver and worker are killed again and again', async (context) => {
      const startedAt = performance.now();
      const ids = Array.from({ length: DELIVERIES }, (_, number) => `kill-${number}`);
      const attempts: Attempt[] = [];
      let accepted = 0;
      const waiting = [...ids];
      const senders = Array.from({ length: SENDERS }, async () => {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
          attempts.push(...(await example.deliver(id)));
          accepted += 1;
          // The response may be lost on its way, so a sender also repeats what was accepted.
          if (accepted % 5 === 0) attempts.push(...(await example.deliver(id)));
        }
      });
      /** Kills at a random moment of each part of the run. */
      async function killer(process: ExampleProcess, again: () => Promise<unknown>): Promise<void> {
        for (let kill = 0; kill < KILLS; kill++) {
          const at = ((kill + 0.2 + 0.6 * Math.random()) / KILLS) * DELIVERIES * 0.9;
          await vi.waitFor(() => expect(accepted).toBeGreaterThan(at), { interval: 1 });
          await delay(30 * Math.random());
          await process.end('SIGKILL');
          await again();
        }
      }
      await Promise.all([
        ...senders,
        killer(example.receiver, () => example.startReceiver()),
        killer(example.worker, () => example.worker.start()),
      ]);
      await vi.waitFor(async () => expect((await example.effects('kill-')).size).toBe(DELIVERIES), {
        interval: 100,
      });
      await example.untilIdle();
      const counted = await example.effects('kill-');
      expect(ids.filter((id) => !counted.has(id))).toEqual([]);
      expect([...counted].filter(([, times]) => times !== 1)).toEqual([]);
      expect(await example.broker.dead()).toBe(0);
      // The kills were felt.
      const unanswered = attempts.filter((status) => status === undefined).length;
      expect(unanswered).toBeGreaterThan(0);
      const skipped = example.worker.output.match(/^skipped kill-/gm)?.length ?? 0;
      await context.annotate(
        `${attempts.length} attempts for ${DELIVERIES} deliveries, ${unanswered} without a response; ${skipped} jobs came again ` +
          `after they were done; ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
      );
    });

    if (name !== 'sqs') {
      test('does not accept what the queue has not confirmed', async () => {
        await example.broker.pause?.();
        const response = example.send(signed('unconfirmed'));
        expect(await Promise.race([response, delay(300, 'none yet')])).toBe('none yet');
        expect(example.receiver.output).not.toContain('queued unconfirmed');
        await example.broker.resume?.();
        expect(await response).toBe(204);
        await vi.waitFor(async () =>
          expect(await example.effects('unconfirmed')).toEqual(new Map([['unconfirmed', 1]])),
        );
      });
    }

    test('ends by itself on a signal, and shows no secret', async () => {
      expect(await example.receiver.end('SIGTERM')).toEqual([0, null]);
      expect(await example.worker.end('SIGTERM')).toEqual([0, null]);
      expect(example.receiver.output + example.worker.output).not.toContain(SECRET);
    });
  });
}

describe.each([
  { given: 'no queue', names: [] },
  { given: 'an unknown queue', names: ['kafka'] },
])('with $given', ({ names }) => {
  test('names those that there are', async () => {
    const process = new ExampleProcess([scripts.receiver.path, ...names], {}, /Name a queue: (.*)/);
    const [, known] = await process.start();
    expect(known).toBe('bullmq, rabbitmq, sqs');
    await vi.waitFor(() => expect(process.isRunning).toBe(false));
  });
});
