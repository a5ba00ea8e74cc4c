// A standard queue. A FIFO queue recognizes duplicates for only 5 minutes, and senders retry for longer: the worker has to do it anyway.
import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type Consumer, type Job, LOCK_SECONDS, RETRY_MS, type Sender } from './job.ts';

const POLL_SECONDS = 20;

/** @param client Yours, if it needs more than the environment says. */
export async function openSender(client = new SQSClient()): Promise<Sender> {
  const QueueUrl = queueUrl();
  return {
    // SQS has stored the message on several servers when it responds.
    async add(job) {
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(job) }));
    },
    close: async () => client.destroy(),
  };
}

export async function openConsumer(
  run: (job: Job) => Promise<void>,
  ready: () => Promise<void>,
  client = new SQSClient(),
): Promise<Consumer> {
  const QueueUrl = queueUrl();
  const closing = new AbortController();

  async function receive(): Promise<Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: POLL_SECONDS,
      // No other worker gets the message for so long: at least as long as your work takes.
      VisibilityTimeout: LOCK_SECONDS,
    });
    try {
      // A job that waits for longer than its visibility timeout goes to any worker that receives, and each receive counts.
      await ready();
      return (await client.send(command, { abortSignal: closing.signal })).Messages ?? [];
    } catch (error) {
      if (closing.signal.aborted) return [];
      console.error(`SQS: ${error}`);
      await delay(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      return [];
    }
  }

  async function take({ Body = '', MessageId, ReceiptHandle }: Message): Promise<void> {
    try {
      await run(JSON.parse(Body) as Job);
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    } catch (error) {
      // It becomes visible again by itself. After as many times as the queue's redrive policy says, it moves to the dead-letter queue.
      console.error(`message ${MessageId} failed: ${error}`);
    }
  }

  const ended = (async () => {
    while (!closing.signal.aborted) await Promise.all((await receive()).map(take));
  })();
  return {
    async close() {
      closing.abort();
      await ended;
      client.destroy();
    },
  };
}

function queueUrl(): string {
  const url = process.env.QUEUE_URL;
  if (url === undefined) throw new Error('QUEUE_URL is not set: the URL of a standard queue of SQS.');
  return url;
}
