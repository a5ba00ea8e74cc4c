import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalServer, startServer } from './local-server.ts';

/** An alert of Prometheus. */
interface PrometheusAlert {
  readonly state: 'pending' | 'firing';
  readonly labels: Readonly<Record<string, string>>;
}

/** One time series of a query: its labels, and its value now. */
interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

/** A Prometheus of the test's own. */
export interface Prometheus extends LocalServer {
  alerts(): Promise<readonly PrometheusAlert[]>;
  query(expression: string): Promise<readonly PrometheusSample[]>;
  /** The values that a label has. */
  labelValues(label: string): Promise<readonly string[]>;
}

/**
 * Starts a Prometheus that reads `target` every second, and evaluates the rules every second.
 *
 * @param target `host:port`
 * @param rules The text of a file of rules.
 */
export async function startPrometheus(target: string, rules: string): Promise<Prometheus> {
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'countersign-prometheus-'));
  await writeFile(join(dir, 'rules.yml'), rules);
  await writeFile(
    join(dir, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yml'],
      scrape_configs: [{ job_name: 'receiver', static_configs: [{ targets: [target] }] }],
    }),
  );
  const server = await startServer({
    name: 'prometheus',
    command: 'prometheus',
    args: (port) => [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    url: (port) => `http://127.0.0.1:${port}`,
    dir,
    port: undefined,
    user: undefined,
    ready: /Server is ready to receive web requests/,
    portTaken: /address already in use/,
    endSignal: 'SIGTERM',
    dropSignal: 'SIGKILL',
  });
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${server.url}/api/v1/${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`Prometheus, ${path}: ${answer.error}`);
    return answer.data;
  };
  return {
    ...{ host: server.host, port: server.port, url: server.url, pid: server.pid },
    kill: (signal) => server.kill(signal),
    restart: () => server.restart(),
    stop: () => server.stop(),
    alerts: async () => (await get<{ alerts: PrometheusAlert[] }>('alerts')).alerts,
    query: async (expression) =>
      (await get<{ result: PrometheusSample[] }>(`query?query=${encodeURIComponent(expression)}`)).result,
    labelValues: (label) => get<string[]>(`label/${label}/values`),
  };
}
