import { type AdapterLimit, adapterCases } from '@countersign/testing';
import { describe, it } from 'vitest';
import { nestMount } from '../../../test/support/mounts/nest.ts';
import { describeNest } from './support/setups.ts';

describeNest(({ nest, platform }) => {
  // Nothing of Nest's that parses bodies can stand behind a guard on Fastify; on Express an interceptor can.
  const limits: AdapterLimit[] = ['streams-end-with-client'];
  if (platform === 'fastify') limits.push('no-parser-after');
  describe.concurrent('as an adapter', () => {
    for (const { name, run } of adapterCases(nestMount(nest, platform), { limits })) it(name, run);
  });
});
