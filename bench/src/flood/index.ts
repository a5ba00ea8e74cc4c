import { amount, type Report } from '../report/report.ts';
import { type Server, startServer } from '../servers/child.ts';
import { genuineUnderFlood } from './genuine.ts';
import { receivers } from './receivers.ts';
import { type Refusals, refusals } from './refusals.ts';

/** Forged requests beside genuine ones: what refusing costs, in CPU, in memory, and for those that wait behind. */
export async function flood(progress: (line: string) => void): Promise<Report> {
  const results: {
    framework: string;
    refused: Refusals;
    stream: Awaited<ReturnType<typeof genuineUnderFlood>>;
  }[] = [];
  for (const [framework, mounts] of Object.entries(receivers)) {
    const servers: Record<string, Server> = {};
    try {
      for (const name of Object.keys(mounts))
        servers[name] = await startServer(new URL('server.ts', import.meta.url), [framework, name]);
      progress(`${framework}: refusals`);
      const refused = await refusals(framework, servers);
      progress(`${framework}: the genuine stream`);
      results.push({ framework, refused, stream: await genuineUnderFlood(framework, servers) });
    } finally {
      await Promise.all(Object.values(servers).map((server) => server.stop()));
    }
  }
  return {
    title: 'Forged requests',
    head: [
      "CPU of the server per refused request in microseconds, and in brackets the multiple of the framework's own 404 for the same request in the same round (median over the rounds; quartiles).",
      'The stream of genuine requests is of 1 KiB each; ten forged ones of all four kinds in turn come for each of them. Times are from when a request was due to the end of its response. In a fraction of a second of 1 MiB floods there are few genuine requests: their 99th percentile is nearly their slowest.',
    ],
    tables: [
      ...results.flatMap(({ refused }) => refused.tables),
      {
        caption: 'Memory: how far the peak rose while refusing, MiB',
        columns: ['', ...Object.keys(results[0]?.refused.grown ?? {})],
        rows: results.map(({ framework, refused }) => [
          framework,
          ...Object.values(refused.grown).map(amount),
        ]),
      },
      ...results.flatMap(({ stream }) => stream.tables),
    ],
    charts: results.flatMap(({ refused }) => refused.charts),
    targets: results.flatMap(({ refused, stream }) => [...refused.targets, ...stream.targets]),
    omitted: [],
    faults: [],
  };
}
