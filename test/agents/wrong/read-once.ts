import { readFileSync } from 'node:fs';
import { createVerifier, logWebhooks } from '@countersign/core';
import { webhookHandler } from '@countersign/fetch';
import { stripe } from '@countersign/schemes';
import { Hono } from 'hono';
import type { App, Receiver } from '../contract.ts';

/** Wrong: the secret is read once. A rotation is noticed when someone restarts the app. */
export async function start(app: App): Promise<Receiver> {
  const { current } = JSON.parse(readFileSync(app.secretsPath, 'utf8'));
  const verifier = createVerifier({ scheme: stripe(), secrets: current, observe: logWebhooks(console) });
  return receiver(app, verifier);
}

function receiver(app: App, verifier: ReturnType<typeof createVerifier>): Receiver {
  const receive = webhookHandler(verifier, async (webhook) => {
    await app.work(webhook.json());
  });
  const routes = new Hono();
  routes.post('/hooks', (context) => receive(context.req.raw, context));
  routes.post('/orders', async (context) => context.json(await context.req.json()));
  return { fetch: (request) => routes.fetch(request), close: () => verifier.close() };
}
