import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createVerifier, type Verifier } from '@countersign/core';
import { webhook as expressWebhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { webhookHandler } from '@countersign/fetch';
import { webhook as koaWebhook } from '@countersign/koa';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import Router from '@koa/router';
import express from 'express';
import Fastify from 'fastify';
import Koa from 'koa';
import { expect, test } from 'vitest';

// A genuine delivery whose body is not the JSON that the handler reads can never succeed. With 500 most senders would repeat it to the end.

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

async function post(port: number): Promise<number> {
  const { headers, body } = sign(standardWebhooks(), { secret, body: 'payload=%7B%7D' });
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  const response = await fetch(`http://127.0.0.1:${port}/hooks`, {
    method: 'POST',
    headers: { ...type, ...headers },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

async function statusFrom(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const status = await post((server.address() as AddressInfo).port);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  return status;
}

const hosts: Record<string, (verifier: Verifier) => Promise<number>> = {
  async Express(verifier) {
    const app = express();
    // Without it, Express writes the error of each failed request to stderr.
    app.set('env', 'test');
    app.post('/hooks', expressWebhook(verifier), async (req, res) => {
      req.webhook.json();
      res.sendStatus(204);
    });
    return statusFrom(createServer(app));
  },
  async Koa(verifier) {
    const app = new Koa();
    app.silent = true;
    const router = new Router();
    router.post('/hooks', koaWebhook(verifier), (ctx) => {
      ctx.state.webhook.json();
      ctx.status = 204;
    });
    return statusFrom(createServer(app.use(router.routes()).callback()));
  },
  async Fastify(verifier) {
    const app = Fastify();
    app.register(async (scope) => {
      await scope.register(webhookPlugin, { verifier });
      scope.post('/hooks', async (request, reply) => {
        request.webhook.json();
        return reply.code(204).send();
      });
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const status = await post((app.server.address() as AddressInfo).port);
    await app.close();
    return status;
  },
  async fetch(verifier) {
    const receive = webhookHandler(verifier, (webhook) => void webhook.json());
    const { headers, body } = sign(standardWebhooks(), { secret, body: 'payload=%7B%7D' });
    const request = new Request('https://example.com/hooks', { method: 'POST', headers, body });
    return (await receive(request)).status;
  },
};

test.each(Object.keys(hosts))('%s responds with 400 to a body that is not JSON', async (name) => {
  const verifier = createVerifier({
    scheme: standardWebhooks(),
    secrets: secret,
    endpoint: `unreadable-${name}`,
  });
  expect(await hosts[name]?.(verifier)).toBe(400);
  await verifier.close();
});
