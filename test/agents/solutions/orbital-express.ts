import { once } from 'node:events';
import { createVerifier, defineScheme, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhook } from '@countersign/express';
import express from 'express';
import type { App, Receiver } from '../contract.ts';

const orbital = defineScheme({
  name: 'orbital',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha512' },
    signature: { header: 'x-orbital-signature', encoding: 'base64' },
    timestamp: { header: 'x-orbital-time', unit: 'ms' },
    content: '{timestamp}:{body}',
  },
  identity: { bodyField: 'event_id' },
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
});

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: orbital,
    secrets: fileSecrets(app.secretsPath),
    observe: logWebhooks(console),
  });
  await verifier.ready();

  const routes = express();
  routes.post('/hooks', webhook(verifier), async (req, res) => {
    await app.work(req.webhook.json());
    res.sendStatus(204);
  });
  routes.use(express.json());
  routes.post('/orders', (req, res) => {
    res.json(req.body);
  });
  const server = routes.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const close = async () => {
    await new Promise((resolve) => server.close(resolve));
    await verifier.close();
  };
  return { server, close };
}
