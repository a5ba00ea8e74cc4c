import type { Verifier, VerifierHealth, WebhookEvent } from '@countersign/core';
import type { BatchObservableResult, Meter, ObservableGauge } from '@opentelemetry/api';

const CIRCUITS = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Measures the health of verifiers at each collection. Nothing is measured per request. */
export function observeHealth(
  meter: Meter,
  verifiers: () => Iterable<Pick<Verifier, 'health'>>,
): (event: WebhookEvent) => void {
  const gauges = createGauges(meter);
  meter.addBatchObservableCallback((result) => {
    for (const verifier of verifiers()) report(result, gauges, verifier.health());
  }, Object.values(gauges));
  return () => undefined;
}

type Gauges = ReturnType<typeof createGauges>;

function createGauges(meter: Meter) {
  const gauge = (name: string, description: string, unit?: string): ObservableGauge =>
    meter.createObservableGauge(name, { description, ...(unit === undefined ? {} : { unit }) });
  return {
    age: gauge('countersign.secrets.age', 'Since the secrets in use were loaded', 's'),
    lastMatch: gauge(
      'countersign.key.last_match',
      'When the key last verified a delivery, in Unix time',
      's',
    ),
    notAfter: gauge('countersign.key.not_after', 'When the key ends, in Unix time', 's'),
    circuit: gauge('countersign.replay.circuit', 'The replay store: 0 responds, 1 is being tried, 2 is down'),
    pendingBytes: gauge('countersign.pending_bytes', 'Bodies whose signatures are not checked yet', 'By'),
    warnings: gauge('countersign.warnings', '1 for each warning of health()'),
  };
}

function report(result: BatchObservableResult, gauges: Gauges, health: VerifierHealth): void {
  const { endpoint, secrets, replay, pendingBytes, warnings } = health;
  if (health.state === 'disabled') return;
  const { provider, loadedAt, keys } = secrets;
  if (loadedAt !== undefined)
    result.observe(gauges.age, Math.max(0, Date.now() - loadedAt.getTime()) / 1000, { endpoint, provider });
  for (const { id, role, lastMatchAt, notAfter } of keys) {
    const attributes = { endpoint, 'key.id': id, 'key.role': role };
    if (lastMatchAt !== undefined) result.observe(gauges.lastMatch, seconds(lastMatchAt), attributes);
    if (notAfter !== undefined) result.observe(gauges.notAfter, seconds(notAfter), attributes);
  }
  if (replay?.circuit !== undefined)
    result.observe(gauges.circuit, CIRCUITS[replay.circuit], { endpoint, store: replay.name });
  result.observe(gauges.pendingBytes, pendingBytes.bytes, { endpoint });
  for (const code of new Set(warnings.map((warning) => warning.code)))
    result.observe(gauges.warnings, 1, { endpoint, code });
}

function seconds(at: Date): number {
  return at.getTime() / 1000;
}
