import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { healthHandler, webhookPlugin } from '@countersign/fastify';
import { anchorBrowser } from '@countersign/schemes';
import fastify from 'fastify';

// {"current": "the new secret", "previous": {"secret": "the old one", "notAfter": "2030-01-31T00:00:00Z"}}
// Rewrite the file to rotate: the process loads the new set by itself.
const verifier = createVerifier({
  scheme: anchorBrowser(),
  secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
  // The sender never learns why it was refused: your log says it.
  observe: logWebhooks(console),
});
await verifier.ready();

const app = fastify();

// Its own scope: the rest of the app keeps its parsers and limits.
app.register(async (scope) => {
  await scope.register(webhookPlugin, { verifier });
  scope.post('/hooks/anchor', async (request, reply) => {
    await handle(request.webhook.id, request.webhook.json());
    return reply.code(204).send();
  });
});

// For probes and operators: from this machine, or with the token.
app.get('/health', healthHandler({ anchor: verifier }, { token: process.env.HEALTH_TOKEN }));

app.addHook('onClose', () => verifier.close());

await app.listen({ port: Number(process.env.PORT ?? 3000), host: process.env.HOST ?? '127.0.0.1' });
const address = app.server.address();
console.log(`listening on port ${typeof address === 'object' ? address?.port : address}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Fastify ends the deliveries at work first, and then runs onClose, which closes the verifier.
  process.once(signal, () => void app.close());
}

/** Runs once per delivery. If it throws, the sender gets 500, and its retry runs this again. */
async function handle(id: string, event: unknown): Promise<void> {
  console.log(`handled ${id}: ${JSON.stringify(event)}`);
}
