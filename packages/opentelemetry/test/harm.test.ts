import { observeWithOpenTelemetry } from '@countersign/opentelemetry';
import type { Meter, MeterProvider, TracerProvider } from '@opentelemetry/api';
import {
  AggregationTemporality,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  MeterProvider as SdkMeterProvider,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { delivery, FOREIGN, SECRET, verifierWith } from './support/receiver.ts';
import { meters, tracers } from './support/sdk.ts';

// Whatever OpenTelemetry does, deliveries are handled as without it, and the process warns once.

let warned: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  onTestFinished(() => warned.mockRestore());
});

/** Deliveries of all kinds, twice, and what the senders got. */
async function statuses(observe: ReturnType<typeof observeWithOpenTelemetry>): Promise<number[]> {
  const verifier = verifierWith(observe, { secrets: { current: SECRET } });
  const found: number[] = [];
  for (let round = 0; round < 2; round++) {
    const request = delivery();
    const forged = delivery({ secret: FOREIGN });
    found.push((await verifier.handle(request, () => undefined)).status);
    found.push((await verifier.handle(request, () => undefined)).status);
    found.push((await verifier.handle(delivery(), () => Promise.reject(new Error('no database')))).status);
    found.push((await verifier.handle(forged, () => undefined)).status);
  }
  return found;
}

const RIGHT = [204, 200, 500, 401, 204, 200, 500, 401];
const failing = (): never => {
  throw new Error('out of order');
};
const provider = (meter: unknown) => ({ getMeter: () => meter }) as MeterProvider;

/** A meter of which one instrument throws when it is used. */
function brokenMeter(): Meter {
  const { meterProvider } = meters();
  const meter = meterProvider.getMeter('broken');
  return Object.assign(Object.create(meter), {
    createCounter: meter.createCounter.bind(meter),
    createObservableCounter: meter.createObservableCounter.bind(meter),
    createHistogram: () => ({ record: failing }),
  });
}

describe('a meter or tracer that fails harms no delivery, and is reported once', () => {
  it.each<[string, () => { meterProvider?: MeterProvider; tracerProvider?: TracerProvider }]>([
    ['getMeter() throws', () => ({ meterProvider: { getMeter: failing } })],
    ['getMeter() returns nothing', () => ({ meterProvider: provider(undefined) })],
    ['a meter of an older API', () => ({ meterProvider: provider({ createObservableCounter: failing }) })],
    ['an instrument throws', () => ({ meterProvider: provider(brokenMeter()) })],
    ['getTracer() throws', () => ({ tracerProvider: { getTracer: failing } })],
    [
      'startSpan() throws',
      () => ({ tracerProvider: { getTracer: () => ({ startSpan: failing }) as never } }),
    ],
    [
      'the exporter of spans throws',
      () => ({
        tracerProvider: new BasicTracerProvider({
          spanProcessors: [
            { onStart() {}, onEnd: failing, forceFlush: async () => {}, shutdown: async () => {} },
          ],
        }),
      }),
    ],
  ])('%s', async (_, options) => {
    expect(await statuses(observeWithOpenTelemetry(options()))).toEqual(RIGHT);
    expect(warned).toHaveBeenCalledTimes(1);
    expect(String(warned.mock.lastCall?.[0])).toContain('An observer of webhook events failed');
  });

  it('and the other half goes on', async () => {
    const { tracerProvider, spans } = tracers();
    const { meterProvider, series } = meters();
    const broken = { getTracer: () => ({ startSpan: failing }) as never };
    const getMeter = vi.fn(failing);
    await statuses(observeWithOpenTelemetry({ tracerProvider, meterProvider: { getMeter } }));
    // What can't be made is not tried again with each event.
    expect(getMeter).toHaveBeenCalledTimes(1);
    expect(spans().length).toBeGreaterThanOrEqual(12);
    await statuses(observeWithOpenTelemetry({ tracerProvider: broken, meterProvider }));
    expect((await series('countersign.deliveries')).length).toBe(4);
  });

  it('without any SDK', async () => {
    expect(await statuses(observeWithOpenTelemetry())).toEqual(RIGHT);
    expect(warned).not.toHaveBeenCalled();
  });

  it('verifiers() that throws', async () => {
    const { meterProvider, series } = meters();
    const observe = observeWithOpenTelemetry({ meterProvider, tracerProvider: false, verifiers: failing });
    expect(await statuses(observe)).toEqual(RIGHT);
    // The SDK reports it to whoever collects.
    await expect(series('countersign.deliveries')).rejects.toThrow('out of order');
    expect(await statuses(observe)).toEqual(RIGHT);
    expect(warned).not.toHaveBeenCalled();
  });
});

describe('an exporter that hangs', () => {
  it('keeps no delivery waiting', async () => {
    const exporting = vi.fn();
    const hangs: PushMetricExporter = {
      export: exporting,
      forceFlush: async () => undefined,
      shutdown: async () => undefined,
      selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
    };
    const reader = new PeriodicExportingMetricReader({
      ...{ exporter: hangs, exportIntervalMillis: 20, exportTimeoutMillis: 20 },
    });
    const meterProvider = new SdkMeterProvider({ readers: [reader] });
    const spans = { export: vi.fn(), shutdown: async () => undefined };
    const tracerProvider = new BasicTracerProvider({
      spanProcessors: [
        new BatchSpanProcessor(spans, { scheduledDelayMillis: 10, exportTimeoutMillis: 20 }),
        new SimpleSpanProcessor(spans),
      ],
    });
    const observe = observeWithOpenTelemetry({ meterProvider, tracerProvider });
    expect(await statuses(observe)).toEqual(RIGHT);
    await vi.waitFor(() => expect(exporting.mock.calls.length).toBeGreaterThan(1), 30_000);
    await vi.waitFor(() => expect(spans.export.mock.calls.length).toBeGreaterThan(1), 30_000);
    expect(await statuses(observe)).toEqual(RIGHT);
    expect(warned).not.toHaveBeenCalled();
    onTestFinished(() => void meterProvider.shutdown().catch(() => undefined));
  });
});

describe('options', () => {
  it.each([
    [{ meterProvider: {} }, '"meterProvider" must have the method getMeter()'],
    [{ meterProvider: null }, '"meterProvider" must have the method getMeter()'],
    [{ tracerProvider: 'global' }, '"tracerProvider" must have the method getTracer()'],
    [{ verifiers: [] }, '"verifiers" must be a function'],
    [{ meterprovider: undefined }, 'Did you mean "meterProvider"?'],
  ])('%j: %s', (options, message) => {
    expect(() => observeWithOpenTelemetry(options as never)).toThrow(message);
  });
});
