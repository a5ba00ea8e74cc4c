import { Readable } from 'node:stream';
import { webhookPlugin } from '@countersign/fastify';
import type { AdapterMount, AdapterSetup, RouteAction } from '@countersign/testing';
import fastify, { type FastifyReply } from 'fastify';
import { portOf } from '../listen.ts';
import { piecesOf } from './pieces.ts';

/** The adapter under Fastify 5, in a scope of its own or for the routes of the root. */
export function fastifyMount(scopeStyle: 'scope' | 'nested' = 'scope'): AdapterMount {
  return async (setup) => {
    const app = await fastifyApp(setup, scopeStyle);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: portOf(app.server), close: () => app.close() };
  };
}

/** The app of {@link fastifyMount}, for hosts that run it in another way. */
export async function fastifyApp(setup: AdapterSetup, scopeStyle: 'scope' | 'nested' = 'scope') {
  const app = fastify({ forceCloseConnections: true });
  app.post('/sibling', async (request) => request.body);
  await app.register(async (scope) => {
    await scope.register(webhookPlugin, { verifier: setup.verifier, ...setup.options });
    const routes = async (within: typeof scope) => {
      within.route({
        method: ['GET', 'POST', 'PUT'],
        url: '/hooks/case',
        handler: async (request, reply) => {
          const input = { webhook: request.webhook, body: request.body };
          return perform(await setup.handler(input), reply);
        },
      });
    };
    if (scopeStyle === 'scope') await routes(scope);
    else await scope.register(routes);
  });
  return app;
}

async function perform(action: RouteAction, reply: FastifyReply): Promise<unknown> {
  switch (action.action) {
    case 'throw':
    case 'reject':
      throw action.error;
    case 'answer':
      return reply.code(action.status).send(action.body);
    case 'answer-then-throw':
      reply.code(action.status).send(action.body);
      throw action.error;
    case 'stream':
      return reply.code(action.status).send(Readable.from(piecesOf(action)));
    case 'never-end':
      return new Promise(() => undefined);
  }
}
