import type { ReceivedWebhook } from '@countersign/core';
import { webhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { webhook as koaWebhook } from '@countersign/koa';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { TimeoutError, timeout } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { deliver, watchedVerifier } from '../support/github-receiver.ts';
import { listen, portOf } from '../support/listen.ts';
import { createApp } from '../support/mounts/nest.ts';
import { decorateClass, decorateMethod } from '../support/mounts/nest-decorate.ts';
import { loadNest } from '../support/mounts/nest-majors.ts';

type Handler = (webhook: ReceivedWebhook) => Promise<void>;
/** Serves the handler behind a timeout of the host, which responds with 503 while the handler is at work. */
type Mount = (verifier: ReturnType<typeof watchedVerifier>['verifier'], handler: Handler) => Promise<number>;

const nest =
  (major: 11 | 12, platform: 'express' | 'fastify'): Mount =>
  async (verifier, handler) => {
    const loaded = await loadNest(major);
    const { common, adapter } = loaded;
    class Hooks {
      async post(given: ReceivedWebhook): Promise<void> {
        await handler(given);
      }
    }
    const responding = {
      intercept: (_: unknown, next: { handle(): import('rxjs').Observable<unknown> }) =>
        next.handle().pipe(timeout(10)),
    };
    const filter = {
      catch: (error: unknown, host: import('@nestjs/common').ArgumentsHost) => {
        const status = error instanceof TimeoutError ? 503 : 500;
        host.switchToHttp().getResponse().status(status).send('timeout');
      },
    };
    decorateMethod(
      Hooks,
      'post',
      [
        common.Post(),
        common.UseInterceptors(responding),
        common.UseFilters(filter),
        adapter.VerifyWebhook('x'),
      ],
      [adapter.Webhook()],
    );
    decorateClass(Hooks, [common.Controller()]);
    class App {}
    decorateClass(App, [
      common.Module({
        imports: [adapter.WebhookModule.forRoot({ verifiers: { x: verifier } })],
        controllers: [Hooks],
      }),
    ]);
    const app = await createApp(loaded, platform, App);
    onTestFinished(async () => {
      await app.close();
      await loaded.unload();
    });
    await app.listen(0, '127.0.0.1');
    return portOf(app.getHttpServer());
  };

const MOUNTS: [string, Mount][] = [
  [
    'Koa',
    async (verifier, handler) => {
      const app = new Koa();
      app.use(async (ctx, next) => {
        await Promise.race([next(), new Promise((resolve) => setTimeout(resolve, 10))]);
        ctx.status = 503;
      });
      app.use(koaWebhook(verifier)).use((ctx) => handler(ctx.state.webhook));
      const server = await listen(app.callback());
      onTestFinished(() => server.close());
      return server.port;
    },
  ],
  [
    'Fastify',
    async (verifier, handler) => {
      const app = fastify({ forceCloseConnections: true });
      await app.register(async (scope) => {
        await scope.register(webhookPlugin, { verifier });
        scope.addHook('preHandler', async (_, reply) => {
          setTimeout(() => reply.raw.headersSent || reply.raw.writeHead(503).end(), 10);
        });
        scope.post('/', async (request, reply) => {
          await handler(request.webhook);
          return reply.code(204).send();
        });
      });
      onTestFinished(() => app.close());
      await app.listen({ port: 0, host: '127.0.0.1' });
      return portOf(app.server);
    },
  ],
  ['Nest 12 on Express', nest(12, 'express')],
  ['Nest 12 on Fastify', nest(12, 'fastify')],
  ['Nest 11 on Express', nest(11, 'express')],
];

describe.each(MOUNTS)("a timeout of the host's own on %s", (_, mount) => {
  it('releases nothing while the handler is at work; then the retry runs', async () => {
    const { verifier, seen } = watchedVerifier();
    const ends: (() => void)[] = [];
    onTestFinished(() => ends.forEach((end) => void end()));
    let most = 0;
    let active = 0;
    const port = await mount(verifier, async () => {
      most = Math.max(most, ++active);
      if (ends.length === 0) await new Promise<void>((resolve) => ends.push(resolve));
      active -= 1;
    });
    expect((await deliver(port)).status).toBe(503);
    expect((await deliver(port)).status).toBe(503);
    expect(seen().filter((type) => type === 'claimed')).toHaveLength(1);
    expect(seen()).not.toContain('released');
    ends[0]?.();
    await vi.waitFor(() => expect(seen()).toContain('released'));
    await deliver(port);
    await vi.waitFor(() => expect(seen().filter((type) => type === 'claimed')).toHaveLength(2));
    expect(most).toBe(1);
  });
});

describe("a timeout of the host's own on Express, which can't see its handlers", () => {
  it('releases, and aborts the signal', async () => {
    const { verifier, seen } = watchedVerifier();
    let aborted: () => void = () => undefined;
    const signaled = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const app = express();
    app.post(
      '/',
      webhook(verifier),
      (_, res, next) => {
        setTimeout(() => res.headersSent || res.status(503).end(), 10);
        next();
      },
      (req) => {
        req.webhook.signal.addEventListener('abort', aborted);
      },
    );
    const server = await listen(app);
    onTestFinished(() => server.close());
    expect((await deliver(server.port)).status).toBe(503);
    await signaled;
    await vi.waitFor(() => expect(seen()).toContain('released'));
  });
});
