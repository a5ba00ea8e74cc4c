import { once } from 'node:events';
import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhook } from '@countersign/express';
import { stripe } from '@countersign/schemes';
import express from 'express';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: stripe(),
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
