/** What goes through the queue. */
export interface Job {
  /** The same for every retry of the delivery. */
  readonly id: string;
  readonly event: unknown;
}

/** One file for each queue: copy the one that you need. */
export interface Queue {
  openSender(): Promise<Sender>;
  /**
   * Calls `run` for each job. The job leaves the queue when `run` resolves; if `run` throws, the job comes again.
   *
   * @param ready Resolves when jobs can be done. For queues that give a waiting job to another worker: they take none before that.
   */
  openConsumer(run: (job: Job) => Promise<void>, ready: () => Promise<void>): Promise<Consumer>;
}

export interface Sender {
  /** Resolves when the queue has confirmed that it keeps the job, and not before. */
  add(job: Job): Promise<void>;
  close(): Promise<void>;
}

export interface Consumer {
  /** Takes no further job, and resolves when those at work have ended. */
  close(): Promise<void>;
}

/** What `run` throws if the worker ends before it could do the job: the job has not failed. */
export class WorkerEnds extends Error {}

/** How long a job that failed waits before its second attempt, and how often a worker asks whether the database is back. */
export const RETRY_MS = Number(process.env.RETRY_MS ?? 1000);

/** If a worker is killed, its jobs wait this long before another worker gets them. RabbitMQ sees it at once. */
export const LOCK_SECONDS = Number(process.env.LOCK_SECONDS ?? 30);
