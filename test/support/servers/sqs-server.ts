import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

// There is no maintained server on npm that speaks the JSON protocol of Amazon SQS. This one knows four of its calls, and standard
// queues only: at least once, in any order.

type Input = Record<string, unknown>;

interface StoredMessage {
  readonly id: string;
  readonly body: string;
  visibleAt: number;
  receives: number;
  handle: string;
}

interface SqsQueue {
  readonly url: string;
  /** Messages that are in the queue, visible or not. */
  count(): number;
  /** The bodies in the dead-letter queue. */
  readonly dead: readonly string[];
}

export interface SqsServer {
  readonly url: string;
  createQueue(settings?: { maxReceiveCount?: number }): SqsQueue;
  /** How many messages were delivered a second time although the first delivery was at work. */
  readonly doubled: number;
  close(): Promise<void>;
}

const POLL_MS = 10;
const KNOWN_ERRORS: Readonly<Record<string, string>> = {
  'com.amazonaws.sqs#QueueDoesNotExist': 'AWS.SimpleQueueService.NonExistentQueue',
};

class Refusal extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** @param doubleEvery Each so-manieth message is delivered twice at once, as standard queues may do. */
export async function startSqs({ doubleEvery = 10 } = {}): Promise<SqsServer> {
  const queues = new Map<string, StandardQueue>();
  const server = createServer(async (request, response) => {
    const left = new AbortController();
    response.once('close', () => left.abort());
    try {
      const input = JSON.parse(await textOf(request)) as Input;
      const call = String(request.headers['x-amz-target']).replace('AmazonSQS.', '');
      const output = await answer(call, input, left.signal);
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(output));
    } catch (error) {
      if (response.destroyed) return;
      const { type, message } = error instanceof Refusal ? error : new Refusal('InternalError', `${error}`);
      response
        .writeHead(type === 'InternalError' ? 500 : 400, {
          'content-type': 'application/x-amz-json-1.0',
          'x-amzn-query-error': `${KNOWN_ERRORS[type] ?? type};Sender`,
        })
        .end(JSON.stringify({ __type: type, message }));
    }
  });

  async function answer(call: string, input: Input, left: AbortSignal): Promise<unknown> {
    const queue = queues.get(String(input.QueueUrl));
    if (queue === undefined)
      throw new Refusal('com.amazonaws.sqs#QueueDoesNotExist', 'The specified queue does not exist.');
    switch (call) {
      case 'SendMessage':
        return queue.send(String(input.MessageBody));
      case 'ReceiveMessage':
        return queue.receive(input, left);
      case 'DeleteMessage':
        queue.delete(String(input.ReceiptHandle));
        return {};
      default:
        throw new Refusal('com.amazon.coral.service#UnknownOperationException', call);
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    createQueue({ maxReceiveCount = Number.POSITIVE_INFINITY } = {}) {
      const queue = new StandardQueue(`${url}/000000000000/${randomUUID()}`, maxReceiveCount, doubleEvery);
      queues.set(queue.url, queue);
      return queue;
    },
    get doubled() {
      return [...queues.values()].reduce((sum, queue) => sum + queue.doubled, 0);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class StandardQueue implements SqsQueue {
  readonly url: string;
  readonly dead: string[] = [];
  doubled = 0;
  readonly #maxReceiveCount: number;
  readonly #doubleEvery: number;
  readonly #messages = new Map<string, StoredMessage>();
  #received = 0;

  constructor(url: string, maxReceiveCount: number, doubleEvery: number) {
    this.url = url;
    this.#maxReceiveCount = maxReceiveCount;
    this.#doubleEvery = doubleEvery;
  }

  count(): number {
    return this.#messages.size;
  }

  send(body: string): Input {
    const id = randomUUID();
    this.#messages.set(id, { id, body, visibleAt: 0, receives: 0, handle: '' });
    return { MessageId: id, MD5OfMessageBody: md5(body) };
  }

  /** Waits for a message if there is none; not for a client that has left. */
  async receive(input: Input, left: AbortSignal): Promise<Input> {
    const deadline = performance.now() + Number(input.WaitTimeSeconds ?? 0) * 1000;
    for (;;) {
      if (left.aborted) return {};
      const taken = this.#take(Number(input.MaxNumberOfMessages ?? 1), Number(input.VisibilityTimeout ?? 30));
      if (taken.length > 0) return { Messages: taken };
      if (performance.now() >= deadline) return {};
      await delay(POLL_MS);
    }
  }

  /** A receipt handle is good until the message is received again: an older one deletes nothing. */
  delete(handle: string): void {
    for (const { id, handle: latest } of this.#messages.values()) {
      if (latest === handle) this.#messages.delete(id);
    }
  }

  #take(most: number, visibilitySeconds: number): Input[] {
    const now = performance.now();
    const taken: Input[] = [];
    // In no order.
    for (const message of [...this.#messages.values()].sort(() => Math.random() - 0.5)) {
      if (taken.length === most) break;
      if (message.visibleAt > now) continue;
      if (message.receives >= this.#maxReceiveCount) {
        this.#messages.delete(message.id);
        this.dead.push(message.body);
        continue;
      }
      message.receives += 1;
      message.handle = randomUUID();
      this.#received += 1;
      const doubles = this.#received % this.#doubleEvery === 0;
      if (doubles) this.doubled += 1;
      message.visibleAt = doubles ? now : now + visibilitySeconds * 1000;
      const { id, body, handle } = message;
      taken.push({ MessageId: id, ReceiptHandle: handle, Body: body, MD5OfBody: md5(body) });
    }
    return taken;
  }
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
