// Redis must not evict keys (`maxmemory-policy noeviction`), and must write to disk (`appendonly yes`): what it forgets is lost.
import { Queue, WaitingError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type Consumer, type Job, LOCK_SECONDS, RETRY_MS, type Sender, WorkerEnds } from './job.ts';

const NAME = 'deliveries';
const LOCK_MS = LOCK_SECONDS * 1000;

export async function openSender(): Promise<Sender> {
  // If Redis is down, add() fails at once instead of waiting: the sender of the webhook retries.
  const connection = connect({ enableOfflineQueue: false, maxRetriesPerRequest: 1 });
  const queue = new Queue<Job>(NAME, { connection });
  queue.on('error', (error) => console.error(`BullMQ: ${error.message}`));
  await queue.waitUntilReady();
  return {
    async add(job) {
      await queue.add('delivery', job, {
        // If a job with this id is in Redis, waiting, at work, completed or failed, nothing is added.
        jobId: job.id,
        attempts: 10,
        backoff: { type: 'exponential', delay: RETRY_MS },
        // For so long, BullMQ recognizes a duplicate by itself. Failed jobs stay until you retry or remove them.
        removeOnComplete: { age: 86_400 },
      });
    },
    async close() {
      await queue.close();
      await connection.quit();
    },
  };
}

export async function openConsumer(run: (job: Job) => Promise<void>): Promise<Consumer> {
  const connection = connect({ maxRetriesPerRequest: null });
  const worker = new Worker<Job>(
    NAME,
    async (job, token) => {
      try {
        await run(job.data);
      } catch (error) {
        if (!(error instanceof WorkerEnds)) throw error;
        // Back to the queue, without counting it as an attempt.
        await job.moveToWait(token);
        throw new WaitingError();
      }
    },
    {
      connection,
      concurrency: 10,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS,
      // The default is 1: a job whose worker is killed twice would count as failed.
      maxStalledCount: 20,
    },
  );
  worker.on('error', (error) => console.error(`BullMQ: ${error.message}`));
  worker.on('failed', (job, error) => console.error(`job ${job?.id} failed: ${error.message}`));
  await worker.waitUntilReady();
  return {
    async close() {
      await worker.close();
      await connection.quit();
    },
  };
}

function connect(options: { enableOfflineQueue?: boolean; maxRetriesPerRequest: number | null }): Redis {
  const client = new Redis(process.env.REDIS_URL ?? 'redis://localhost:6379', options);
  client.on('error', (error) => console.error(`Redis: ${error.message}`));
  return client;
}
