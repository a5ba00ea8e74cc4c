import { createTenants } from '@countersign/core';
import { svix } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { quantile } from '../measure/quantile.ts';
import { spreadOf } from '../measure/spread.ts';
import { secretOf } from './size.ts';

const OTHERS = 1000;
const ROUNDS = 21;
const REQUESTS = 2000;
const DOWN = 'down';

/** The 99th percentile of requests for other tenants, in microseconds: without and during one tenant's outage. */
export async function outage(): Promise<{
  readonly quiet: number;
  readonly during: number;
  readonly ratio: number;
}> {
  const scheme = svix();
  const tenants = createTenants({
    load: (tenant) =>
      tenant === DOWN
        ? new Promise<undefined>(() => undefined)
        : { scheme, secrets: secretOf(tenant), observe: () => undefined },
  });
  const requests = Array.from({ length: OTHERS }, (_, index) => {
    const tenant = `tenant-${index}`;
    return { tenant, request: sign(scheme, { secret: secretOf(tenant), body: '{}' }) };
  });
  const percentile = async (isDown: boolean) => {
    const times: number[] = [];
    for (let n = 0; n < REQUESTS; n++) {
      if (isDown) tenants(DOWN).catch(() => undefined);
      const { tenant, request } = requests[n % OTHERS] ?? { tenant: DOWN, request: undefined };
      if (request === undefined) continue;
      const started = performance.now();
      const verifier = await tenants(tenant);
      await verifier?.verify(request);
      times.push((performance.now() - started) * 1000);
      // As between requests from sockets.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return quantile(times, 0.99);
  };
  await percentile(false);
  const quiet: number[] = [];
  const during: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) quiet.push(await percentile(false));
    during.push(await percentile(true));
    if (round % 2 === 1) quiet.push(await percentile(false));
  }
  await tenants.close();
  const ratio = spreadOf(during.map((value, round) => value / (quiet[round] ?? Number.NaN))).median;
  return { quiet: spreadOf(quiet).median, during: spreadOf(during).median, ratio };
}
