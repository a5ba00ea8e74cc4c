import { createVerifier, logWebhooks } from '@countersign/core';
import { webhookHandler } from '@countersign/fetch';
import { standardWebhooks } from '@countersign/schemes';
import { Hono } from 'hono';
import type { App, Receiver } from '../contract.ts';

/** Wrong: it keeps each secret that it has ever seen. */
export async function start(app: App): Promise<Receiver> {
  const known = new Set<string>();
  const verifier = createVerifier({
    scheme: standardWebhooks(),
    async secrets() {
      const { current } = await app.loadSecrets();
      known.add(String(current));
      return { current: [...known] };
    },
    replay: app.sharedStore,
    observe: logWebhooks(console),
  });
  await verifier.ready();
  app.onSecretsChanged(() => void verifier.reload());
  const receive = webhookHandler(verifier, async (webhook) => {
    await app.work(webhook.json());
  });
  const routes = new Hono();
  routes.post('/hooks', (context) => receive(context.req.raw, context));
  routes.post('/orders', async (context) => context.json(await context.req.json()));
  return { fetch: (request) => routes.fetch(request), close: () => verifier.close() };
}
