// One route under each framework, as a user of Countersign writes it.
import 'reflect-metadata';
import type { RequestListener } from 'node:http';
import type { ReceivedWebhook, Verifier } from '@countersign/core';
import { webhook as expressWebhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { webhookHandler } from '@countersign/fetch';
import { webhook as koaWebhook } from '@countersign/koa';
import { VerifyWebhook, Webhook, WebhookModule } from '@countersign/nestjs';
import { getRequestListener } from '@hono/node-server';
import Router from '@koa/router';
import { Controller, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';

/** What a handler does with a delivery. */
export type Handle = (webhook: ReceivedWebhook) => Promise<void>;

type Mount = (path: string, verifier: Verifier, handle: Handle) => RequestListener | Promise<RequestListener>;

const mountExpress: Mount = (path, verifier, handle) => {
  const app = express();
  app.post(path, expressWebhook(verifier), async (req, res) => {
    await handle(req.webhook);
    res.sendStatus(204);
  });
  return app;
};

const mountFastify: Mount = async (path, verifier, handle) => {
  const app = fastify();
  app.register(async (scope) => {
    await scope.register(webhookPlugin, { verifier });
    scope.post(path, async (request, reply) => {
      await handle(request.webhook);
      return reply.code(204).send();
    });
  });
  await app.ready();
  return (request, response) => app.routing(request, response);
};

const mountKoa: Mount = (path, verifier, handle) => {
  const router = new Router();
  router.post(path, koaWebhook(verifier), async (ctx) => {
    await handle(ctx.state.webhook);
    ctx.status = 204;
  });
  return new Koa().use(router.routes()).callback();
};

const mountNest: Mount = async (path, verifier, handle) => {
  @Controller()
  class HooksController {
    @Post(path)
    @HttpCode(204)
    @VerifyWebhook('sender')
    async receive(@Webhook() webhook: ReceivedWebhook): Promise<void> {
      await handle(webhook);
    }
  }

  @Module({
    imports: [WebhookModule.forRoot({ verifiers: { sender: verifier } })],
    controllers: [HooksController],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  await app.init();
  return app.getHttpAdapter().getInstance();
};

const mountFetch: Mount = (path, verifier, handle) => {
  const receive = webhookHandler(verifier, handle);
  const app = new Hono();
  app.post(path, (context) => receive(context.req.raw));
  return getRequestListener(app.fetch);
};

const MOUNTS = {
  Express: mountExpress,
  Fastify: mountFastify,
  Koa: mountKoa,
  Nest: mountNest,
  'fetch in Hono': mountFetch,
};

/** The frameworks that a receiver serves at once. */
export type FrameworkName = keyof typeof MOUNTS;

/** Mounts one route under one framework. */
export async function mount(
  framework: FrameworkName,
  path: string,
  verifier: Verifier,
  handle: Handle,
): Promise<RequestListener> {
  return MOUNTS[framework](path, verifier, handle);
}
