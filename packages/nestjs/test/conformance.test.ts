import { type AdapterLimit, adapterCases } from '@countersign/testing';
import { describe, it } from 'vitest';
import { nestMount } from '../../../test/support/mounts/nest.ts';
import { describeNest } from './support/setups.ts';

describeNest(({ nest, platform }) => {
  // On Fastify, no body parser of Nest can run behind a guard; on Express an interceptor can.
  const limits: AdapterLimit[] = ['streams-end-with-client'];
  if (platform === 'fastify') limits.push('no-parser-after');
  describe.concurrent('as an adapter', () => {
    for (const { name, run } of adapterCases(nestMount(nest, platform), { limits })) it(name, run);
  });
});
