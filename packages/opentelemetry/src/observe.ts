import type { Observer, Verifier, WebhookEvent } from '@countersign/core';
import { checkFunction, checkKeys, configError } from '@countersign/core/extend';
import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { deliveryMetrics } from './delivery-metrics.ts';
import { deliverySpans } from './delivery-spans.ts';
import { observeHealth } from './health-gauges.ts';

/** Options of {@link observeWithOpenTelemetry}. */
export interface OpenTelemetryOptions {
  /** Default: the global one, which your SDK registers. `false`: no metrics. */
  meterProvider?: MeterProvider | false;
  /** Default: the global one, which your SDK registers. `false`: no spans. */
  tracerProvider?: TracerProvider | false;
  /**
   * Returns the verifiers whose health is measured: the age of their secrets, the last use of each key, their replay store, unverified
   * bytes and warnings. It is called for each collection, so it may return other verifiers each time. Without it there are no such
   * gauges. If it returns the verifier that this observer is for, TypeScript needs its type: `const verifier: Verifier = …`.
   */
  verifiers?: () => Iterable<Pick<Verifier, 'health'>>;
}

/** Where the metrics and spans come from, in the terms of OpenTelemetry. */
const SCOPE = '@countersign/opentelemetry';

/**
 * Makes an observer that records events as metrics and spans of OpenTelemetry. Several verifiers can share it.
 *
 * Start your SDK before you make verifiers, as for any instrumentation. No attribute
 * of a metric contains the id of a delivery, or anything else that an unauthenticated sender chooses.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if an option is wrong. What OpenTelemetry throws later harms no delivery: the process
 * warns of it once.
 * @example
 * ```ts
 * const verifier: Verifier = createVerifier({
 *   scheme: stripe(),
 *   secrets: envSecrets('STRIPE_SECRET'),
 *   observe: observeWithOpenTelemetry({ verifiers: () => [verifier] }),
 * })
 * ```
 */
export function observeWithOpenTelemetry(options: OpenTelemetryOptions = {}): Observer<WebhookEvent> {
  options = checkKeys('observeWithOpenTelemetry()', options, [
    'meterProvider',
    'tracerProvider',
    'verifiers',
  ]);
  const { meterProvider, tracerProvider, verifiers } = options;
  checkProvider('meterProvider', meterProvider, 'getMeter');
  checkProvider('tracerProvider', tracerProvider, 'getTracer');
  checkFunction('verifiers', verifiers);
  const parts: Part[] = [];
  if (tracerProvider !== false) {
    parts.push(started(() => deliverySpans((tracerProvider ?? trace.getTracerProvider()).getTracer(SCOPE))));
  }
  if (meterProvider !== false) {
    const meter = () => (meterProvider ?? metrics.getMeterProvider()).getMeter(SCOPE);
    parts.push(started(() => deliveryMetrics(meter())));
    if (verifiers !== undefined) parts.push(started(() => observeHealth(meter(), verifiers)));
  }
  return (event) => {
    let failure: { readonly error: unknown } | undefined;
    for (const part of parts) {
      try {
        part(event);
      } catch (error) {
        // The other parts still get the event. The verifier warns once of an observer that throws.
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  };
}

type Part = (event: WebhookEvent) => void;

/** A part that is made at its first event. If that fails, it is not tried again. */
function started(make: () => Part): Part {
  let part: Part | undefined;
  return (event) => {
    if (part === undefined) {
      part = () => undefined;
      part = make();
    }
    part(event);
  };
}

function checkProvider(name: string, provider: unknown, method: string): void {
  if (provider === undefined || provider === false) return;
  if (typeof (provider as Partial<Record<string, unknown>> | null)?.[method] !== 'function')
    throw configError(`"${name}" must have the method ${method}(). Pass a provider of an OpenTelemetry SDK.`);
}
