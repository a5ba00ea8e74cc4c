import { adapterCases } from '@countersign/testing';
import { describe, it } from 'vitest';
import { FETCH_LIMITS, honoMount, nodeMount } from '../../../test/support/mounts/fetch.ts';

describe.each([
  ['webhookHandler on node:http', nodeMount],
  ['webhookHandler in Hono', honoMount],
])('%s', (_, mount) => {
  for (const { name, run } of adapterCases(mount, { limits: FETCH_LIMITS })) it(name, run);
});
