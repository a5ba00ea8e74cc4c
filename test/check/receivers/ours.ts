import { appendFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import {
  createVerifier,
  type DefinedScheme,
  memoryReplayStore,
  type ReceivedWebhook,
  type Verifier,
} from '@countersign/core';
import { webhook as expressWebhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { webhookHandler } from '@countersign/fetch';
import { webhook as koaWebhook } from '@countersign/koa';
import type { MountedAdapter } from '@countersign/testing';
import Router from '@koa/router';
import express, { type Request, type Response } from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { listen } from '../../support/listen.ts';
import { serve } from '../../support/mounts/fetch.ts';
import { decorateClass, decorateMethod } from '../../support/mounts/nest-decorate.ts';
import { loadNest } from '../../support/mounts/nest-majors.ts';

/** What a receiver is set up with. */
export interface ReceiverSetup {
  readonly secret: string;
  readonly previous?: string | undefined;
  /** The file that grows by a line for each run. */
  readonly ran: string;
}

/** Starts a receiver on a free port of the loopback address, at /hooks. */
export type StartReceiver = (setup: ReceiverSetup) => Promise<MountedAdapter>;

/** The URL that senders sign: it is not the address at which a receiver listens. */
export const PUBLIC_URL = 'https://hooks.example.com/hooks';

function verifierOf(scheme: DefinedScheme, { secret, previous }: ReceiverSetup): Verifier {
  return createVerifier({
    scheme,
    secrets: { current: secret, ...(previous === undefined ? {} : { previous }) },
    publicUrl: PUBLIC_URL,
    replay: memoryReplayStore(),
    observe: () => undefined,
  });
}

/** A body with this word fails. */
export function handle(ran: string, body: Uint8Array): void {
  appendFileSync(ran, 'run\n');
  if (Buffer.from(body).includes('please-fail')) throw new Error('the handler fails, as asked');
}

/** Receivers with the adapters of this project. */
export const OURS: Readonly<Record<string, (scheme: DefinedScheme) => StartReceiver>> = {
  express: (scheme) => (setup) => {
    const app = express();
    app.set('env', 'production');
    app.post('/hooks', expressWebhook(verifierOf(scheme, setup)), (req, res) => {
      handle(setup.ran, req.body);
      res.sendStatus(200);
    });
    // The error of a handler, without a line on the console for each.
    app.use((_error: Error, _req: Request, res: Response, _next: () => void) => {
      res.sendStatus(500);
    });
    return listen(app);
  },
  fastify: (scheme) => async (setup) => {
    const app = Fastify({ forceCloseConnections: true });
    await app.register(async (scope) => {
      await scope.register(webhookPlugin, { verifier: verifierOf(scheme, setup) });
      scope.post('/hooks', async (request, reply) => {
        handle(setup.ran, (request as unknown as { webhook: ReceivedWebhook }).webhook.body);
        return reply.code(200).send('ok');
      });
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
  },
  koa: (scheme) => (setup) => {
    const app = new Koa();
    app.silent = true;
    const router = new Router();
    router.post('/hooks', koaWebhook(verifierOf(scheme, setup)), (ctx) => {
      handle(setup.ran, ctx.state.webhook.body);
      ctx.status = 200;
    });
    app.use(router.routes()).use(router.allowedMethods());
    return listen(app.callback());
  },
  nestjs: (scheme) => async (setup) => {
    const nest = await loadNest(12);
    const { Controller, HttpCode, Module, Post } = nest.common;
    const { VerifyWebhook, Webhook, WebhookModule } = nest.adapter;
    class Hooks {
      post(webhook: ReceivedWebhook): string {
        handle(setup.ran, webhook.body);
        return 'ok';
      }
    }
    decorateMethod(Hooks, 'post', [Post('hooks'), HttpCode(200), VerifyWebhook('check')], [Webhook()]);
    decorateClass(Hooks, [Controller()]);
    class App {}
    decorateClass(App, [
      Module({
        imports: [WebhookModule.forRoot({ verifiers: { check: verifierOf(scheme, setup) } })],
        controllers: [Hooks],
      }),
    ]);
    const app = await nest.core.NestFactory.create(App, new nest.express.ExpressAdapter(), {
      ...{ logger: false, abortOnError: false, forceCloseConnections: true },
    });
    await app.listen(0, '127.0.0.1');
    return {
      port: (app.getHttpServer().address() as AddressInfo).port,
      close: () => app.close(),
    };
  },
  fetch: (scheme) => (setup) => {
    const app = new Hono();
    const receive = webhookHandler(verifierOf(scheme, setup), (webhook) => handle(setup.ran, webhook.body));
    app.post('/hooks', (c) => receive(c.req.raw, c));
    app.onError((_error, c) => c.text('failed', 500));
    return serve((request) => app.fetch(request));
  },
};
