import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createTenants } from '@countersign/core';
import { svix } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { quantile } from '../measure/quantile.ts';

/** A secret of the tenant's own. */
export function secretOf(tenant: string): string {
  return `whsec_${Buffer.from(tenant.padEnd(24, '.')).toString('base64')}`;
}

interface Times {
  readonly median: number;
  readonly p99: number;
}

/** What each tenant takes in memory, and how long its first and later requests take, in microseconds. */
export async function size(count: number): Promise<{ bytesEach: number; first: Times; later: Times }> {
  const scheme = svix();
  const names = Array.from({ length: count }, (_, index) => `tenant-${index}`);
  const requests = names.map((name) => sign(scheme, { secret: secretOf(name), body: '{}' }));
  const before = heapUsed();
  const tenants = createTenants({
    load: (tenant) => ({ scheme, secrets: secretOf(tenant), observe: () => undefined }),
    maxTenants: count,
  });
  const round = async () => {
    const times: number[] = [];
    for (const [index, name] of names.entries()) {
      const request = requests[index];
      if (request === undefined) continue;
      const started = performance.now();
      const verifier = await tenants(name);
      await verifier?.verify(request);
      times.push((performance.now() - started) * 1000);
    }
    return { median: quantile(times, 0.5), p99: quantile(times, 0.99) };
  };
  const first = await round();
  const bytesEach = (heapUsed() - before) / count;
  const later = await round();
  await tenants.close();
  return { bytesEach, first, later };
}

/** After a collection: what was not collected yet would count as kept. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
