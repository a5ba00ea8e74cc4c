import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/fetch';
import { stripe } from '@countersign/schemes';
import { Hono } from 'hono';
import type { App, Receiver } from '../contract.ts';

const seen = new Set<string>();

/** Wrong: ids are remembered before the work is done, so a failed delivery never runs again. */
export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: stripe(),
    secrets: fileSecrets(app.secretsPath),
    replay: false,
    observe: logWebhooks(console),
  });
  await verifier.ready();
  const receive = webhookHandler(verifier, async (webhook) => {
    const { id } = webhook;
    if (seen.has(id)) return;
    seen.add(id);
    await app.work(webhook.json());
  });
  const routes = new Hono();
  routes.post('/hooks', (context) => receive(context.req.raw, context));
  routes.post('/orders', async (context) => context.json(await context.req.json()));
  return { fetch: (request) => routes.fetch(request), close: () => verifier.close() };
}
