import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { bundleQueueExample, QueueExample, signed } from '../support/queue-example.ts';
import { describeWith } from '../support/servers/available.ts';
import { QUEUE_BROKERS } from '../support/servers/queue-brokers.ts';

// The database of the worker is down, for longer than any queue retries a job: the outage must use up no attempts.

// A thousandth of the real time. BullMQ gives up a job that fails after 511 of these, RabbitMQ after 963, SQS after 20 receives.
const RETRY_MS = 1;
/** Far more than the attempts of all jobs together, so a queue that counts them gives up the jobs before the outage ends. */
const REFUSED = 3600;
const JOBS = 12;

const scripts = await bundleQueueExample();
afterAll(() => scripts.remove());

for (const { name, needs, start } of QUEUE_BROKERS) {
  const describeWithServers = await describeWith('postgres-server', ...needs);

  describeWithServers(`the example of a queue, with ${name}, while its database is down`, () => {
    let example: QueueExample;
    beforeAll(async () => {
      // In SQS, what fails waits for the lock: 20 times this is a second.
      const lockSeconds = name === 'sqs' ? 0.05 : 1;
      example = await QueueExample.start(name, scripts, start, { retryMs: RETRY_MS, lockSeconds });
    });
    afterEach(() => void example.outages.end());
    afterAll(() => example?.stop());

    /** The outage lasts until the worker has tried so often, or a job was given up. */
    async function lasts(refused: number): Promise<void> {
      await vi.waitUntil(async () => (await example.broker.dead()) > 0 || example.outages.refused > refused);
      expect(await example.broker.dead()).toBe(0);
    }

    test('gives up no job, and does each once afterwards', async (context) => {
      const letGo = await example.holdWork();
      expect(await example.send(signed('outage-at-work'))).toBe(204);
      await example.workWaits();
      example.outages.begin();
      await letGo();
      const startedAt = performance.now();
      const ids = Array.from({ length: JOBS }, (_, number) => `outage-${number}`);
      for (const id of ids) expect(await example.send(signed(id))).toBe(204);
      await lasts(REFUSED);
      const seconds = (performance.now() - startedAt) / 1000;
      await context.annotate(`${example.outages.end()} connections refused in ${seconds.toFixed(1)} s`);
      const once = new Map(['outage-at-work', ...ids].map((id) => [id, 1]));
      await vi.waitFor(async () => expect(await example.effects('outage-')).toEqual(once));
      await example.untilIdle();
      expect(await example.effects('outage-')).toEqual(once);
      expect(await example.broker.dead()).toBe(0);
      // A connection that broke in the middle of the work did not end the worker, and no job failed.
      expect(example.worker.isRunning).toBe(true);
      expect(example.worker.output).not.toContain(' failed: ');
    });

    test('ends on a signal, and the next worker does the job', async () => {
      example.outages.begin();
      expect(await example.send(signed('left behind'))).toBe(204);
      await lasts(10);
      expect(await example.worker.end('SIGTERM')).toEqual([0, null]);
      example.outages.end();
      // The other two count each delivery. BullMQ counts only what fails.
      if (name === 'bullmq') expect(example.worker.output).not.toContain(' failed: ');
      await example.worker.start();
      const once = new Map([['left behind', 1]]);
      await vi.waitFor(async () => expect(await example.effects('left behind')).toEqual(once));
    });

    test('gives up a job whose own work fails', async () => {
      await example.pool.query('ALTER TABLE events RENAME TO elsewhere');
      expect(await example.send(signed('own fault'))).toBe(204);
      await vi.waitFor(async () => expect(await example.broker.dead()).toBe(1));
      await example.pool.query('ALTER TABLE elsewhere RENAME TO events');
      expect(example.worker.output).toMatch(/failed: .*"events" does not exist/);
    });
  });
}
