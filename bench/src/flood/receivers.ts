// The receivers that are flooded: ours, and what the manual of a sender's library leads to: buffer the body, parse it, verify it.
import type { IncomingMessage, RequestListener } from 'node:http';
import { createVerifier } from '@countersign/core';
import { webhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { stripe } from '@countersign/schemes';
import express from 'express';
import fastify, { type FastifyInstance } from 'fastify';
import Stripe from 'stripe';
import { SECRET } from './requests.ts';

const LIMIT = 2 * 1024 * 1024;
const { webhooks } = new Stripe('sk_test_none');

export const OURS = 'countersign';
export const PARSES = 'buffer, parse, verify';

function isGenuine(body: Buffer | undefined, signature: unknown): boolean {
  try {
    webhooks.constructEvent(body ?? '', String(signature ?? ''), SECRET);
    return true;
  } catch {
    return false;
  }
}

async function listenerOf(app: FastifyInstance): Promise<RequestListener> {
  await app.ready();
  return (request, response) => app.routing(request, response);
}

/** Framework, then receiver. Every other path is the framework's own 404. */
export const receivers: Readonly<
  Record<string, Readonly<Record<string, () => RequestListener | Promise<RequestListener>>>>
> = {
  'Express 5': {
    [OURS]() {
      const app = express();
      const verifier = createVerifier({ scheme: stripe(), secrets: SECRET });
      app.post('/', webhook(verifier), (_, res) => {
        res.sendStatus(200);
      });
      return app;
    },
    [PARSES]() {
      const app = express();
      const bodies = new WeakMap<IncomingMessage, Buffer>();
      const keep = (req: IncomingMessage, _: unknown, body: Buffer) => bodies.set(req, body);
      app.post('/', express.json({ limit: LIMIT, verify: keep }), (req, res) => {
        res.sendStatus(isGenuine(bodies.get(req), req.headers['stripe-signature']) ? 200 : 400);
      });
      return app;
    },
  },
  'Fastify 5': {
    [OURS]() {
      const app = fastify();
      app.register(async (scope) => {
        const verifier = createVerifier({ scheme: stripe(), secrets: SECRET });
        await scope.register(webhookPlugin, { verifier });
        scope.post('/', async (_, reply) => reply.code(200).send('OK'));
      });
      return listenerOf(app);
    },
    [PARSES]() {
      const app = fastify({ bodyLimit: LIMIT });
      const bodies = new WeakMap<object, Buffer>();
      app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
        bodies.set(request, body as Buffer);
        done(null, JSON.parse(body.toString()));
      });
      app.post('/', async (request, reply) => {
        const taken = isGenuine(bodies.get(request), request.headers['stripe-signature']);
        return reply.code(taken ? 200 : 400).send('OK');
      });
      return listenerOf(app);
    },
  },
};
