import { sign } from '@countersign/testing';
import { Pool } from 'undici';
import { turns } from '../measure/interleave.ts';
import { jsonOfSize } from '../measure/json-of-size.ts';
import { quantile } from '../measure/quantile.ts';
import { type Server, startServer } from '../servers/child.ts';
import { contenders } from './contenders.ts';

/** A server under load runs compiled code; what is measured before that is the compiler. */
const WARM_UP_REQUESTS = 2500;
const ROUNDS = 9;
const REQUESTS_PER_ROUND = 1500;
const CONNECTIONS = 16;

/** What every contender used and gave, round by round. */
export interface Load {
  /** Of the server, microseconds a request. */
  readonly cpu: readonly (readonly number[])[];
  readonly perSecond: readonly (readonly number[])[];
  /** Milliseconds, as the sender sees them. */
  readonly p99: readonly (readonly number[])[];
  /** The share of the time in which the server's process was busy: near 1 if the sender keeps up with it. */
  readonly busy: readonly (readonly number[])[];
}

interface Signed {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Every contender in one framework with one kind of handler, side by side: a load for each size of body. */
export async function loadsOf(framework: string, work: string, sizes: readonly number[]): Promise<Load[]> {
  const servers: Server[] = [];
  const senders: Pool[] = [];
  try {
    for (const { name } of contenders) {
      const server = await startServer(new URL('server.ts', import.meta.url), [framework, name, work]);
      servers.push(server);
      senders.push(new Pool(`http://127.0.0.1:${server.port}`, { connections: CONNECTIONS }));
    }
    for (const [index, sender] of senders.entries())
      await send(sender, signedFor(index, sizes[0] ?? 0, WARM_UP_REQUESTS));
    const loads: Load[] = [];
    for (const bytes of sizes) loads.push(await measure(servers, senders, bytes));
    return loads;
  } finally {
    await Promise.all(senders.map((sender) => sender.destroy()));
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function measure(servers: readonly Server[], senders: readonly Pool[], bytes: number): Promise<Load> {
  const cpu: number[][] = servers.map(() => []);
  const perSecond: number[][] = servers.map(() => []);
  const p99: number[][] = servers.map(() => []);
  const busy: number[][] = servers.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const index of turns(servers.length, round)) {
      const server = servers[index];
      const sender = senders[index];
      if (server === undefined || sender === undefined) continue;
      const requests = signedFor(index, bytes, REQUESTS_PER_ROUND);
      const before = await server.usage();
      const start = performance.now();
      const times = await send(sender, requests);
      const seconds = (performance.now() - start) / 1000;
      const used = (await server.usage()).cpuMicroseconds - before.cpuMicroseconds;
      cpu[index]?.push(used / requests.length);
      perSecond[index]?.push(requests.length / seconds);
      p99[index]?.push(quantile(times, 0.99));
      busy[index]?.push(used / 1e6 / seconds);
    }
  }
  return { cpu, perSecond, p99, busy };
}

/** Sends each request when a connection is free, and returns the milliseconds that each took. */
async function send(sender: Pool, requests: readonly Signed[]): Promise<number[]> {
  let sent = 0;
  const times: number[] = [];
  const worker = async () => {
    while (sent < requests.length) {
      const { headers, body } = requests[sent++] as Signed;
      const start = performance.now();
      const response = await sender.request({ method: 'POST', path: '/', headers, body });
      await response.body.dump();
      if (response.statusCode !== 200) throw new Error(`A genuine request got ${response.statusCode}.`);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  return times;
}

function signedFor(index: number, bytes: number, count: number): Signed[] {
  const contender = contenders[index];
  if (contender === undefined) return [];
  const body = jsonOfSize(bytes);
  return Array.from({ length: count }, () => sign(contender.scheme(), { secret: contender.secret, body }));
}
