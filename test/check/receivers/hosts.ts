import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MountedAdapter } from '@countersign/testing';
import Router from '@koa/router';
import { Controller, HttpCode, Module, Post, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import express, { type Request, type Response } from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { listen } from '../../support/listen.ts';
import { serve } from '../../support/mounts/fetch.ts';
import { decorateClass, decorateMethod } from '../../support/mounts/nest-decorate.ts';
import type { Received, Reply } from './by-hand.ts';

/** Runs a receiver on one framework, at POST /hooks. */
export type Host = (respond: (request: Received) => Promise<Reply>) => Promise<MountedAdapter>;

const LIMIT = 1024 * 1024;

/** `express.raw()`, for every content type. */
export const onExpress: Host = (respond) => {
  const app = express();
  app.set('env', 'production');
  app.post('/hooks', express.raw({ type: () => true, limit: LIMIT }), async (req, res) => {
    send(res, await respond(received(req, Buffer.isBuffer(req.body) ? req.body : Buffer.of())));
  });
  // Errors of the parser, without a line on the console for each.
  app.use((error: { status?: number }, _req: Request, res: Response, _next: () => void) => {
    res.status(error.status ?? 500).send('refused');
  });
  return listen(app);
};

/** `express.json()` in front, as most applications have it. The body is written anew. */
export const onExpressJson: Host = (respond) => {
  const app = express();
  app.set('env', 'production');
  app.use(express.json({ limit: LIMIT }));
  app.post('/hooks', async (req, res) => {
    send(res, await respond(received(req, Buffer.from(JSON.stringify(req.body ?? {})))));
  });
  app.use((error: { status?: number }, _req: Request, res: Response, _next: () => void) => {
    res.status(error.status ?? 500).send('refused');
  });
  return listen(app);
};

/** `express.raw()` with its default limit of 100 kB. */
export const onExpressSmall: Host = (respond) => {
  const app = express();
  app.set('env', 'production');
  app.post('/hooks', express.raw({ type: () => true }), async (req, res) => {
    send(res, await respond(received(req, Buffer.isBuffer(req.body) ? req.body : Buffer.of())));
  });
  app.use((error: { status?: number }, _req: Request, res: Response, _next: () => void) => {
    res.status(error.status ?? 500).send('refused');
  });
  return listen(app);
};

/** A content type parser that keeps the bytes. */
export const onFastify: Host = async (respond) => {
  const app = Fastify({ forceCloseConnections: true, bodyLimit: LIMIT });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/hooks', async (request, reply) => {
    const {
      status,
      body = '',
      headers = {},
    } = await respond(received(request.raw, Buffer.isBuffer(request.body) ? request.body : Buffer.of()));
    return reply.code(status).headers(headers).send(body);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
};

/** The stream of the request. */
export const onKoa: Host = (respond) => koaWith(readAll)(respond);

/** Koa with another way of reading the body. `undefined`: the body is too long. */
export function koaWith(read: (incoming: IncomingMessage) => Promise<Buffer | undefined>): Host {
  return (respond) => {
    const app = new Koa();
    app.silent = true;
    const router = new Router();
    router.post('/hooks', async (ctx) => {
      const bytes = await read(ctx.req);
      const {
        status,
        body = '',
        headers = {},
      } = bytes === undefined ? { status: 413 } : await respond(received(ctx.req, bytes));
      ctx.status = status;
      ctx.set(headers);
      ctx.body = body;
      if (bytes === undefined) ctx.set('connection', 'close');
    });
    app.use(router.routes()).use(router.allowedMethods());
    return listen(app.callback());
  };
}

/** `rawBody: true`. */
export const onNest: Host = async (respond) => {
  class Hooks {
    async post(req: Request & { rawBody?: Buffer }, res: Response): Promise<void> {
      send(res, await respond(received(req, req.rawBody ?? Buffer.of())));
    }
  }
  decorateMethod(Hooks, 'post', [Post('hooks'), HttpCode(200)], [Req(), Res()]);
  decorateClass(Hooks, [Controller()]);
  class App {}
  decorateClass(App, [Module({ controllers: [Hooks] })]);
  const app = await NestFactory.create<NestExpressApplication>(App, {
    ...{ logger: false, abortOnError: false, forceCloseConnections: true, rawBody: true },
  });
  app.useBodyParser('json', { limit: LIMIT });
  await app.listen(0, '127.0.0.1');
  return { port: (app.getHttpServer().address() as AddressInfo).port, close: () => app.close() };
};

/** `request.arrayBuffer()` in a route of Hono. */
export const onHono: Host = (respond) => {
  const app = new Hono();
  app.post('/hooks', async (c) => {
    const declared = Number(c.req.header('content-length') ?? 0);
    if (declared > LIMIT) return c.text('too large', 413, { connection: 'close' });
    const body = Buffer.from(await c.req.arrayBuffer());
    const headers = Object.fromEntries(c.req.raw.headers);
    const reply = await respond({
      method: c.req.method,
      url: c.req.path + new URL(c.req.url).search,
      headers,
      rawHeaders: [...c.req.raw.headers].flat(),
      body,
    });
    return new Response(reply.body ?? '', { status: reply.status, headers: { ...reply.headers } });
  });
  // Without a line on the console for each.
  app.onError((_error, c) => c.text('failed', 500));
  return serve((request) => app.fetch(request));
};

/** Nothing but `node:http`. */
export const onNode: Host = (respond) =>
  listen(async (incoming, outgoing) => {
    if (incoming.method !== 'POST') return void outgoing.writeHead(405).end();
    const body = await readAll(incoming).catch(() => null);
    if (body === null) return void outgoing.destroy();
    if (body === undefined) return void outgoing.writeHead(413, { connection: 'close' }).end('too large');
    send(outgoing, await respond(received(incoming, body)));
  });

function received(incoming: IncomingMessage, body: Buffer): Received {
  const { method = '', url = '', rawHeaders } = incoming;
  const headers: Record<string, string | undefined> = {};
  for (const [name, values] of Object.entries(incoming.headersDistinct)) headers[name] = values?.join(', ');
  return { method, url, headers, rawHeaders, body };
}

function send(outgoing: ServerResponse, { status, body = '', headers = {} }: Reply): void {
  outgoing.writeHead(status, { ...headers }).end(body);
}

/** The whole body; `undefined` if there is more of it than the limit. */
async function readAll(incoming: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(incoming.headers['content-length'] ?? 0) > LIMIT) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    length += chunk.length;
    if (length > LIMIT) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Express with a route for every method, whose errors get 500. */
export const onAnyMethod: Host = (respond) => {
  const app = express();
  app.set('env', 'production');
  app.all('/hooks', express.raw({ type: () => true, limit: LIMIT }), async (req, res) => {
    send(res, await respond(received(req, Buffer.isBuffer(req.body) ? req.body : Buffer.of())));
  });
  app.use((error: { status?: number }, _req: Request, res: Response, _next: () => void) => {
    res.status(error.status ?? 500).send('refused');
  });
  return listen(app);
};
