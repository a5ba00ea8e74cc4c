import { createVerifier, defineScheme, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/fetch';
import { Hono } from 'hono';
import type { App, Receiver } from '../contract.ts';

/** Wrong: a definition by hand, although there is slack(). It knows neither Slack's test of the endpoint nor its retries. */
const byHand = defineScheme({
  name: 'slack',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-slack-signature', prefix: 'v0=', encoding: 'hex' },
    timestamp: { header: 'x-slack-request-timestamp', unit: 's' },
    content: 'v0:{timestamp}:{body}',
  },
  identity: { bodyField: 'event_id' },
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
});

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: byHand,
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
