/** What goes through the queue. */
export interface Job {
  /** The same for every retry of the delivery. */
  readonly id: string;
  readonly event: unknown;
}

/** One file for each queue: copy the one that you need. */
export interface Queue {
  openSender(): Promise<Sender>;
  /** Calls `run` for each job. The job leaves the queue when `run` resolves; if `run` throws, the job comes again. */
  openConsumer(run: (job: Job) => Promise<void>): Promise<Consumer>;
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

/** If a worker is killed, its jobs wait this long before another worker gets them. RabbitMQ sees it at once. */
export const LOCK_SECONDS = Number(process.env.LOCK_SECONDS ?? 30);
