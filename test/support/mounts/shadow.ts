import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { ShadowReport, Verifier } from '@countersign/core';
import { shadow as expressShadow } from '@countersign/express';
import { shadow as fastifyShadow } from '@countersign/fastify';
import { shadow as fetchShadow } from '@countersign/fetch';
import { shadow as koaShadow } from '@countersign/koa';
import { type LambdaEvent, shadow as lambdaShadow } from '@countersign/lambda';
import type { MountedAdapter } from '@countersign/testing';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import express, { type Request as ExpressRequest } from 'express';
import fastify, { type FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { emulator } from '../lambda/emulator.ts';
import { LAMBDA_HOSTS } from '../lambda/hosts.ts';
import { listen, portOf } from '../listen.ts';
import { createApp, type NestPlatform } from './nest.ts';
import { decorateClass, decorateMethod } from './nest-decorate.ts';
import type { Nest } from './nest-majors.ts';

/** What the code behind `shadow()` has seen of one request. */
export interface Seen {
  /** JSON as the framework's own parser has it, or the bytes as the framework's own raw reader has them. */
  readonly body: unknown;
  /** The property in which a delivery would be. */
  readonly webhook: unknown;
}

/**
 * Mounts `shadow()` before the routes `POST /json`, behind which is the framework's JSON parser, and `POST /raw`, which reads bytes. Both
 * respond with 200 and the text `old`.
 */
export type ShadowMount = (
  verifier: Verifier | (() => Verifier | undefined),
  report: (report: ShadowReport) => unknown,
  see: (seen: Seen) => void,
) => Promise<MountedAdapter>;

export const shadowMounts: Readonly<Record<string, ShadowMount>> = {
  async Express(verifier, report, see) {
    const app = express();
    app.use(expressShadow(verifier, report));
    const handler = (req: ExpressRequest, res: express.Response) => {
      see({ body: req.body, webhook: req.webhook });
      res.send('old');
    };
    app.post('/json', express.json(), handler);
    app.post('/raw', express.raw({ type: () => true, limit: '8mb' }), handler);
    return listen(app);
  },
  async Fastify(verifier, report, see) {
    const app = fastify({ bodyLimit: 8 * 1024 * 1024, forceCloseConnections: true });
    const handler = async (request: FastifyRequest) => {
      see({ body: request.body, webhook: request.webhook });
      return 'old';
    };
    const onRequest = fastifyShadow(verifier, report);
    app.post('/json', { onRequest }, handler);
    await app.register(async (scope) => {
      scope.addHook('onRequest', onRequest);
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
      scope.post('/raw', handler);
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: portOf(app.server), close: () => app.close() };
  },
  async Koa(verifier, report, see) {
    const app = new Koa();
    app.silent = true;
    app.use(koaShadow(verifier, report));
    const router = new Router();
    router.post('/json', bodyParser(), (ctx) => {
      see({ body: ctx.request.body, webhook: ctx.state.webhook });
      ctx.body = 'old';
    });
    router.post('/raw', async (ctx) => {
      see({ body: await bytesOf(ctx.req), webhook: ctx.state.webhook });
      ctx.body = 'old';
    });
    app.use(router.routes());
    return listen(app.callback());
  },
  async Hono(verifier, report, see) {
    const app = new Hono();
    const handler = fetchShadow(verifier, report, async (request) => {
      const isJson = new URL(request.url).pathname === '/json';
      const body = isJson ? await request.json() : Buffer.from(await request.arrayBuffer());
      see({ body, webhook: (request as { webhook?: unknown }).webhook });
      return new Response('old');
    });
    app.post('/:route', (context) => handler(context.req.raw));
    return listen(async (incoming, outgoing) => {
      const headers = Object.entries(incoming.headers) as [string, string][];
      const request = new Request(`http://localhost${incoming.url}`, {
        method: 'POST',
        headers,
        body: Readable.toWeb(incoming) as ReadableStream,
        duplex: 'half',
      });
      const response = await app.fetch(request);
      outgoing.writeHead(response.status).end(await response.text());
    });
  },
  async Lambda(verifier, report, see) {
    const handler = lambdaShadow(verifier, report, async (event: LambdaEvent) => {
      const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded === true ? 'base64' : 'utf8');
      const body = event.rawPath === '/json' ? JSON.parse(bytes.toString()) : bytes;
      see({ body, webhook: (event as { webhook?: unknown }).webhook });
      return { statusCode: 200, body: 'old' };
    });
    return listen(emulator(LAMBDA_HOSTS['function URL'], handler as never));
  },
};

/** Nest's own body parsers run behind `shadow()`, which `main.ts` mounts. */
export function nestShadowMount(nest: () => Nest, platform: NestPlatform): ShadowMount {
  return async (verifier, report, see) => {
    const { common, adapter } = nest();
    class Hooks {
      handle(request: { webhook?: unknown }, body: unknown): string {
        see({ body, webhook: request.webhook });
        return 'old';
      }
    }
    const parameters = [common.Req(), common.Body()];
    decorateMethod(Hooks, 'handle', [common.Post([':route']), common.HttpCode(200)], parameters);
    decorateClass(Hooks, [common.Controller()]);
    class App {}
    decorateClass(App, [common.Module({ controllers: [Hooks] })]);
    const app = await createApp(nest(), platform, App);
    app.use(adapter.shadow(verifier, report));
    // The types are for JSON only; bytes reach the handler by Nest's raw parser.
    const parsed = app as unknown as { useBodyParser(type: unknown, options: object): void };
    if (platform === 'express') {
      parsed.useBodyParser('json', {});
      parsed.useBodyParser('raw', { type: 'application/octet-stream', limit: '8mb' });
    } else {
      parsed.useBodyParser('application/octet-stream', { bodyLimit: 8 * 1024 * 1024 });
    }
    await app.listen(0, '127.0.0.1');
    return { port: portOf(app.getHttpServer()), close: () => app.close() };
  };
}

export async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}
