import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { healthHandler, webhookHandler } from '@countersign/fetch';
import { anchorBrowser } from '@countersign/schemes';
import { serve } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, Hono } from 'hono';

// {"current": "the new secret", "previous": {"secret": "the old one", "notAfter": "2030-01-31T00:00:00Z"}}
// Rewrite the file to rotate: the process loads the new set by itself.
const verifier = createVerifier({
  scheme: anchorBrowser(),
  secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
  // The sender never learns why it was refused: your log says it.
  observe: logWebhooks(console),
});
await verifier.ready();

const receive = webhookHandler(verifier, (webhook) => handle(webhook.id, webhook.json()));

const app = new Hono();

// A load balancer that reuses its connections would keep a server alive that is closing.
app.use(async (context, next) => {
  await next();
  if (!server.listening) context.header('connection', 'close');
});

app.post('/hooks/anchor', (context) => receive(context.req.raw));

// For probes and operators: from this machine, or with the token.
const health = healthHandler<[Context]>(
  { anchor: verifier },
  { token: process.env.HEALTH_TOKEN, remoteAddress: (_, context) => getConnInfo(context).remote.address },
);
app.get('/health', (context) => health(context.req.raw, context));

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on port ${port}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // First the server, so that deliveries at work end; then the verifier; then, if you have one, the client of the replay store.
  process.once(signal, () => server.close(() => void verifier.close()));
}

/** Runs once per delivery. If it throws, the sender gets 500, and its retry runs this again. */
async function handle(id: string, event: unknown): Promise<void> {
  console.log(`handled ${id}: ${JSON.stringify(event)}`);
}
