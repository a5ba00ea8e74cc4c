import { sign } from '@countersign/testing';
import { turns } from '../measure/interleave.ts';
import { jsonOfSize } from '../measure/json-of-size.ts';
import { quantile } from '../measure/quantile.ts';
import { type Server, startServer } from '../servers/child.ts';
import { mustTake, type Outgoing, Traffic } from '../servers/traffic.ts';
import { contenders } from './contenders.ts';

/** A server under load runs compiled code; what is measured before that is the compiler. */
const WARM_UP_REQUESTS = 2500;
const ROUNDS = 7;
const REQUESTS_PER_ROUND = 1500;
const CONNECTIONS = 16;

/** What every contender used and gave, round by round. */
export interface Load {
  /** Of the server, microseconds a request. */
  readonly cpu: readonly (readonly number[])[];
  readonly perSecond: readonly (readonly number[])[];
  /** Milliseconds, as the sender sees them. */
  readonly p99: readonly (readonly number[])[];
}

/** Every contender in one framework, side by side: a load for each size of body. */
export async function loadsOf(framework: string, sizes: readonly number[]): Promise<Load[]> {
  const servers: Server[] = [];
  const traffics: Traffic[] = [];
  try {
    for (const { name } of contenders) {
      const server = await startServer(new URL('server.ts', import.meta.url), [framework, name]);
      servers.push(server);
      traffics.push(new Traffic(server.port, CONNECTIONS));
    }
    for (const [index, traffic] of traffics.entries())
      await send(traffic, signedFor(index, sizes[0] ?? 0, WARM_UP_REQUESTS));
    const loads: Load[] = [];
    for (const bytes of sizes) loads.push(await measure(servers, traffics, bytes));
    return loads;
  } finally {
    for (const traffic of traffics) traffic.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function measure(
  servers: readonly Server[],
  traffics: readonly Traffic[],
  bytes: number,
): Promise<Load> {
  const cpu: number[][] = servers.map(() => []);
  const perSecond: number[][] = servers.map(() => []);
  const p99: number[][] = servers.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const index of turns(servers.length, round)) {
      const server = servers[index];
      const traffic = traffics[index];
      if (server === undefined || traffic === undefined) continue;
      const requests = signedFor(index, bytes, REQUESTS_PER_ROUND);
      const before = await server.usage();
      const start = performance.now();
      const times = await send(traffic, requests);
      const seconds = (performance.now() - start) / 1000;
      const after = await server.usage();
      cpu[index]?.push((after.cpuMicroseconds - before.cpuMicroseconds) / requests.length);
      perSecond[index]?.push(requests.length / seconds);
      p99[index]?.push(quantile(times, 0.99));
    }
  }
  return { cpu, perSecond, p99 };
}

function send(traffic: Traffic, requests: readonly Outgoing[]): Promise<number[]> {
  return traffic.sendAll(requests.length, (index) => requests[index] as Outgoing, mustTake);
}

function signedFor(index: number, bytes: number, count: number): Outgoing[] {
  const contender = contenders[index];
  if (contender === undefined) return [];
  const body = jsonOfSize(bytes);
  return Array.from({ length: count }, () => ({
    ...sign(contender.scheme(), { secret: contender.secret, body }),
    path: '/',
  }));
}
