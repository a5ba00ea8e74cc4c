import { createVerifier } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/fetch';
import { anchorBrowser } from '@countersign/schemes';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

// {"current": "the new secret", "previous": {"secret": "the old one", "notAfter": "2030-01-31T00:00:00Z"}}
// Rewrite the file to rotate: the process takes the new set by itself.
const verifier = createVerifier({
  scheme: anchorBrowser(),
  secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
});
await verifier.ready();

const receive = webhookHandler(verifier, (webhook) => handle(webhook.id, webhook.json()));

const app = new Hono();

app.post('/hooks/anchor', (context) => receive(context.req.raw));

app.get('/health', (context) => {
  const health = verifier.health();
  return context.json(health, health.state === 'not-ready' ? 503 : 200);
});

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on port ${port}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Deliveries that are being handled come to their end; then nothing keeps the process alive.
  process.once(signal, () => server.close(() => void verifier.close()));
}

/** Runs once for each delivery. Where it throws, the sender is answered 500, and its retry runs again. */
async function handle(id: string, event: unknown): Promise<void> {
  console.log(`handled ${id}: ${JSON.stringify(event)}`);
}
