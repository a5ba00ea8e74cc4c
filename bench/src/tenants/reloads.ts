import { createTenants } from '@countersign/core';
import { svix } from '@countersign/schemes';
import { manualClock } from '@countersign/testing';
import { secretOf } from './size.ts';

/** When the first and the last tenant has reloaded, in seconds after all were loaded, and the most reloads within a second. */
export interface Reloads {
  readonly from: number;
  readonly to: number;
  readonly busiest: number;
}

const LONGEST_SECONDS = 600;

/** How the reloads of tenants that were loaded at the same moment spread over time: the first reload of each. */
export async function reloads(count: number): Promise<Reloads> {
  const clock = manualClock();
  const scheme = svix();
  const reloaded = new Set<string>();
  const tenants = createTenants({
    load(tenant) {
      reloaded.add(tenant);
      return { scheme, secrets: secretOf(tenant), observe: () => undefined };
    },
    maxTenants: count,
    clock,
  });
  for (let index = 0; index < count; index++) await (await tenants(`tenant-${index}`))?.ready();
  reloaded.clear();
  let from = 0;
  let to = 0;
  let busiest = 0;
  for (let second = 1; second <= LONGEST_SECONDS && reloaded.size < count; second++) {
    const before = reloaded.size;
    await clock.advance(1000);
    const since = reloaded.size - before;
    if (since === 0) continue;
    if (from === 0) from = second;
    to = second;
    busiest = Math.max(busiest, since);
  }
  await tenants.close();
  return { from, to, busiest };
}
