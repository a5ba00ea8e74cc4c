// The routes of one receiver under one framework, as a user of Countersign writes them.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReceivedWebhook, Verifier } from '@countersign/core';
import type { AdapterOptions } from '@countersign/core/extend';
import type { RequestHandler } from 'express';
import type { Framework } from '../settings.ts';

/** The response of a handler that does not throw. */
export interface HandlerResponse {
  readonly status: number;
  /** Sent as a whole; with `pieces`, piece by piece. */
  readonly text?: string;
  readonly pieces?: readonly string[];
}

export interface Route {
  readonly path: string;
  readonly verifier: Verifier;
  readonly claim: 'auto' | 'manual';
  handle(webhook: ReceivedWebhook): Promise<HandlerResponse>;
}

type ExpressGuard = (verifier: Verifier, options: Pick<AdapterOptions<unknown>, 'claim'>) => RequestHandler;

export async function mount(
  framework: Framework,
  routes: readonly Route[],
  guard?: ExpressGuard,
): Promise<RequestListener> {
  switch (framework) {
    case 'express 4':
      return mountExpress((await import('express4')).default as never, routes, guard);
    case 'express 5':
      return mountExpress((await import('express')).default, routes, guard);
    case 'fastify':
      return mountFastify(routes);
    case 'koa':
      return mountKoa(routes);
    case 'nest':
      return mountNest(routes);
    case 'fetch':
      return mountFetch(routes);
  }
}

async function mountExpress(
  express: typeof import('express'),
  routes: readonly Route[],
  guard?: ExpressGuard,
): Promise<RequestListener> {
  const { webhook } = await import('@countersign/express');
  const app = express();
  app.set('env', 'test');
  for (const { path, verifier, claim, handle } of routes) {
    app.post(path, (guard ?? webhook)(verifier, { claim }), (req, res, next) => {
      // Express 4 does not look at what a handler returns.
      handle(req.webhook)
        .then((given) => respond(res, given))
        .catch(next);
    });
  }
  return app;
}

async function mountFastify(routes: readonly Route[]): Promise<RequestListener> {
  const { webhookPlugin } = await import('@countersign/fastify');
  const { default: fastify } = await import('fastify');
  const app = fastify();
  for (const { path, verifier, claim, handle } of routes) {
    app.register(async (scope) => {
      await scope.register(webhookPlugin, { verifier, claim });
      scope.post(path, async (request, reply) => {
        const { status, text, pieces } = await handle(request.webhook);
        return reply.code(status).send(pieces === undefined ? text : Readable.from(pieces));
      });
    });
  }
  await app.ready();
  return (request, response) => app.routing(request, response);
}

async function mountKoa(routes: readonly Route[]): Promise<RequestListener> {
  const { webhook } = await import('@countersign/koa');
  const { default: Router } = await import('@koa/router');
  const { default: Koa } = await import('koa');
  const router = new Router();
  for (const { path, verifier, claim, handle } of routes) {
    router.post(path, webhook(verifier, { claim }), async (ctx) => {
      const { status, text, pieces } = await handle(ctx.state.webhook);
      ctx.status = status;
      if (text !== undefined || pieces !== undefined) ctx.body = pieces ? Readable.from(pieces) : text;
    });
  }
  const app = new Koa();
  app.silent = true;
  return app.use(router.routes()).callback();
}

async function mountNest(routes: readonly Route[]): Promise<RequestListener> {
  const { Controller, Module, Post, Res } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { VerifyWebhook, Webhook, WebhookModule } = await import('@countersign/nestjs');

  const controllers = routes.map(({ path, claim, handle }) => {
    @Controller()
    class HooksController {
      @Post(path)
      @VerifyWebhook(path, { claim })
      async receive(
        @Webhook() webhook: ReceivedWebhook,
        @Res({ passthrough: true }) response: ServerResponse & { status(code: number): unknown },
      ): Promise<string | undefined> {
        const given = await handle(webhook);
        if (given.pieces !== undefined) {
          await respond(response, given);
          // Written by hand: Nest must not respond a second time.
          return new Promise(() => undefined);
        }
        response.status(given.status);
        return given.text;
      }
    }
    return HooksController;
  });

  @Module({
    imports: [
      WebhookModule.forRoot({
        verifiers: Object.fromEntries(routes.map(({ path, verifier }) => [path, verifier])),
      }),
    ],
    controllers,
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: false });
  await app.init();
  return app.getHttpAdapter().getInstance();
}

async function mountFetch(routes: readonly Route[]): Promise<RequestListener> {
  const { webhookHandler } = await import('@countersign/fetch');
  const handlers = new Map(
    routes.map(({ path, verifier, claim, handle }) => [
      path,
      webhookHandler(
        verifier,
        async (webhook) => {
          const { status, text, pieces } = await handle(webhook);
          return new Response(pieces === undefined ? (text ?? null) : inPieces(pieces), { status });
        },
        { claim },
      ),
    ]),
  );
  return (incoming, outgoing) => {
    const handler = handlers.get(incoming.url ?? '');
    if (handler === undefined) return void outgoing.writeHead(404).end();
    handler(toRequest(incoming))
      .then((response) => sendResponse(response, outgoing))
      .catch(() => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(500).end()));
  };
}

/** A plain bridge from `node:http`, as servers of Web handlers have one. */
function toRequest(incoming: IncomingMessage): Request {
  const headers = new Headers();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? '', incoming.rawHeaders[index + 1] ?? '');
  }
  const chunks = incoming.iterator({ destroyOnReturn: false });
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return?.();
    },
  });
  const url = new URL(incoming.url ?? '/', 'http://localhost');
  return new Request(url, { method: 'POST', headers, body, duplex: 'half' });
}

async function sendResponse(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.fromWeb(response.body as never), outgoing);
}

async function respond(response: ServerResponse, { status, text, pieces }: HandlerResponse): Promise<void> {
  response.statusCode = status;
  for (const piece of pieces ?? []) {
    response.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end(text);
}

// Readable.toWeb() throws if a stream is canceled while data arrives.
function inPieces(pieces: readonly string[]): ReadableStream<Uint8Array> {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(Buffer.from(piece));
    },
  });
}
