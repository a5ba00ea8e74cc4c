// Each framework with one route that reads the raw body as its documentation suggests, and with one behind our adapter.
import type { IncomingMessage, RequestListener } from 'node:http';
import { webhook as expressWebhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { webhookHandler } from '@countersign/fetch';
import { webhook as koaWebhook } from '@countersign/koa';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa, { type Middleware } from 'koa';
import rawBody from 'raw-body';
import type { Framework } from './framework.ts';
import { nest } from './nest.ts';

const LIMIT = 1024 * 1024;

function headersOf(request: IncomingMessage): Record<string, string> {
  return request.headers as Record<string, string>;
}

function onKoa(...middleware: Middleware[]): RequestListener {
  const app = new Koa();
  for (const each of middleware) app.use(each);
  return app.callback();
}

export const frameworks: Readonly<Record<string, Framework>> = {
  'Express 5': {
    checked(check) {
      const app = express();
      app.post('/', express.raw({ type: () => true, limit: LIMIT }), (req, res) => {
        res.sendStatus(check(headersOf(req), req.body as Buffer) ? 200 : 401);
      });
      return app;
    },
    adapted(verifier, work) {
      const app = express();
      app.post('/', expressWebhook(verifier), (_, res) => {
        work();
        res.sendStatus(200);
      });
      return app;
    },
  },
  'Fastify 5': {
    async checked(check) {
      const app = fastify();
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: LIMIT }, (_, body, done) =>
        done(null, body),
      );
      app.post('/', async (request, reply) =>
        reply.code(check(headersOf(request.raw), request.body as Buffer) ? 200 : 401).send('OK'),
      );
      await app.ready();
      return (request, response) => app.routing(request, response);
    },
    async adapted(verifier, work) {
      const app = fastify();
      app.register(async (scope) => {
        await scope.register(webhookPlugin, { verifier });
        scope.post('/', async (_, reply) => {
          work();
          return reply.code(200).send('OK');
        });
      });
      await app.ready();
      return (request, response) => app.routing(request, response);
    },
  },
  'Koa 3': {
    checked: (check) =>
      onKoa(async (ctx) => {
        const body = await rawBody(ctx.req, {
          limit: LIMIT,
          length: ctx.req.headers['content-length'] ?? null,
        });
        ctx.status = check(headersOf(ctx.req), body) ? 200 : 401;
        ctx.body = 'OK';
      }),
    adapted: (verifier, work) =>
      onKoa(koaWebhook(verifier) as Middleware, (ctx) => {
        work();
        ctx.status = 200;
        ctx.body = 'OK';
      }),
  },
  'fetch in Hono': {
    checked(check) {
      const app = new Hono();
      app.post('/', async ({ req }) => {
        const body = Buffer.from(await req.arrayBuffer());
        return new Response('OK', { status: check(req.header(), body) ? 200 : 401 });
      });
      return getRequestListener(app.fetch);
    },
    adapted(verifier, work) {
      const app = new Hono();
      const receive = webhookHandler(verifier, () => {
        work();
        return new Response('OK');
      });
      app.post('/', (context) => receive(context.req.raw));
      return getRequestListener(app.fetch);
    },
  },
  'Nest 12 on Express': nest('express'),
  'Nest 12 on Fastify': nest('fastify'),
};
