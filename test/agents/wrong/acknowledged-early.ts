import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/fetch';
import { stripe } from '@countersign/schemes';
import { Hono } from 'hono';
import type { App, Receiver } from '../contract.ts';

/** Wrong: the sender is told that the event is handled, before it is. */
export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: stripe(),
    secrets: fileSecrets(app.secretsPath),
    observe: logWebhooks(console),
  });
  await verifier.ready();
  const receive = webhookHandler(verifier, async (webhook) => {
    app.work(webhook.json()).catch(() => undefined);
  });
  const routes = new Hono();
  routes.post('/hooks', (context) => receive(context.req.raw, context));
  routes.post('/orders', async (context) => context.json(await context.req.json()));
  return { fetch: (request) => routes.fetch(request), close: () => verifier.close() };
}
