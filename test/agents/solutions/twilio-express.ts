import { once } from 'node:events';
import { createVerifier, logWebhooks, memoryReplayStore } from '@countersign/core';
import { envSecrets } from '@countersign/core/node';
import { webhook } from '@countersign/express';
import { twilio } from '@countersign/schemes';
import express from 'express';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: twilio(),
    secrets: envSecrets(app.secretVariable),
    publicUrl: app.publicUrl,
    replay: memoryReplayStore(),
    observe: logWebhooks(console),
  });
  await verifier.ready();

  const routes = express();
  routes.post('/hooks', webhook(verifier), async (req, res) => {
    await app.work(Object.fromEntries(new URLSearchParams(req.webhook.text())));
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
