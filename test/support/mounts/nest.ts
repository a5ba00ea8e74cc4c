import { Readable } from 'node:stream';
import type { ReceivedWebhook } from '@countersign/core';
import type { AdapterMount, AdapterSetup, RouteAction } from '@countersign/testing';
import type {
  CallHandler,
  ExecutionContext,
  INestApplication,
  MiddlewareConsumer,
  NestApplicationOptions,
  Type,
} from '@nestjs/common';
import type express from 'express';
import { portOf } from '../listen.ts';
import { expressOf } from './express.ts';
import { decorateClass, decorateMethod } from './nest-decorate.ts';
import type { Nest } from './nest-majors.ts';
import { piecesOf } from './pieces.ts';

/** An application of the major that this package has: its own types, for tests whose package has another. */
export type { INestApplication };

export type NestPlatform = 'express' | 'fastify';

/** The Express that a major of Nest brings. */
export function expressUnder({ major }: Nest): typeof express {
  return expressOf(major === 10 ? 4 : 5);
}

function parsersOf(nest: Nest) {
  return [expressUnder(nest).json(), expressUnder(nest).urlencoded({ extended: false })];
}

/** The adapter under one major of Nest, on one of its platforms. */
export function nestMount(nest: () => Nest, platform: NestPlatform): AdapterMount {
  return async (setup) => {
    const app = await createApp(nest(), platform, appOf(nest(), setup));
    await app.listen(0, '127.0.0.1');
    return { port: portOf(app.getHttpServer()), close: () => app.close() };
  };
}

/** Creates an application as `main.ts` would, on the given platform. */
export function createApp(
  nest: Nest,
  platform: NestPlatform,
  module: Type,
  options: NestApplicationOptions = {},
): Promise<INestApplication> {
  const adapter =
    platform === 'express' ? new nest.express.ExpressAdapter() : new nest.fastify.FastifyAdapter();
  const quiet = { logger: false, abortOnError: false, forceCloseConnections: true } as const;
  return nest.core.NestFactory.create(module, adapter, { ...quiet, ...options });
}

interface Response {
  status(code: number): Response;
  send(body: string): unknown;
}

function appOf(nest: Nest, setup: AdapterSetup): Type {
  const { common, adapter } = nest;
  const { Body, Controller, Get, HttpCode, Module, Post, Put, Res, StreamableFile, UseInterceptors } = common;
  const { VerifyWebhook, Webhook, WebhookModule } = adapter;

  class Hooks {
    post(webhook: ReceivedWebhook, body: unknown, response: Response): unknown {
      const action = setup.handler({ webhook, body });
      if (action instanceof Promise) return action.then((later) => perform(later, response));
      return perform(action, response);
    }
    put(webhook: ReceivedWebhook, body: unknown, response: Response): unknown {
      return this.post(webhook, body, response);
    }
    get(webhook: ReceivedWebhook, body: unknown, response: Response): unknown {
      return this.post(webhook, body, response);
    }
  }
  const perform = (action: RouteAction, response: Response): unknown => {
    switch (action.action) {
      case 'throw':
        throw action.error;
      case 'reject':
        return Promise.reject(action.error);
      case 'respond':
        response.status(action.status);
        return action.body;
      case 'respond-then-throw':
        response.status(action.status).send(action.body);
        throw action.error;
      case 'stream':
        response.status(action.status);
        return new StreamableFile(Readable.from(piecesOf(action)));
      case 'never-end':
        return new Promise(() => undefined);
    }
  };
  const parameters = [Webhook(), Body(), Res({ passthrough: true })];
  const between = setup.parser === 'after' ? [UseInterceptors(parsingWith(parsersOf(nest)))] : [];
  decorateMethod(Hooks, 'post', [Post('case'), VerifyWebhook('case'), ...between], parameters);
  decorateMethod(Hooks, 'get', [Get('case'), VerifyWebhook('case'), ...between], parameters);
  decorateMethod(Hooks, 'put', [Put('case'), VerifyWebhook('case'), ...between], parameters);
  decorateClass(Hooks, [Controller('hooks')]);

  class Sibling {
    echo(body: unknown): unknown {
      return body;
    }
  }
  decorateMethod(Sibling, 'echo', [Post('sibling'), HttpCode(200)], [Body()]);
  decorateClass(Sibling, [Controller()]);

  class App {
    configure(consumer: MiddlewareConsumer): void {
      if (setup.parser === 'before') consumer.apply(...parsersOf(nest)).forRoutes(Hooks);
    }
  }
  decorateClass(App, [
    Module({
      imports: [WebhookModule.forRoot({ verifiers: { case: setup.verifier }, ...setup.options })],
      controllers: [Hooks, Sibling],
    }),
  ]);
  return App;
}

/** An interceptor runs between a guard and its handler. */
function parsingWith(parsers: ReturnType<typeof parsersOf>) {
  return {
    async intercept(context: ExecutionContext, next: CallHandler) {
      const http = context.switchToHttp();
      for (const parser of parsers) {
        await new Promise<void>((resolve, reject) => {
          parser(http.getRequest(), http.getResponse(), (error) => (error ? reject(error) : resolve()));
        });
      }
      return next.handle();
    },
  };
}
