import { adapterCases } from '@countersign/testing';
import { describe, it } from 'vitest';
import { honoMount, nodeMount } from '../../../test/support/mounts/fetch.ts';

// What the Web's Request and Response can't show or do; the host decides over connections.
const limits = [
  'joined-headers',
  'no-parser-after',
  'no-late-failure',
  'no-body-property',
  'host-connections',
] as const;

describe.each([
  ['webhookHandler on node:http', nodeMount],
  ['webhookHandler in Hono', honoMount],
])('%s', (_, mount) => {
  for (const { name, run } of adapterCases(mount, { limits })) it(name, run);
});
