import { once } from 'node:events';
import { createTenants, logWebhooks } from '@countersign/core';
import { webhook } from '@countersign/express';
import { stripe } from '@countersign/schemes';
import express from 'express';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  const tenants = createTenants({
    async load(customer) {
      const secrets = await app.loadSecretsOf(customer);
      if (secrets === undefined) return undefined;
      return { scheme: stripe(), secrets, observe: logWebhooks(console) };
    },
  });
  app.onSecretsChanged((customer) => tenants.forget(customer));

  const routes = express();
  routes.post(
    '/hooks/:customer',
    webhook((req) => tenants(req.params.customer), { observe: logWebhooks(console) }),
    async (req, res) => {
      await app.work(req.webhook.json(), String(req.params.customer));
      res.sendStatus(204);
    },
  );
  routes.use(express.json());
  routes.post('/orders', (req, res) => {
    res.json(req.body);
  });
  const server = routes.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const close = async () => {
    await new Promise((resolve) => server.close(resolve));
    await tenants.close();
  };
  return { server, close };
}
