import { Readable } from 'node:stream';
import { webhook } from '@countersign/koa';
import type { AdapterMount, AdapterSetup, RouteAction } from '@countersign/testing';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa3, { type ParameterizedContext } from 'koa';
import Koa2 from 'koa2';
import { listen } from '../listen.ts';
import { piecesOf } from './pieces.ts';

const VERSIONS = { 2: Koa2, 3: Koa3 };
export type KoaVersion = keyof typeof VERSIONS;

/** The adapter under one version of Koa, as middleware of a route or of the whole app. */
export function koaMount(version: KoaVersion, style: 'route' | 'use' = 'route'): AdapterMount {
  return async (setup) => listen(koaApp(version, setup, style).callback());
}

/** The app of {@link koaMount}, for hosts that run it in another way. */
export function koaApp(version: KoaVersion, setup: AdapterSetup, style: 'route' | 'use' = 'route') {
  const app = new VERSIONS[version]();
  app.silent = true;
  const sibling = new Router();
  sibling.post('/sibling', bodyParser(), (ctx) => {
    ctx.body = JSON.stringify(ctx.request.body);
    ctx.type = 'json';
  });
  app.use(sibling.routes());
  if (setup.parser === 'before') app.use(bodyParser());
  const guard = webhook(setup.verifier, setup.options);
  const parsers = setup.parser === 'after' ? [bodyParser()] : [];
  const route = async (ctx: ParameterizedContext) => {
    const input = { webhook: ctx.state.webhook, body: ctx.request.body };
    await perform(await setup.handler(input), ctx);
  };
  const router = new Router();
  if (style === 'route')
    router.register('/hooks/case', ['get', 'post', 'put'], [guard, ...parsers, route] as never);
  else {
    router.use('/hooks', guard as never, ...parsers);
    router.register('/hooks/case', ['get', 'post', 'put'], route as never);
  }
  app.use(router.routes());
  return app;
}

async function perform(action: RouteAction, ctx: ParameterizedContext): Promise<void> {
  switch (action.action) {
    case 'throw':
    case 'reject':
      throw action.error;
    case 'answer':
      ctx.status = action.status;
      ctx.body = action.body;
      return;
    case 'answer-then-throw':
      ctx.res.statusCode = action.status;
      ctx.res.end(action.body);
      throw action.error;
    case 'stream':
      ctx.status = action.status;
      ctx.body = Readable.from(piecesOf(action));
      return;
    case 'never-end':
      await new Promise(() => undefined);
  }
}
