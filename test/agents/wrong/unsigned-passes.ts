import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/fetch';
import { stripe } from '@countersign/schemes';
import { Hono } from 'hono';
import type { App, Receiver } from '../contract.ts';

/** Wrong: whoever leaves out the signature is trusted. */
export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: stripe(),
    secrets: fileSecrets(app.secretsPath),
    observe: logWebhooks(console),
  });
  await verifier.ready();
  const receive = webhookHandler(verifier, async (webhook) => {
    await app.work(webhook.json());
  });
  const routes = new Hono();
  routes.post('/hooks', async (context) => {
    if (context.req.header('stripe-signature') !== undefined) return receive(context.req.raw, context);
    await app.work(await context.req.json());
    return context.body(null, 204);
  });
  routes.post('/orders', async (context) => context.json(await context.req.json()));
  return { fetch: (request) => routes.fetch(request), close: () => verifier.close() };
}
