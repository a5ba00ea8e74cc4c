import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { VerifierSource } from '@countersign/core/extend';
import { type AdapterMount, adapterCases, type RouteAction } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { webhookListener } from './plain-http-adapter.ts';

// docs/writing-an-adapter.md promises that its example passes the conformance cases.

test('the page shows the adapter that is tested here', () => {
  const page = readFileSync(new URL('../../docs/writing-an-adapter.md', import.meta.url), 'utf8');
  const tested = readFileSync(new URL('./plain-http-adapter.ts', import.meta.url), 'utf8');
  const [, example] = /```ts\n(.*?)```/s.exec(page) ?? [];
  expect(example).toBe(tested);
});

const mount: AdapterMount = async ({ verifier, options, handler }) => {
  const guarded = webhookListener(
    verifier as VerifierSource<IncomingMessage>,
    async (webhook, response) => act(await handler({ webhook, body: undefined }), response),
    options as never,
  );
  const server = createServer((request, response) => {
    const [path] = (request.url ?? '').split('?');
    if (path === '/hooks/case') void guarded(request, response);
    else if (path === '/sibling') void echo(request, response);
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

/** Does what a case asks of the handler. */
async function act(action: RouteAction, response: ServerResponse): Promise<void> {
  switch (action.action) {
    case 'throw':
    case 'reject':
      throw action.error;
    case 'respond':
      response.writeHead(action.status).end(action.body);
      return;
    case 'respond-then-throw':
      response.writeHead(action.status).end(action.body);
      throw action.error;
    case 'stream':
      response.writeHead(action.status);
      for (const piece of action.pieces) {
        response.write(piece);
        await action.pause;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (action.error !== undefined) throw action.error;
      response.end();
      return;
    case 'never-end':
  }
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify(JSON.parse(Buffer.concat(chunks).toString())));
}

describe('plain node:http', () => {
  const cases = adapterCases(mount, {
    limits: ['no-body-property', 'no-parser-before', 'no-parser-after', 'unseen-handler-errors'],
  });
  for (const { name, run } of cases) test(name, run);
});
