import { setTimeout as delay } from 'node:timers/promises';
import { type Channel, type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { type Consumer, type Job, RETRY_MS, type Sender } from './job.ts';

const NAME = 'deliveries';
const DEAD = `${NAME}.dead`;
const PREFETCH = 10;
/** How many times RETRY_MS a job waits at most. */
const LONGEST_RETRY = 60;

export async function openSender(): Promise<Sender> {
  let channel: ConfirmChannel | undefined;
  const returned = new Set<string>();
  const connection = await open(async (model) => {
    channel = await model.createConfirmChannel();
    channel.on('error', (error) => console.error(`RabbitMQ: ${error.message}`));
    // What no queue takes comes back, and is confirmed right after that.
    channel.on('return', ({ properties }) => returned.add(String(properties.messageId)));
    await declareQueues(channel);
  });
  connection.on('disconnect', () => {
    channel = undefined;
  });
  return {
    add: ({ id, event }) =>
      new Promise((resolve, reject) => {
        if (channel === undefined) throw new Error('There is no connection to RabbitMQ.');
        channel.publish(
          '',
          NAME,
          Buffer.from(JSON.stringify(event)),
          // Persistent: the queue is on disk, and so is the message.
          { messageId: id, persistent: true, mandatory: true, contentType: 'application/json' },
          (error) => {
            if (error) reject(error);
            else if (returned.delete(id)) reject(new Error(`RabbitMQ has no queue "${NAME}".`));
            else resolve();
          },
        );
      }),
    close: () => connection.close(),
  };
}

export async function openConsumer(run: (job: Job) => Promise<void>): Promise<Consumer> {
  const atWork = new Set<Promise<void>>();
  const closing = new AbortController();
  let stop = async (): Promise<void> => undefined;

  async function consume(model: ChannelModel): Promise<void> {
    const channel = await model.createChannel();
    channel.on('error', (error) => console.error(`RabbitMQ: ${error.message}`));
    await declareQueues(channel);
    await channel.prefetch(PREFETCH);
    const { consumerTag } = await channel.consume(NAME, (message) => {
      if (message === null) {
        console.error(`RabbitMQ ended this worker: was the queue "${NAME}" deleted? A restart creates it.`);
        process.exit(1);
      }
      const work = take(channel, message, run, closing.signal).finally(() => atWork.delete(work));
      atWork.add(work);
    });
    stop = async () => void (await channel.cancel(consumerTag));
    // RabbitMQ closes a channel if a job takes longer than its `consumer_timeout`, 30 minutes, and puts the jobs back into the queue.
    channel.once('error', () => {
      if (closing.signal.aborted) return;
      consume(model).catch((error) => {
        console.error(`RabbitMQ ended this worker: ${error}`);
        process.exit(1);
      });
    });
  }

  const connection = await open(consume);
  return {
    async close() {
      closing.abort();
      // Without a connection there is nothing to stop.
      await stop().catch(() => undefined);
      await Promise.all(atWork);
      await connection.close();
    },
  };
}

async function take(
  channel: Channel,
  message: ConsumeMessage,
  run: (job: Job) => Promise<void>,
  closing: AbortSignal,
) {
  let settle: () => void;
  try {
    await run({ id: String(message.properties.messageId), event: JSON.parse(message.content.toString()) });
    settle = () => channel.ack(message);
  } catch (error) {
    console.error(`job ${message.properties.messageId} failed: ${error}`);
    // RabbitMQ delivers it again at once, so it waits here: 1 s, 2 s, 4 s, …, 60 s.
    const retries = Number(message.properties.headers?.['x-delivery-count'] ?? 0);
    const wait = RETRY_MS * Math.min(2 ** retries, LONGEST_RETRY);
    await delay(wait, undefined, { signal: closing }).catch(() => undefined);
    settle = () => channel.nack(message);
  }
  try {
    settle();
  } catch (error) {
    // The connection was lost meanwhile, so RabbitMQ has put the message back into the queue.
    console.error(`RabbitMQ: ${error}`);
  }
}

/** Connects, and does so again whenever the connection is lost. */
async function open(setup: (model: ChannelModel) => Promise<void>) {
  const connection = await connect(process.env.AMQP_URL ?? 'amqp://localhost:5672', {
    recovery: {
      initialMaxRetries: 5,
      async setup(model: ChannelModel) {
        // Without a listener here and below, a lost connection would end this process.
        model.on('error', () => undefined);
        await setup(model);
      },
    },
  });
  connection.on('error', (error) => console.error(`RabbitMQ: ${error.message}`));
  connection.on('disconnect', (error) => console.error(`RabbitMQ: ${error.message}. Connecting again.`));
  return connection;
}

async function declareQueues(channel: Channel): Promise<void> {
  await channel.assertQueue(DEAD, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertQueue(NAME, {
    durable: true,
    arguments: {
      // Replicated, and it counts how often a message was delivered.
      'x-queue-type': 'quorum',
      'x-delivery-limit': 20,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': DEAD,
      // Otherwise a message could be lost on its way to the other queue.
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    },
  });
}
