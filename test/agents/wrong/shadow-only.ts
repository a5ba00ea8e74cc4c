import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { shadow } from '@countersign/fetch';
import { stripe } from '@countersign/schemes';
import { Hono } from 'hono';
import type { App, Receiver } from '../contract.ts';

/** Wrong: shadow() only says what would be refused. */
export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: stripe(),
    secrets: fileSecrets(app.secretsPath),
    observe: logWebhooks(console),
  });
  await verifier.ready();
  const receive = shadow(
    verifier,
    () => undefined,
    async (request: Request) => {
      await app.work(await request.json());
      return new Response(null, { status: 204 });
    },
  );
  const routes = new Hono();
  routes.post('/hooks', (context) => receive(context.req.raw));
  routes.post('/orders', async (context) => context.json(await context.req.json()));
  return { fetch: (request) => routes.fetch(request), close: () => verifier.close() };
}
