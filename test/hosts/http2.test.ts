import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createVerifier, memoryReplayStore, type ReplayStore, type WebhookEvent } from '@countersign/core';
import { createNodeReceiver } from '@countersign/core/extend';
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

type Handler = () => Promise<number>;
type Mount = (verifier: ReturnType<typeof createVerifier>, handler: Handler) => Promise<Http2Server>;

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
      response.statusCode = await handler().catch(() => 500);
      response.end('done');
    });
  },
  Koa: async (verifier, handler) => {
    const app = new Koa();
    app.silent = true;
    app.use(webhook(verifier)).use(async (ctx) => {
      ctx.status = await handler();
      ctx.body = 'done';
    });
    return createServer(app.callback() as never);
  },
  Fastify: async (verifier, handler) => {
    const app = fastify({ http2: true });
    await app.register(async (scope) => {
      await scope.register(webhookPlugin as never, { verifier });
      scope.post('/', async (_request, reply) => reply.code(await handler()).send('done'));
    });
    await app.ready();
    return app.server;
  },
  'Nest on Fastify': async (verifier, handler) => {
    const { common, core, fastify: platform, adapter } = await loadNest(12);
    class Hooks {
      async post(response: { status(code: number): unknown }): Promise<string> {
        response.status(await handler());
        return 'done';
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

describe.each(Object.entries(MOUNTS))('%s over HTTP/2', (_, mount) => {
  const ENDINGS: readonly [string, Handler, 'committed' | 'released'][] = [
    ['succeeds', async () => 200, 'committed'],
    ['responds with 500', async () => 500, 'released'],
    ['throws', () => Promise.reject(new Error('failed on purpose')), 'released'],
  ];

  describe.each(ENDINGS)('a handler that %s', (_name, handler, outcome) => {
    it(`is ${outcome} if its client leaves while the claim is asked`, async () => {
      const claim = gate();
      const sent = await send(mount, handler, { claim: claim.opened });
      await vi.waitFor(() => expect(sent.asked()).toBe(1));
      await sent.leave();
      claim.open();
      await vi.waitFor(() => expect(sent.seen()).toContain(outcome));
      expect(sent.runs()).toBe(1);
    });

    it(`is ${outcome} if its client leaves while it runs`, async () => {
      const running = gate();
      const sent = await send(mount, () => running.opened.then(handler));
      await vi.waitFor(() => expect(sent.runs()).toBe(1));
      await sent.leave();
      expect(await sent.again()).toBe(503);
      running.open();
      await vi.waitFor(() => expect(sent.seen()).toContain(outcome));
    });

    it(`is ${outcome} if its client stays`, async () => {
      const sent = await send(mount, handler);
      await vi.waitFor(() => expect(sent.seen()).toContain(outcome));
    });
  });
});

function gate(): { opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Sends one delivery. */
async function send(mount: Mount, handler: Handler, { claim }: { claim?: Promise<void> } = {}) {
  const events: WebhookEvent[] = [];
  let asked = 0;
  let runs = 0;
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
    secrets: SECRET,
    replay,
    observe: (event) => events.push(event),
  });
  const server = await mount(verifier, () => {
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
  const post = () => {
    const stream: ClientHttp2Stream = client.request({
      ':method': 'POST',
      'content-type': 'application/json',
      ...headers,
    });
    stream.on('error', () => undefined);
    return stream.end(Buffer.from(body));
  };
  const first = post();
  return {
    asked: () => asked,
    runs: () => runs,
    seen: () => events.map(({ type }) => type),
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
