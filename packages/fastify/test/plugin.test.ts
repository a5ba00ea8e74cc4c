import { createVerifier } from '@countersign/core';
import { webhookPlugin } from '@countersign/fastify';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import fastify, { type FastifyInstance } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';

const SECRET = 'a-signing-secret-of-32-characters';

/** Not asynchronous: Fastify's instances are thenables, and awaiting one starts it. */
function appWith(routes: (scope: FastifyInstance) => void): FastifyInstance {
  const verifier = createVerifier({ scheme: github(), secrets: SECRET });
  const app = fastify({ bodyLimit: 10 });
  onTestFinished(() => app.close().catch(() => undefined));
  app.register(async (scope) => {
    await scope.register(webhookPlugin, { verifier, maxBodyBytes: 100 });
    routes(scope);
  });
  return app;
}

function inject(app: FastifyInstance, body: string) {
  const { headers } = sign(github(), { secret: SECRET, body });
  return app.inject({
    method: 'POST',
    url: '/',
    headers: { ...headers, 'content-type': 'application/json' },
    payload: body,
  });
}

it('a route with a schema for its body is refused when it is registered', async () => {
  const app = appWith((scope) => {
    scope.post('/', { schema: { body: { type: 'object' } } }, async () => 'handled');
  });
  await expect(app.ready()).rejects.toMatchObject({
    code: 'ERR_WEBHOOK_CONFIG_INVALID',
    message: expect.stringMatching(/Remove "schema\.body"/),
  });
});

it('maxBodyBytes limits bodies, and not bodyLimit', async () => {
  const app = appWith((scope) => {
    scope.post('/', async (request) => request.webhook.text());
  });
  expect((await inject(app, '{"id": 1234567890}')).statusCode).toBe(200);
  expect((await inject(app, JSON.stringify({ id: 'x'.repeat(100) }))).statusCode).toBe(413);
});
