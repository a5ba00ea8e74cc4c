import { adapterCases } from '@countersign/testing';
import { describe, it } from 'vitest';
import { fastifyMount } from '../../../test/support/mounts/fastify.ts';

describe.each([
  ['Fastify 5, in a scope of its own', fastifyMount()],
  ['Fastify 5, with the routes in a scope below', fastifyMount('nested')],
  ['Fastify 4, in a scope of its own', fastifyMount('scope', 4)],
  ['Fastify 4, with the routes in a scope below', fastifyMount('nested', 4)],
])('%s', (_, mount) => {
  // A parser can only be in another scope: content type parsers are the host's own. A stream is stopped when its client leaves.
  const limits = ['no-parser-before', 'no-parser-after', 'streams-end-with-client'] as const;
  for (const { name, run } of adapterCases(mount, { limits })) it(name, run);
});
