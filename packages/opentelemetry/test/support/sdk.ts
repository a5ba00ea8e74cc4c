import type { Attributes, HrTime } from '@opentelemetry/api';
import { DataPointType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { onTestFinished } from 'vitest';

class OnDemandReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** One time series, as an exporter gets it. */
export interface Series {
  readonly attributes: Attributes;
  readonly value: number;
  /** Of a histogram. */
  readonly count?: number | undefined;
}

/** A meter provider of the real SDK, whose metrics a test reads. */
export function meters() {
  const reader = new OnDemandReader();
  const meterProvider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => meterProvider.shutdown());
  return {
    meterProvider,
    /** All series of one metric. Throws what a callback threw. */
    async series(name: string): Promise<Series[]> {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) throw errors[0];
      const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
      const metric = all.find(({ descriptor }) => descriptor.name === name);
      if (metric === undefined) return [];
      if (metric.dataPointType === DataPointType.HISTOGRAM)
        return metric.dataPoints.map(({ attributes, value }) => ({
          ...{ attributes, value: value.sum ?? 0, count: value.count },
        }));
      return metric.dataPoints.map(({ attributes, value }) => ({ attributes, value: value as number }));
    },
    /** The names of all attributes, and all of their values. */
    async everything(): Promise<{ names: string[]; text: string }> {
      const { resourceMetrics } = await reader.collect();
      const points = resourceMetrics.scopeMetrics
        .flatMap(({ metrics }) => metrics)
        .flatMap(({ dataPoints }) => dataPoints as { attributes: Attributes }[]);
      const names = new Set(points.flatMap(({ attributes }) => Object.keys(attributes)));
      return { names: [...names].sort(), text: JSON.stringify(points.map(({ attributes }) => attributes)) };
    },
  };
}

/** A tracer provider of the real SDK, whose spans a test reads. */
export function tracers() {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  onTestFinished(() => tracerProvider.shutdown());
  return { tracerProvider, spans: (): ReadableSpan[] => exporter.getFinishedSpans() };
}

export function milliseconds([seconds, nanoseconds]: HrTime): number {
  return seconds * 1000 + nanoseconds / 1e6;
}
