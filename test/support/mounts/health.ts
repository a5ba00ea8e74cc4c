import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { HealthOptions, Verifier } from '@countersign/core';
import { healthHandler as expressHealth } from '@countersign/express';
import { healthHandler as fastifyHealth } from '@countersign/fastify';
import { healthHandler as fetchHealth } from '@countersign/fetch';
import { healthHandler as koaHealth } from '@countersign/koa';
import { healthHandler as lambdaHealth } from '@countersign/lambda';
import Router from '@koa/router';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { emulator } from '../lambda/emulator.ts';
import { LAMBDA_HOSTS } from '../lambda/hosts.ts';
import { createApp, type NestPlatform } from './nest.ts';
import { decorateClass, decorateMethod } from './nest-decorate.ts';
import type { Nest } from './nest-majors.ts';

type Verifiers = Readonly<Record<string, Verifier>>;

/** Mounts an adapter's `healthHandler()` at `/health`, on a server that does not listen yet. */
export type HealthMount = (
  verifiers: Verifiers,
  options?: HealthOptions,
) => Promise<{ readonly server: Server; close?(): Promise<unknown> }>;

export const healthMounts: Readonly<Record<string, HealthMount>> = {
  async Express(verifiers, options) {
    const app = express();
    app.all('/health', expressHealth(verifiers, options));
    return { server: createServer(app) };
  },
  async Fastify(verifiers, options) {
    const app = fastify();
    app.route({
      method: ['GET', 'HEAD', 'POST'],
      url: '/health',
      handler: fastifyHealth(verifiers, options),
    });
    await app.ready();
    return { server: app.server, close: () => app.close() };
  },
  async Koa(verifiers, options) {
    const app = new Koa();
    app.silent = true;
    app.use(new Router().all('/health', koaHealth(verifiers, options) as never).routes());
    return { server: createServer(app.callback()) };
  },
  async fetch(verifiers, options = {}) {
    const respond = fetchHealth<[{ incoming: IncomingMessage }]>(verifiers, {
      ...options,
      remoteAddress: (_, { incoming }) => incoming.socket.remoteAddress,
    });
    return {
      server: createServer(async (incoming, outgoing) => {
        const { method = 'GET', url = '/' } = incoming;
        const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
        const request = new Request(`http://localhost${url}`, {
          method,
          headers: headers as [string, string][],
        });
        const response = respond(request, { incoming });
        outgoing.writeHead(response.status, Object.fromEntries(response.headers));
        outgoing.end(await response.text());
      }),
    };
  },
};

/** A function on Lambda, which never sees where a request comes from. */
export const lambdaHealthMount: HealthMount = async (verifiers, options = {}) => ({
  server: createServer(
    emulator(LAMBDA_HOSTS['function URL'], lambdaHealth(verifiers, options as { token: string }) as never),
  ),
});

export function nestHealthMount(nest: () => Nest, platform: NestPlatform): HealthMount {
  return async (verifiers, options) => {
    const { common, adapter } = nest();
    const respond = adapter.healthHandler(verifiers, options);
    class Health {
      health(request: object, response: object): void {
        respond(request, response);
      }
    }
    const parameters = [common.Req(), common.Res()];
    decorateMethod(Health, 'health', [common.All('health')], parameters);
    decorateClass(Health, [common.Controller()]);
    class App {}
    decorateClass(App, [common.Module({ controllers: [Health] })]);
    const app = await createApp(nest(), platform, App);
    await app.init();
    if (platform === 'fastify') await app.getHttpAdapter().getInstance().ready();
    return { server: app.getHttpServer(), close: () => app.close() };
  };
}
