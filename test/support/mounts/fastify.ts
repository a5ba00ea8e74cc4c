import { Readable } from 'node:stream';
import { webhookPlugin } from '@countersign/fastify';
import type { AdapterMount, AdapterSetup, RouteAction } from '@countersign/testing';
import fastify5, { type FastifyReply } from 'fastify';
import fastify4 from 'fastify4';
import { portOf } from '../listen.ts';
import { piecesOf } from './pieces.ts';

type ScopeStyle = 'scope' | 'nested';
// What is used here is the same in both; only the types differ.
const VERSIONS = { 4: fastify4 as unknown as typeof fastify5, 5: fastify5 };
export type FastifyVersion = keyof typeof VERSIONS;

/** The adapter under Fastify, with the routes in the scope that registers it or in one below. */
export function fastifyMount(scopeStyle: ScopeStyle = 'scope', version: FastifyVersion = 5): AdapterMount {
  return async (setup) => {
    const app = await fastifyApp(setup, scopeStyle, version);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: portOf(app.server), close: () => app.close() };
  };
}

/** The app of {@link fastifyMount}, for hosts that run it in another way. */
export async function fastifyApp(
  setup: AdapterSetup,
  scopeStyle: ScopeStyle = 'scope',
  version: FastifyVersion = 5,
) {
  const app = VERSIONS[version]({ forceCloseConnections: true });
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
    case 'respond':
      return reply.code(action.status).send(action.body);
    case 'respond-then-throw':
      reply.code(action.status).send(action.body);
      throw action.error;
    case 'stream':
      return reply.code(action.status).send(Readable.from(piecesOf(action)));
    case 'never-end':
      return new Promise(() => undefined);
  }
}
