import { once } from 'node:events';
import { createVerifier, logWebhooks } from '@countersign/core';
import { webhook } from '@countersign/express';
import { stripe } from '@countersign/schemes';
import express from 'express';
import type { App, Receiver } from '../contract.ts';

/** Wrong: the secrets of all customers are one set, so each of them can sign for the others. */
export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: stripe(),
    async secrets() {
      const [acme, umbrella] = await Promise.all(['acme', 'umbrella'].map((each) => app.loadSecretsOf(each)));
      if (acme === undefined || umbrella === undefined) throw new Error('The database has no secrets.');
      return { ...acme, current: [acme.current, umbrella.current].flat() };
    },
    observe: logWebhooks(console),
  });
  await verifier.ready();
  app.onSecretsChanged(() => void verifier.reload());
  const routes = express();
  routes.post('/hooks/:customer', webhook(verifier), async (req, res) => {
    await app.work(req.webhook.json(), String(req.params.customer));
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
