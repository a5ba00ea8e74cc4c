import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/fetch';
import { langsmith } from '@countersign/schemes';
import { Hono } from 'hono';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: langsmith(),
    secrets: fileSecrets(app.secretsPath),
    observe: logWebhooks(console),
  });
  await verifier.ready();

  const receive = webhookHandler(verifier, async (webhook) => {
    await app.work(webhook.json());
  });
  const routes = new Hono();
  routes.post('/hooks', (context) => receive(context.req.raw, context));
  routes.post('/orders', async (context) => context.json(await context.req.json()));

  return { fetch: (request) => routes.fetch(request), close: () => verifier.close() };
}
