import { createVerifier } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhookPlugin } from '@countersign/fastify';
import { anchorBrowser } from '@countersign/schemes';
import fastify from 'fastify';

// {"current": "the new secret", "previous": {"secret": "the old one", "notAfter": "2030-01-31T00:00:00Z"}}
// Rewrite the file to rotate: the process takes the new set by itself.
const verifier = createVerifier({
  scheme: anchorBrowser(),
  secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
});
await verifier.ready();

const app = fastify();

// A scope of its own: the rest of the app keeps its parsers and limits.
app.register(async (scope) => {
  await scope.register(webhookPlugin, { verifier });
  scope.post('/hooks/anchor', async (request, reply) => {
    await handle(request.webhook.id, request.webhook.json());
    return reply.code(204).send();
  });
});

app.get('/health', async (_, reply) => {
  const health = verifier.health();
  return reply.code(health.state === 'not-ready' ? 503 : 200).send(health);
});

app.addHook('onClose', () => verifier.close());

await app.listen({ port: Number(process.env.PORT ?? 3000), host: process.env.HOST ?? '127.0.0.1' });
const address = app.server.address();
console.log(`listening on port ${typeof address === 'object' ? address?.port : address}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Deliveries that are being handled come to their end; then nothing keeps the process alive.
  process.once(signal, () => void app.close());
}

/** Runs once for each delivery. Where it throws, the sender is answered 500, and its retry runs again. */
async function handle(id: string, event: unknown): Promise<void> {
  console.log(`handled ${id}: ${JSON.stringify(event)}`);
}
