import { type Channel, connect } from 'amqplib';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { bundleQueueExample, QueueExample, signed } from '../support/queue-example.ts';
import { describeWith } from '../support/servers/available.ts';
import { QUEUE_BROKERS, startAmqp } from '../support/servers/queue-brokers.ts';

// What is special about RabbitMQ: it confirms messages that no queue takes, and it drops messages that nobody has told it to keep.

const describeWithServers = await describeWith('postgres-server', 'rabbitmq-server');
const scripts = await bundleQueueExample();
afterAll(() => scripts.remove());

describeWithServers('the example of a queue, with rabbitmq', () => {
  let example: QueueExample;
  beforeAll(async () => {
    const [kind] = QUEUE_BROKERS.filter(({ name }) => name === 'rabbitmq');
    if (kind === undefined) return expect.fail('There is no such queue.');
    example = await QueueExample.start('rabbitmq', scripts, kind.start);
  });
  afterAll(() => example?.stop());

  async function openChannel(): Promise<Channel> {
    const connection = await connect(example.broker.env.AMQP_URL ?? '');
    onTestFinished(() => connection.close());
    return connection.createChannel();
  }

  test('keeps a message that is returned again and again, in the dead-letter queue', async () => {
    await example.worker.end('SIGTERM');
    expect(await example.send(signed('poison'))).toBe(204);
    const channel = await openChannel();
    let deliveries = 0;
    const { consumerTag } = await channel.consume('deliveries', (message) => {
      if (message === null) return;
      deliveries += 1;
      channel.nack(message);
    });
    const dead = await vi.waitUntil(() => channel.get('deliveries.dead', { noAck: true }));
    await channel.cancel(consumerTag);
    expect(deliveries).toBe(21);
    expect(JSON.parse(dead.content.toString())).toMatchObject({ id: 'poison' });
    expect(dead.properties.messageId).toMatch(/^[\w-]{43}$/);
    await example.worker.start();
  });

  test('goes on by itself when the connection was lost', async () => {
    await example.broker.restart?.();
    await example.deliver('after a restart');
    await vi.waitFor(async () =>
      expect(await example.effects('after a restart')).toEqual(new Map([['after a restart', 1]])),
    );
    expect([example.receiver.isRunning, example.worker.isRunning]).toEqual([true, true]);
  });

  test('does not accept a delivery for which there is no queue', async () => {
    await (await openChannel()).deleteQueue('deliveries');
    expect(await example.send(signed('nowhere'))).toBe(500);
    await vi.waitFor(() => expect(example.receiver.output).toContain('RabbitMQ has no queue "deliveries"'));
    // The worker has ended. Whoever starts it again creates the queue.
    await vi.waitFor(() => expect(example.worker.isRunning).toBe(false));
    await example.worker.start();
    expect((await example.deliver('nowhere')).at(-1)).toBe(204);
    await vi.waitFor(async () => expect(await example.effects('nowhere')).toEqual(new Map([['nowhere', 1]])));
  });
});

describeWithServers('the example of a queue, with rabbitmq that takes jobs back soon', () => {
  let example: QueueExample;
  beforeAll(async () => {
    // By default, 30 minutes and one minute.
    const start = () => startAmqp({ consumer_timeout: 500, channel_tick_interval: 100 });
    example = await QueueExample.start('rabbitmq', scripts, start);
  });
  afterAll(() => example?.stop());

  test('goes on when the database was down for longer than a job may take', async () => {
    example.outages.begin();
    expect(await example.send(signed('late'))).toBe(204);
    // Twice: also on the channel that it has opened again.
    await vi.waitFor(() =>
      expect(example.worker.output.match(/delivery acknowledgement .* timed out/g)?.length).toBeGreaterThan(
        1,
      ),
    );
    example.outages.end();
    await vi.waitFor(async () => expect(await example.effects('late')).toEqual(new Map([['late', 1]])));
    await vi.waitFor(async () => expect(await example.broker.unfinished()).toBe(0));
    expect(await example.broker.dead()).toBe(0);
    expect(example.worker.isRunning).toBe(true);
    expect(await example.worker.end('SIGTERM')).toEqual([0, null]);
  });
});
