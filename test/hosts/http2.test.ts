import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createVerifier, memoryReplayStore, type ReplayStore, type WebhookEvent } from '@countersign/core';
import { createNodeReceiver, type VerifierSource } from '@countersign/core/extend';
import { webhookPlugin } from '@countersign/fastify';
import { webhook } from '@countersign/koa';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import fastify from 'fastify';
import Koa from 'koa';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { decorateClass, decorateMethod } from '../support/mounts/nest-decorate.ts';
import { loadNest } from '../support/mounts/nest-majors.ts';

const SECRET = 'a-signing-secret-of-32-characters';

/** What a handler responds with: a status, and a body that may be written in pieces. */
interface Result {
  readonly status: number;
  readonly body?: Readable;
}
type Handler = () => Promise<Result>;
type Mount = (verifier: VerifierSource<unknown>, handler: Handler) => Promise<Http2Server>;

const MOUNTS: Readonly<Record<string, Mount>> = {
  'node:http2': async (verifier, handler) => {
    const receive = createNodeReceiver<unknown>('test', verifier);
    return createServer(async (request, response) => {
      const received = await receive(
        request,
        request as unknown as IncomingMessage,
        response as unknown as ServerResponse,
      );
      if (received === undefined) return;
      const { status, body } = await handler().catch(() => ({ status: 500, body: undefined }));
      response.statusCode = status;
      if (body === undefined) response.end('done');
      else body.pipe(response);
    });
  },
  Koa: async (verifier, handler) => {
    const app = new Koa();
    app.silent = true;
    app.use(webhook(verifier)).use(async (ctx) => {
      const { status, body = 'done' } = await handler();
      ctx.status = status;
      ctx.body = body;
    });
    return createServer(app.callback() as never);
  },
  Fastify: async (verifier, handler) => {
    const app = fastify({ http2: true });
    await app.register(async (scope) => {
      await scope.register(webhookPlugin as never, { verifier });
      scope.post('/', async (_request, reply) => {
        const { status, body = 'done' } = await handler();
        return reply.code(status).send(body);
      });
    });
    await app.ready();
    return app.server;
  },
  'Nest on Fastify': async (verifier, handler) => {
    const { common, core, fastify: platform, adapter } = await loadNest(12);
    class Hooks {
      async post(response: { status(code: number): unknown }): Promise<unknown> {
        const { status, body } = await handler();
        response.status(status);
        return body === undefined ? 'done' : new common.StreamableFile(body);
      }
    }
    decorateMethod(
      Hooks,
      'post',
      [common.Post(), adapter.VerifyWebhook('hooks')],
      [common.Res({ passthrough: true })],
    );
    decorateClass(Hooks, [common.Controller()]);
    class App {}
    decorateClass(App, [
      common.Module({
        imports: [adapter.WebhookModule.forRoot({ verifiers: { hooks: verifier } })],
        controllers: [Hooks],
      }),
    ]);
    const app = await core.NestFactory.create(App, new platform.FastifyAdapter({ http2: true } as never), {
      logger: false,
    });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return app.getHttpServer();
  },
};

const ENDINGS: readonly [string, Handler, 'committed' | 'released'][] = [
  ['succeeds', async () => ({ status: 200 }), 'committed'],
  ['responds with 500', async () => ({ status: 500 }), 'released'],
  ['throws', () => Promise.reject(new Error('failed on purpose')), 'released'],
  ['streams', async () => ({ status: 200, body: Readable.from(['a', 'b']) }), 'committed'],
  ['streams a 500', async () => ({ status: 500, body: Readable.from(['a', 'b']) }), 'released'],
];

describe.each(Object.entries(MOUNTS))('%s over HTTP/2', (_, mount) => {
  describe.each(ENDINGS)('a handler that %s', (_name, handler, outcome) => {
    it(`is ${outcome} if its client leaves before the headers are judged`, async () => {
      const { opened, open } = gate();
      const sent = await send(mount, handler, { before: opened });
      await vi.waitFor(() => expect(sent.arrived()).toBe(1));
      await sent.leave();
      open();
      // The host may have discarded the body with the stream: then nothing was claimed, and nothing runs.
      await vi.waitFor(() =>
        expect(sent.seen()).toContainEqual(expect.stringMatching(/^(refused|${outcome})$/)),
      );
      expect(sent.runs()).toBe(sent.seen().includes(outcome) ? 1 : 0);
      expect(sent.asked()).toBe(sent.runs());
    });

    it(`is ${outcome} if its client leaves while a reload of the secrets is awaited`, async () => {
      const { opened, open } = gate();
      const sent = await send(mount, handler, { reload: opened });
      await vi.waitFor(() => expect(sent.loads()).toBe(2));
      await sent.leave();
      open();
      await vi.waitFor(() => expect(sent.seen()).toContain(outcome));
      expect(sent.runs()).toBe(1);
    });

    it(`is ${outcome} if its client leaves while the claim is asked`, async () => {
      const { opened, open } = gate();
      const sent = await send(mount, handler, { claim: opened });
      await vi.waitFor(() => expect(sent.asked()).toBe(1));
      await sent.leave();
      open();
      await vi.waitFor(() => expect(sent.seen()).toContain(outcome));
      expect(sent.runs()).toBe(1);
    });

    it(`is ${outcome} if its client leaves while it runs`, async () => {
      const { opened, open } = gate();
      const sent = await send(mount, () => opened.then(handler));
      await vi.waitFor(() => expect(sent.runs()).toBe(1));
      await sent.leave();
      expect(await sent.again()).toBe(503);
      open();
      await vi.waitFor(() => expect(sent.seen()).toContain(outcome));
    });

    it(`is ${outcome} if its client stays`, async () => {
      const sent = await send(mount, handler);
      await vi.waitFor(() => expect(sent.seen()).toContain(outcome));
    });
  });

  it('runs nothing for a client that leaves in the middle of its body, and the retry runs', async () => {
    const sent = await send(mount, async () => ({ status: 200 }), { isCut: true });
    await vi.waitFor(() => expect(sent.arrived()).toBe(1));
    await sent.leave();
    await vi.waitFor(() => expect(sent.seen()).toContain('refused'));
    expect([sent.runs(), sent.asked()]).toEqual([0, 0]);
    expect(await sent.again()).toBe(200);
    expect(sent.runs()).toBe(1);
  });

  it.each([
    [200, 'committed'],
    [500, 'released'],
  ] as const)('a %i that is being written when the client leaves is %s', async (status, outcome) => {
    const { opened, open } = gate();
    const body = Readable.from(
      (async function* () {
        yield 'a';
        await opened;
        yield 'b';
      })(),
    );
    const sent = await send(mount, async () => ({ status, body }));
    await sent.responded;
    await sent.leave();
    open();
    await vi.waitFor(() => expect(sent.seen()).toContain(outcome));
  });
});

function gate(): { opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

interface Moments {
  /** Held until then: the choice of the verifier, the second load of the secrets, the claim. */
  readonly before?: Promise<void>;
  readonly reload?: Promise<void>;
  readonly claim?: Promise<void>;
  /** Sends half of the body, and no end. */
  readonly isCut?: boolean;
}

/** Sends one delivery. */
async function send(mount: Mount, handler: Handler, { before, reload, claim, isCut = false }: Moments = {}) {
  const events: WebhookEvent[] = [];
  let [arrived, loads, asked, runs] = [0, 0, 0, 0];
  const store = memoryReplayStore();
  const replay: ReplayStore = {
    claim: async (key, options) => {
      asked += 1;
      await claim;
      return store.claim(key, options);
    },
    renew: (...args) => store.renew(...args),
    commit: (...args) => store.commit(...args),
    release: (...args) => store.release(...args),
    forget: (...args) => store.forget(...args),
  };
  const verifier = createVerifier({
    scheme: github(),
    secrets: async () => {
      loads += 1;
      if (reload === undefined) return SECRET;
      if (loads > 1) await reload;
      return loads > 1 ? SECRET : 'another-signing-secret-of-32-chars';
    },
    replay,
    observe: (event) => events.push(event),
  });
  await verifier.ready();
  const source = async () => {
    arrived += 1;
    await before;
    return verifier;
  };
  const server = await mount(source, () => {
    runs += 1;
    return handler();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const client: ClientHttp2Session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
    await verifier.close();
  });
  const { headers, body } = sign(github(), { secret: SECRET, body: '{"id":1}' });
  const post = (isWhole = true) => {
    const stream: ClientHttp2Stream = client.request({
      ':method': 'POST',
      'content-type': 'application/json',
      ...headers,
    });
    stream.on('error', () => undefined);
    if (isWhole) stream.end(Buffer.from(body));
    else stream.write(Buffer.from(body).subarray(0, 4));
    return stream;
  };
  const first = post(!isCut);
  return {
    arrived: () => arrived,
    loads: () => loads,
    asked: () => asked,
    runs: () => runs,
    seen: () => events.map(({ type }) => type),
    /** The first bytes of the response's body have come. */
    responded: new Promise((resolve) => first.once('data', resolve)),
    /** Resets the stream, and waits until the server has seen it: it answers a ping in order. */
    leave: async () => {
      first.close(8);
      await new Promise((resolve) => first.once('close', resolve));
      await new Promise((resolve) => client.ping(resolve as never));
    },
    again: () =>
      new Promise<number | undefined>((resolve) => {
        post()
          .on('response', (answer) => resolve(answer[':status']))
          .resume();
      }),
  };
}
