import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/servers/available.ts';
import type { LocalServer } from '../support/servers/local-server.ts';
import { type Prometheus, startPrometheus } from '../support/servers/prometheus-server.ts';
import { startRedis } from '../support/servers/redis-server.ts';
import { startTroubledReceiver, type TroubledReceiver } from './support/troubled-receiver.ts';

// The alerts and the dashboard of @countersign/opentelemetry, on a real Prometheus that reads a real receiver.

const PACKAGE = new URL('../../packages/opentelemetry/', import.meta.url);
const run = promisify(execFile);
const describeWithPrometheus = await describeWith('prometheus-server', 'redis-server');

/** Each alert fires for the endpoint whose trouble it names, and for no other. */
const EXPECTED = [
  'CountersignHandlerFails failing',
  'CountersignNothingMatches mismatch',
  'CountersignOverloaded overload',
  'CountersignPreviousKeyUsedAfterItsEnd ended',
  'CountersignPreviousKeyUsedAfterItsEnd rotation',
  'CountersignRotationOverdue rotation',
  'CountersignSecretsStale stale',
  'CountersignStoreDown store',
];
/** What no test reaches on an idle machine. */
const LIMIT_MS = 170_000;

describeWithPrometheus('the alert rules', () => {
  test('pass their own tests: each fires for its cause, and not for what looks like it', async () => {
    const tests = fileURLToPath(new URL('test/alerts.test.yml', PACKAGE));
    const { stdout } = await run('promtool', ['test', 'rules', tests]);
    expect(stdout).toContain('SUCCESS');
  });

  test('are all tested', async () => {
    const [rules, tests] = await Promise.all([
      readFile(new URL('prometheus/alerts.yml', PACKAGE), 'utf8'),
      readFile(new URL('test/alerts.test.yml', PACKAGE), 'utf8'),
    ]);
    const names = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name);
    expect([...new Set(EXPECTED.map((each) => each.split(' ')[0]))].sort()).toEqual(names.sort());
    for (const name of names) {
      expect(tests, `${name} fires in a test`).toMatch(new RegExp(`alertname: ${name}\\n\\s+exp_alerts`));
    }
  });
});

describeWithPrometheus('a receiver in trouble', () => {
  let redis: LocalServer;
  let receiver: TroubledReceiver;
  let prometheus: Prometheus;
  let stopped = false;
  let traffic: Promise<void>;

  beforeAll(async () => {
    redis = await startRedis();
    receiver = await startTroubledReceiver(redis.url);
    const rules = await readFile(new URL('prometheus/alerts.yml', PACKAGE), 'utf8');
    prometheus = await startPrometheus(receiver.metrics, compressed(rules));
    await receiver.send();
    await redis.kill();
    traffic = (async () => {
      while (!stopped) {
        await receiver.send();
        await sleep(100);
      }
    })();
  }, LIMIT_MS);

  afterAll(async () => {
    stopped = true;
    await traffic;
    await prometheus?.stop();
    await receiver?.close();
    await redis?.stop();
  });

  async function firing(): Promise<string[]> {
    const alerts = (await prometheus.alerts()).filter(({ state }) => state === 'firing');
    return [...new Set(alerts.map(({ labels }) => `${labels.alertname} ${labels.endpoint}`))].sort();
  }

  /** Waits until what Prometheus says is so, and returns the last of it. */
  async function eventually<T>(ask: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
    const deadline = performance.now() + LIMIT_MS - 20_000;
    for (;;) {
      const value = await ask();
      if (isSo(value) || performance.now() > deadline) return value;
      await sleep(500);
    }
  }

  test(
    'makes every alert fire, each for its endpoint',
    async () => {
      // On a busy machine Prometheus may miss a value, and an alert then starts anew: what counts is that each has fired.
      const fired = new Set<string>();
      const gather = async () => {
        for (const name of await firing()) fired.add(name);
        return [...fired].sort();
      };
      expect(await eventually(gather, (names) => EXPECTED.every((each) => names.includes(each)))).toEqual(
        EXPECTED,
      );
    },
    LIMIT_MS,
  );

  test(
    'fills every panel of the dashboard',
    async () => {
      const text = await readFile(new URL('grafana/countersign.json', PACKAGE), 'utf8');
      const dashboard = JSON.parse(text) as Dashboard;
      expect(dashboard.panels.length).toBeGreaterThan(10);
      for (const { title, targets } of dashboard.panels) {
        expect(targets.length, title).toBeGreaterThan(0);
        for (const { expr } of targets) {
          // What Grafana puts in for "All" and for the usual resolution.
          const query = expr.replaceAll('$endpoint', '.*').replaceAll('$__rate_interval', '20s');
          expect(query, title).not.toContain('$');
          const numbers = await eventually(
            async () => (await prometheus.query(query)).map(({ value }) => Number(value[1])),
            (values) => values.some((value) => !Number.isNaN(value)),
          );
          expect(
            numbers.some((value) => !Number.isNaN(value)),
            `${title}: ${query}`,
          ).toBe(true);
        }
      }
      expect(await prometheus.labelValues('endpoint')).toContain('well');
    },
    LIMIT_MS,
  );

  test(
    'stops to make an alert fire when its cause has ended',
    async () => {
      await redis.restart();
      const alerts = await eventually(firing, (names) => !names.includes('CountersignStoreDown store'));
      expect(alerts).not.toContain('CountersignStoreDown store');
    },
    LIMIT_MS,
  );
});

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

/** The same rules, in which a minute takes two seconds. */
function compressed(rules: string): string {
  return rules
    .replace(/\b(\d+)m\b/g, (_, minutes: string) => `${Number(minutes) * 2}s`)
    .replace(/\* 60\b/g, '* 2');
}
