import { connect } from 'amqplib';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Need } from './available.ts';
import { startRabbitmq } from './rabbitmq-server.ts';
import { startRedis } from './redis-server.ts';
import { startSqs } from './sqs-server.ts';

/** The queue of the example, in a server of the test's own. */
export interface QueueBroker {
  /** What the processes of the example need to find it. */
  readonly env: Readonly<Record<string, string>>;
  /** Jobs that no worker has finished. RabbitMQ does not count those that a worker has. */
  unfinished(): Promise<number>;
  /** Jobs that were given up. */
  dead(): Promise<number>;
  /** Nothing reaches it until it is `resume`d. Absent: it is not a process. */
  pause?(): Promise<void>;
  resume?(): Promise<void>;
  /** In good order: Ra, in RabbitMQ, forgets a queue that was declared less than about a second before a `kill -9`. */
  restart?(): Promise<void>;
  stop(): Promise<void>;
}

interface BrokerKind {
  readonly name: 'bullmq' | 'rabbitmq' | 'sqs';
  readonly needs: readonly Need[];
  start(): Promise<QueueBroker>;
}

const NAME = 'deliveries';

export const QUEUE_BROKERS: readonly BrokerKind[] = [
  { name: 'bullmq', needs: ['redis-server'], start: startBullmq },
  { name: 'rabbitmq', needs: ['rabbitmq-server'], start: () => startAmqp() },
  { name: 'sqs', needs: [], start: startAmazon },
];

async function startBullmq(): Promise<QueueBroker> {
  const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const connection = new Redis(server.url);
  const queue = new Queue(NAME, { connection });
  return {
    env: { REDIS_URL: server.url },
    unfinished: () => queue.getJobCountByTypes('waiting', 'active', 'delayed', 'prioritized'),
    dead: () => queue.getFailedCount(),
    pause: () => server.kill('SIGSTOP'),
    resume: () => server.kill('SIGCONT'),
    async stop() {
      await queue.close();
      connection.disconnect();
      await server.stop();
    },
  };
}

export async function startAmqp(settings: Readonly<Record<string, number>> = {}): Promise<QueueBroker> {
  const server = await startRabbitmq(settings);
  /** How many messages a queue has. A connection of its own, because the server may have been restarted. */
  async function count(queue: string): Promise<number> {
    const connection = await connect(server.url);
    try {
      return (await (await connection.createChannel()).checkQueue(queue)).messageCount;
    } finally {
      await connection.close();
    }
  }
  return {
    env: { AMQP_URL: server.url },
    unfinished: () => count(NAME),
    dead: () => count(`${NAME}.dead`),
    pause: () => server.kill('SIGSTOP'),
    resume: () => server.kill('SIGCONT'),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}

async function startAmazon(): Promise<QueueBroker> {
  const server = await startSqs();
  const queue = server.createQueue({ maxReceiveCount: 20 });
  return {
    env: {
      QUEUE_URL: queue.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    },
    unfinished: async () => queue.count(),
    dead: async () => queue.dead.length,
    stop: () => server.close(),
  };
}
