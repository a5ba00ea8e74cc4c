import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { migrate } from '@countersign/dynamodb';
import { anchorBrowser } from '@countersign/schemes';
import { type SignedRequest, sign, tamper } from '@countersign/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { dynamodbClient, startDynamodb } from '../support/servers/dynamodb-server.ts';
import { endWithUs } from '../support/servers/end-with-us.ts';
import type { LocalServer } from '../support/servers/local-server.ts';

const MAIN = fileURLToPath(new URL('../../examples/lambda/src/main.ts', import.meta.url));
const SECRET = '4e0f1c7a9b2d4865af03d1c85b7e6f92';
const PREVIOUS = 'b7715d0c3fe94a26810bd95f2ec4a763';

/** The example, as a process of its own: one instance of the function. */
class Instance {
  readonly #app: ChildProcessByStdio<null, Readable, Readable>;
  #url = '';
  output = '';

  constructor(env: Record<string, string>) {
    this.#app = spawn(process.execPath, ['--conditions=countersign-source', '--import=tsx', MAIN], {
      env: {
        ...process.env,
        PORT: '0',
        ANCHOR_SECRET: SECRET,
        ANCHOR_SECRET_PREVIOUS: PREVIOUS,
        NODE_ENV: 'production',
        NODE_OPTIONS: '--unhandled-rejections=strict',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const dismiss = this.#app.pid === undefined ? undefined : endWithUs(this.#app.pid);
    this.#app.once('exit', () => dismiss?.());
    for (const stream of [this.#app.stdout, this.#app.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    }
  }

  async listening(): Promise<void> {
    const port = /listening on port (\d+)/;
    await vi.waitFor(() => expect(this.output).toMatch(port), 60_000);
    this.#url = `http://127.0.0.1:${port.exec(this.output)?.[1]}/`;
  }

  async send({ headers, body }: SignedRequest): Promise<{ status: number; text: string }> {
    const response = await fetch(this.#url, { method: 'POST', headers, body: Buffer.from(body) });
    return { status: response.status, text: await response.text() };
  }

  runs(id: string): number {
    return this.output.match(new RegExp(`handled ${id}:`, 'g'))?.length ?? 0;
  }

  /** What the process ends with. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<unknown[]> {
    if (this.#app.exitCode !== null || this.#app.signalCode !== null) return [];
    const exited = once(this.#app, 'exit');
    this.#app.kill(signal);
    return exited;
  }
}

let instances: Instance[] = [];

afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.end();
});

async function start(count: number, env: Record<string, string> = {}): Promise<Instance[]> {
  instances = Array.from({ length: count }, () => new Instance(env));
  await Promise.all(instances.map((instance) => instance.listening()));
  return instances;
}

function signed(id: string, secret = SECRET): SignedRequest {
  return sign(anchorBrowser(), { secret, body: JSON.stringify({ id, type: 'session.ended' }) });
}

test('one instance handles a delivery once, by the current and the previous secret, and nothing forged', async () => {
  const [instance] = (await start(1)) as [Instance];
  const delivery = signed('evt_1');
  expect((await instance.send(delivery)).status).toBe(204);
  expect((await instance.send(delivery)).status).toBe(200);
  expect(instance.runs('evt_1')).toBe(1);
  expect((await instance.send(signed('evt_2', PREVIOUS))).status).toBe(204);
  expect(await instance.send(tamper(signed('evt_forged')))).toEqual({
    status: 401,
    text: '{"error":"webhook refused"}',
  });
  expect(instance.output).toContain('was refused with 401 (ERR_WEBHOOK_SIGNATURE_MISMATCH)');
  for (const never of ['evt_forged', SECRET, PREVIOUS]) expect(instance.output).not.toContain(never);
  expect(await instance.end('SIGTERM')).toEqual([0, null]);
});

describe('with a table', () => {
  let server: LocalServer;

  beforeAll(async () => {
    server = await startDynamodb();
    const client = dynamodbClient(server.url);
    await migrate(client, { table: 'webhooks' });
    client.destroy();
  });
  afterAll(() => server?.stop());

  test('two instances handle a delivery once between them, and it is settled when the function returns', async () => {
    const [first, second] = (await start(2, {
      WEBHOOKS_TABLE: 'webhooks',
      AWS_ENDPOINT_URL_DYNAMODB: server.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    })) as [Instance, Instance];
    for (let number = 0; number < 5; number++) {
      const delivery = signed(`evt_${number}`);
      expect((await first.send(delivery)).status).toBe(204);
      // Not 503: the delivery is committed before the response.
      expect((await second.send(delivery)).status).toBe(200);
      expect([first.runs(`evt_${number}`), second.runs(`evt_${number}`)]).toEqual([1, 0]);
    }
    // Lambda may stop a process at any moment after the response.
    const delivery = signed('evt_last');
    expect((await second.send(delivery)).status).toBe(204);
    await second.end('SIGKILL');
    expect((await first.send(delivery)).status).toBe(200);
    expect(first.runs('evt_last')).toBe(0);
  });
});
