import 'reflect-metadata';
import type { RequestListener } from 'node:http';
import type { Verifier } from '@countersign/core';
import { VerifyWebhook, WebhookModule } from '@countersign/nestjs';
import { Controller, HttpCode, Module, Post, Req, type Type, UnauthorizedException } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Check } from './by-hand.ts';
import type { Framework } from './framework.ts';
import type { Work } from './work.ts';

interface RawRequest {
  readonly rawBody: Buffer;
  readonly headers: Record<string, string>;
}

/** A route that checks the raw body which Nest keeps when it is asked to. */
function checkedModule(check: Check): Type {
  @Controller()
  class Hooks {
    @Post()
    @HttpCode(200)
    take(@Req() request: RawRequest): string {
      if (!check(request.headers, request.rawBody)) throw new UnauthorizedException();
      return 'OK';
    }
  }
  @Module({ controllers: [Hooks] })
  class App {}
  return App;
}

function adaptedModule(verifier: Verifier, work: Work): Type {
  @Controller()
  class Hooks {
    @Post()
    @HttpCode(200)
    @VerifyWebhook('hook')
    take(): string {
      work();
      return 'OK';
    }
  }
  @Module({ imports: [WebhookModule.forRoot({ verifiers: { hook: verifier } })], controllers: [Hooks] })
  class App {}
  return App;
}

async function listenerOf(
  app: Type,
  adapter: AbstractHttpAdapter,
  rawBody: boolean,
): Promise<RequestListener> {
  const nest = await NestFactory.create(app, adapter, { rawBody, logger: false });
  await nest.init();
  if (adapter instanceof FastifyAdapter) await adapter.getInstance().ready();
  const server = nest.getHttpServer();
  return (request, response) => server.emit('request', request, response);
}

/** Nest on one of its two hosts. */
export function nest(host: 'express' | 'fastify'): Framework {
  const adapter = () => (host === 'express' ? new ExpressAdapter() : new FastifyAdapter());
  return {
    checked: (check) => listenerOf(checkedModule(check), adapter(), true),
    adapted: (verifier, work) => listenerOf(adaptedModule(verifier, work), adapter(), false),
  };
}
