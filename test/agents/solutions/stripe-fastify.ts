import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhookPlugin } from '@countersign/fastify';
import { stripe } from '@countersign/schemes';
import fastify from 'fastify';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: stripe(),
    secrets: fileSecrets(app.secretsPath),
    observe: logWebhooks(console),
  });
  await verifier.ready();

  const routes = fastify();
  routes.register(async (scope) => {
    await scope.register(webhookPlugin, { verifier });
    scope.post('/hooks', async (request, reply) => {
      await app.work(request.webhook.json());
      return reply.code(204).send();
    });
  });
  routes.post('/orders', async (request) => request.body);
  routes.addHook('onClose', () => verifier.close());
  await routes.listen({ port: 0, host: '127.0.0.1' });

  return { server: routes.server, close: () => routes.close() };
}
