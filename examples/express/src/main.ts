import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { healthHandler, webhook } from '@countersign/express';
import { anchorBrowser } from '@countersign/schemes';
import express from 'express';

// {"current": "the new secret", "previous": {"secret": "the old one", "notAfter": "2030-01-31T00:00:00Z"}}
// Rewrite the file to rotate: the process loads the new set by itself.
const verifier = createVerifier({
  scheme: anchorBrowser(),
  secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
  // The sender never learns why it was refused: your log says it.
  observe: logWebhooks(console),
});
await verifier.ready();

const app = express();

app.post('/hooks/anchor', webhook(verifier), async (req, res) => {
  await handle(req.webhook.id, req.webhook.json());
  res.sendStatus(204);
});

// For probes and operators: from this machine, or with the token.
app.get('/health', healthHandler({ anchor: verifier }, { token: process.env.HEALTH_TOKEN }));

const server = app.listen(Number(process.env.PORT ?? 3000), (error) => {
  if (error) throw error;
  const address = server.address();
  console.log(`listening on port ${typeof address === 'object' ? address?.port : address}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // First the server, so that deliveries at work end; then the verifier; then, if you have one, the client of the replay store.
  process.once(signal, () => server.close(() => void verifier.close()));
}

/** Runs once per delivery. If it throws, the sender gets 500, and its retry runs this again. */
async function handle(id: string, event: unknown): Promise<void> {
  console.log(`handled ${id}: ${JSON.stringify(event)}`);
}
