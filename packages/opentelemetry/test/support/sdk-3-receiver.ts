// Runs under SDK 3 of OpenTelemetry, and prints what its exporters got as JSON.
import assert from 'node:assert/strict';
import { createVerifier, type Verifier } from '@countersign/core';
import { inWebhookSpan, observeWithOpenTelemetry } from '@countersign/opentelemetry';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const scheme = standardWebhooks();

const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({
  exporter: metricExporter,
  exportIntervalMillis: 3_600_000,
});
const spanExporter = new InMemorySpanExporter();
// As a user's set-up does it: everything is global.
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })] }),
);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const verifiers: Verifier[] = [];
const verifier = createVerifier({
  ...{ scheme, secrets: SECRET, endpoint: 'orders' },
  observe: observeWithOpenTelemetry({ verifiers: () => verifiers }),
});
verifiers.push(verifier);

const request = sign(scheme, { secret: SECRET, id: 'msg_1', body: '{}' });
const handled = await verifier.handle(request, (webhook) =>
  inWebhookSpan(webhook, async () => trace.getTracer('user').startSpan('insert order').end()),
);
assert.equal(handled.status, 204);
assert.equal((await verifier.handle(request, () => undefined)).status, 200);
const forged = sign(scheme, { secret: `whsec_${'Zm9y'.repeat(8)}`, id: 'msg_2', body: '{}' });
assert.equal((await verifier.handle(forged, () => undefined)).status, 401);

await reader.forceFlush();
const points = metricExporter
  .getMetrics()
  .flatMap(({ scopeMetrics }) => scopeMetrics)
  .flatMap(({ metrics: all }) => all)
  .flatMap(({ descriptor, dataPoints }) =>
    (dataPoints as { attributes: object; value: unknown }[]).map(({ attributes, value }) => ({
      name: descriptor.name,
      attributes,
      value: typeof value === 'number' ? value : (value as { count: number }).count,
    })),
  );
const spans = spanExporter.getFinishedSpans().map((span) => ({
  name: span.name,
  id: span.spanContext().spanId,
  parent: span.parentSpanContext?.spanId,
}));
const SDK_VERSION = 'telemetry.sdk.version';
const versions = {
  node: process.version,
  metrics: metricExporter.getMetrics()[0]?.resource.attributes[SDK_VERSION],
  trace: spanExporter.getFinishedSpans()[0]?.resource.attributes[SDK_VERSION],
};
console.log(JSON.stringify({ versions, points, spans }));
await verifier.close();
await reader.shutdown();
