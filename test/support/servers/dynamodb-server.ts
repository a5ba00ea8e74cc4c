import { mkdtemp, realpath } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDB, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { type LocalServer, startServer } from './local-server.ts';

/** Starts a dynalite of the test's own, which keeps its tables on disk. */
export async function startDynamodb(): Promise<LocalServer> {
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'countersign-dynamodb-'));
  const cli = createRequire(import.meta.url).resolve('dynalite/cli.js');
  return startServer({
    name: 'dynalite',
    command: process.execPath,
    args: (port) => [
      ...[cli, '--host', '127.0.0.1', '--port', String(port), '--path', join(dir, 'data')],
      ...['--createTableMs', '0', '--deleteTableMs', '0'],
    ],
    url: (port) => `http://127.0.0.1:${port}`,
    dir,
    port: undefined,
    user: undefined,
    ready: /Dynalite listening/,
    portTaken: /EADDRINUSE/,
    notYet: /LOCK|not open/i,
    endSignal: 'SIGTERM',
    dropSignal: 'SIGKILL',
  });
}

export function dynamodbClient(endpoint: string, config: DynamoDBClientConfig = {}): DynamoDB {
  return new DynamoDB({
    ...{ endpoint, region: 'eu-central-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } },
    ...config,
  });
}

type Body = Record<string, unknown>;
interface Reply {
  readonly status: number;
  readonly body: Body;
}

/** What a test may do to a call: it returns a reply of its own, or nothing. */
export type Interference = (action: string, forward: () => Promise<Reply>) => Promise<Reply | undefined>;

/**
 * A server in front of dynalite that adds what dynalite lacks: `TransactWriteItems`, and the item that comes with a refused condition.
 * It lets one call through at a time, so that a transaction is one step to everyone.
 */
export async function dynamodbFront(
  target: string,
  options: { itemsWithRefusals?: boolean } = {},
): Promise<{ url: string; interfere: Interference | undefined; close(): Promise<void> }> {
  let turn: Promise<unknown> = Promise.resolve();
  const tokens = new Map<string, Reply>();
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const action = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
      const call = (name: string, body: Body) =>
        send(target, { ...incoming.headers, 'x-amz-target': `DynamoDB_20120810.${name}` }, body);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Body;
      const forward = async (): Promise<Reply> => {
        if (action === 'TransactWriteItems') return transact(call, body, tokens);
        const reply = await call(action, body);
        if (options.itemsWithRefusals === false || body.ReturnValuesOnConditionCheckFailure !== 'ALL_OLD')
          return reply;
        if (!String(reply.body.__type).endsWith('#ConditionalCheckFailedException')) return reply;
        const key = body.Key ?? { key: (body.Item as Body).key };
        const { Item } = (
          await call('GetItem', { TableName: body.TableName, Key: key, ConsistentRead: true })
        ).body;
        return { ...reply, body: { ...reply.body, ...(Item === undefined ? {} : { Item }) } };
      };
      turn = turn.then(async () => {
        try {
          const reply = (await front.interfere?.(action, forward)) ?? (await forward());
          outgoing.writeHead(reply.status, { 'content-type': 'application/x-amz-json-1.0' });
          outgoing.end(JSON.stringify(reply.body));
        } catch {
          outgoing.destroy();
        }
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const front = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    interfere: undefined as Interference | undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return front;
}

/** One write after the other; what was written before one is refused is put back. */
async function transact(
  call: (name: string, body: Body) => Promise<Reply>,
  { TransactItems, ClientRequestToken }: Body,
  tokens: Map<string, Reply>,
): Promise<Reply> {
  const known = tokens.get(String(ClientRequestToken));
  if (known !== undefined) return known;
  const writes = (TransactItems as Record<string, Body>[]).map((item) => {
    const [kind = '', write = {}] = Object.entries(item)[0] ?? [];
    return { kind, write, key: (write.Key ?? { key: (write.Item as Body | undefined)?.key }) as Body };
  });
  const before: (() => Promise<Reply>)[] = [];
  for (const [index, { kind, write, key }] of writes.entries()) {
    const { Item } = (await call('GetItem', { TableName: write.TableName, Key: key, ConsistentRead: true }))
      .body;
    const { ReturnValuesOnConditionCheckFailure, ...plain } = write;
    const reply = await call(`${kind}Item`, plain);
    if (reply.status === 200) {
      before.push(() =>
        Item === undefined
          ? call('DeleteItem', { TableName: write.TableName, Key: key })
          : call('PutItem', { TableName: write.TableName, Item }),
      );
      continue;
    }
    for (const putBack of before.reverse()) await putBack();
    const isCondition = String(reply.body.__type).endsWith('#ConditionalCheckFailedException');
    if (!isCondition) return reply;
    return {
      status: 400,
      body: {
        __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
        message: 'Transaction canceled, please refer cancellation reasons for specific reasons',
        CancellationReasons: writes.map((_, at) => ({
          Code: at === index ? 'ConditionalCheckFailed' : 'None',
        })),
      },
    };
  }
  const reply = { status: 200, body: {} };
  tokens.set(String(ClientRequestToken), reply);
  return reply;
}

function send(target: string, headers: Record<string, unknown>, body: Body): Promise<Reply> {
  const text = JSON.stringify(body);
  const { host, 'content-length': _, ...rest } = headers;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      target,
      {
        method: 'POST',
        headers: { ...(rest as Record<string, string>), 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: JSON.parse(Buffer.concat(chunks).toString() || '{}'),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}
