import { adapterCases } from '@countersign/testing';
import { describe, it } from 'vitest';
import { koaMount } from '../../../test/support/mounts/koa.ts';

describe.each([
  ['Koa 3, on a route', koaMount(3)],
  ['Koa 3, with router.use', koaMount(3, 'use')],
  ['Koa 2.16, on a route', koaMount(2)],
])('%s', (_, mount) => {
  for (const { name, run } of adapterCases(mount, { limits: ['streams-end-with-client'] })) it(name, run);
});
