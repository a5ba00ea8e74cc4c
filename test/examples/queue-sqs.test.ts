import { expect, onTestFinished, test, vi } from 'vitest';
import { openConsumer, openSender } from '../../examples/queue/src/sqs.ts';
import { QUEUE_BROKERS } from '../support/servers/queue-brokers.ts';

// What is special about Amazon SQS: a job that waits goes to any worker that receives, and each receive counts. So in an outage, many
// workers could use up the receives of a job, one each.

test('a worker of Amazon SQS leaves the jobs in the queue until its database is up', async () => {
  const broker = await QUEUE_BROKERS.find(({ name }) => name === 'sqs')?.start();
  if (broker === undefined) return expect.fail('There is no such queue.');
  onTestFinished(() => broker.stop());
  for (const [name, value] of Object.entries(broker.env)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());

  const seen: string[] = [];
  let comesUp = (): void => undefined;
  const up = new Promise<void>((resolve) => {
    comesUp = resolve;
  });
  const waiting = await openConsumer(
    async ({ id }) => void seen.push(`${id}, by the one that waits`),
    () => {
      seen.push('waits');
      return up;
    },
  );
  await vi.waitFor(() => expect(seen).toEqual(['waits']));

  const sender = await openSender();
  await sender.add({ id: 'first', event: {} });
  const ready = await openConsumer(
    async ({ id }) => void seen.push(`${id}, by the other`),
    async () => undefined,
  );
  await vi.waitFor(() => expect(seen).toEqual(['waits', 'first, by the other']));
  await vi.waitFor(async () => expect(await broker.unfinished()).toBe(0));
  await ready.close();

  await sender.add({ id: 'second', event: {} });
  comesUp();
  await vi.waitFor(() => expect(seen).toContain('second, by the one that waits'));
  await waiting.close();
  await sender.close();
});
