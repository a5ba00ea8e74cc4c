// Verifies a delivery, hands it over, and responds. The work is done elsewhere, in worker.ts.
import { createVerifier, logWebhooks, replayRecord } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { healthHandler, webhook } from '@countersign/express';
import { anchorBrowser } from '@countersign/schemes';
import express from 'express';
import { chosenQueue } from './queues.ts';

const sender = await (await chosenQueue()).openSender();

const verifier = createVerifier({
  scheme: anchorBrowser(),
  secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
  endpoint: 'queue/anchor',
  // A queue that hangs confirms nothing: then the claim ends soon, and the sender's retry is not kept out.
  handlerTimeoutSeconds: 10,
  // The memory of this process is enough: what it doesn't recognize, the worker does.
  observe: logWebhooks(console),
});
await verifier.ready();

const app = express();

app.post('/hooks/anchor', webhook(verifier), async (req, res) => {
  // The delivery's own id: a hash of the endpoint and of what the sender signs. Every queue accepts its letters, whatever is in `webhook.id`.
  const { key: id } = replayRecord(req.webhook);
  // If the queue doesn't confirm, this throws: the sender gets 500, and its retry runs this again.
  await sender.add({ id, event: req.webhook.json() });
  console.log(`queued ${req.webhook.id}`);
  // Only now is the delivery committed.
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
  // First the server, so that deliveries at work end; then the verifier; then the connection to the queue.
  process.once(signal, () => server.close(() => void verifier.close().then(() => sender.close())));
}
