import type { Queue } from './job.ts';

const QUEUES: Readonly<Record<string, () => Promise<Queue>>> = {
  bullmq: () => import('./bullmq.ts'),
  rabbitmq: () => import('./rabbitmq.ts'),
  sqs: () => import('./sqs.ts'),
};

/** The queue that the command line names. */
export async function chosenQueue(): Promise<Queue> {
  const name = process.argv[2] ?? '';
  const open = Object.hasOwn(QUEUES, name) ? QUEUES[name] : undefined;
  if (open !== undefined) return open();
  console.error(`Name a queue: ${Object.keys(QUEUES).join(', ')}`);
  process.exit(2);
}
