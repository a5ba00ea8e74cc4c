import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { webhook } from '@countersign/express';
import { github, gitlabToken } from '@countersign/schemes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { countOwnTimeOnly } from '../../../test/support/own-time.ts';
import { curlOf } from '../page/curl.ts';
import { inspector } from '../src/index.ts';
import { listen } from '../src/listen.ts';
import type { DeliveryDetail } from '../src/wire.ts';
import { dial } from './support/raw-server.ts';

countOwnTimeOnly();

const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a4968';
const cleanups: (() => unknown)[] = [];
/** What the server of a stranger got. */
let stolen: IncomingHttpHeaders[];
let stranger: string;

async function serverOf(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  stolen = [];
  stranger = await serverOf((request, response) => {
    stolen.push(request.headers);
    response.end();
  });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Sends a request with any target, and waits for its response. */
async function plant(origin: string, target: string, headers = ''): Promise<void> {
  const client = dial(origin);
  client.write(
    `POST ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}Content-Length: 7\r\nConnection: close\r\n\r\n{"a":1}`,
  );
  await client.untilEnded();
  client.socket.destroy();
}

const TARGETS = ['//STRANGER/x', 'http://STRANGER/x', '/\\STRANGER/x', '\\\\STRANGER/x', '@STRANGER/x'];

describe.each(TARGETS)('a replay goes to no host that a sender chose: %s', (written) => {
  test('of listen(), with a sender whose token is the secret', async () => {
    const targets: (string | undefined)[] = [];
    const app = await serverOf((request, response) => {
      targets.push(request.url);
      response.end();
    });
    const listening = await listen({
      ...{ scheme: gitlabToken(), secrets: SECRET, to: `http://${app}`, port: 0, inspectorPort: 0 },
    });
    cleanups.push(() => listening.close());
    await plant(listening.url, written.replace('STRANGER', stranger));
    const replayed = await fetch(`${listening.inspectorUrl}api/deliveries/1/replay`, { method: 'POST' });
    const answer = await replayed.json();
    expect(stolen).toEqual([]);
    const isPath = written.startsWith('/') || written.startsWith('http:');
    expect(answer).toEqual(
      isPath ? { id: 2 } : { error: 'Its target is no path of this server, so it can’t be sent again.' },
    );
  });

  test('of inspector()', async () => {
    const inspect = inspector({ verifiers: { github: { scheme: github(), secrets: SECRET } } });
    cleanups.push(() => inspect.close());
    const receive = webhook(inspect.verifiers.github);
    const app = await serverOf((request, response) =>
      inspect.listener(request, response, () =>
        receive(request as never, response as never, (error) => {
          response.statusCode = error === undefined ? 204 : 401;
          response.end();
        }),
      ),
    );
    await plant(
      `http://${app}`,
      written.replace('STRANGER', stranger),
      `X-GitHub-Event: push\r\nX-GitHub-Delivery: 1\r\nX-Hub-Signature-256: sha256=${'0'.repeat(64)}\r\n`,
    );
    await fetch(`http://${app}${inspect.path}api/deliveries/1/replay`, { method: 'POST' });
    expect(stolen).toEqual([]);
  });
});

describe('the command for curl', () => {
  const commandFor = (url: string) =>
    curlOf(
      { method: 'POST', url, rawHeaders: [] } as unknown as DeliveryDetail,
      new Uint8Array(),
      'http://localhost',
    );

  test.each([
    ['/hooks?a=1', "'http://localhost/hooks?a=1'"],
    ['//evil.example/x', "'http://localhost//evil.example/x'"],
    ['http://evil.example/x', "'http://localhost/x'"],
    ['@evil.example/x', "'http://localhost/'"],
    ['.evil.example/x', "'http://localhost/'"],
    [':80@evil.example/x', "'http://localhost/'"],
    ['*', "'http://localhost/'"],
  ])('goes to no other host: %s', (url, expected) => {
    expect(commandFor(url).split(' ')[3]).toBe(expected);
  });
});
