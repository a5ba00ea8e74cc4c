import { once } from 'node:events';
import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhook } from '@countersign/koa';
import { slack } from '@countersign/schemes';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: slack(),
    secrets: fileSecrets(app.secretsPath),
    observe: logWebhooks(console),
  });
  await verifier.ready();

  const hooks = new Router();
  hooks.post('/hooks', webhook(verifier), async (ctx) => {
    await app.work(ctx.state.webhook.json());
    ctx.status = 204;
  });
  const orders = new Router();
  orders.post('/orders', bodyParser(), (ctx) => {
    ctx.body = ctx.request.body;
  });
  const koa = new Koa();
  koa.silent = true;
  koa.use(hooks.routes());
  koa.use(orders.routes());
  const server = koa.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const close = async () => {
    await new Promise((resolve) => server.close(resolve));
    await verifier.close();
  };
  return { server, close };
}
