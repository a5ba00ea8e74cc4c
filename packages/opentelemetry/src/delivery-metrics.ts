import type { WebhookEvent } from '@countersign/core';
import type { Attributes, Histogram, Meter } from '@opentelemetry/api';
import { type DeliveryOutcome, OpenDeliveries } from './open-deliveries.ts';

const VERIFY_BOUNDARIES = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
const HANDLER_BOUNDARIES = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Counts deliveries by their outcome, and measures how long they took. */
export function deliveryMetrics(meter: Meter): (event: WebhookEvent) => void {
  const deliveries = new DeliveryCounts(meter);
  const reloadFailures = meter.createCounter('countersign.secrets.reload_failures', {
    description: 'Loads of secrets that failed; the last good set stays in use',
  });
  const verifyDuration = new Durations(
    meter,
    'countersign.verify.duration',
    'From the head of a request to its verdict, with the time to read its body',
    VERIFY_BOUNDARIES,
  );
  const handlerDuration = new Durations(
    meter,
    'countersign.handler.duration',
    'From the claim of a delivery to the end of its handler',
    HANDLER_BOUNDARIES,
  );
  const open = new OpenDeliveries<true>();

  return (event) => {
    switch (event.type) {
      case 'verified':
        verifyDuration.record(event.durationMs, event, 'verified');
        return;
      case 'refused':
        // A delivery that is refused after it was verified has been measured.
        if (event.key === undefined) verifyDuration.record(event.durationMs, event, 'refused');
        deliveries.count('refused', event, event.code);
        return;
      case 'unrouted':
        deliveries.count('unrouted', {}, event.code);
        return;
      case 'handshake':
      case 'duplicate':
        deliveries.count(event.type, event);
        return;
      case 'claimed':
        open.add(event, true);
        return;
      case 'committed':
      case 'released': {
        open.take(event);
        const outcome = event.type === 'committed' ? 'handled' : 'failed';
        handlerDuration.record(event.handlerDurationMs, event, outcome);
        deliveries.count(outcome, event);
        return;
      }
      case 'release-failed':
        open.take(event);
        deliveries.count('failed', event);
        return;
      case 'claim-lost':
        // Reported when the lease ends, and once more when the handler ends.
        if (open.take(event) === true) deliveries.count('lost', event);
        return;
      case 'secrets-failed': {
        const { endpoint, provider, error } = event;
        reloadFailures.add(1, {
          ...(endpoint === undefined ? {} : { endpoint }),
          provider,
          code: error.code,
        });
      }
    }
  };
}

/** What a count is split by. Only the role of a key, never its id: over the years, rotations would make ever more time series. */
interface Counted {
  readonly endpoint?: string;
  readonly scheme?: string;
  readonly key?: { readonly role: string } | undefined;
}

/** Counts by itself, and tells the meter when it collects: an SDK spends a microsecond for each number that it is told. */
class DeliveryCounts {
  readonly #counts = new Map<string, { readonly attributes: Attributes; count: number }>();

  constructor(meter: Meter) {
    meter
      .createObservableCounter('countersign.deliveries', {
        description: 'Requests by their outcome, each counted once',
      })
      .addCallback((result) => {
        for (const { attributes, count } of this.#counts.values()) result.observe(count, attributes);
      });
  }

  count(outcome: DeliveryOutcome, { endpoint, scheme, key }: Counted, code?: string): void {
    const name = `${outcome} ${code} ${key?.role} ${scheme}\n${endpoint}`;
    const known = this.#counts.get(name);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    const attributes = {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(scheme === undefined ? {} : { scheme }),
      outcome,
      ...(code === undefined ? {} : { code }),
      ...(key === undefined ? {} : { 'key.role': key.role }),
    };
    this.#counts.set(name, { attributes, count: 1 });
  }
}

/** A histogram of durations, by endpoint and outcome. */
class Durations {
  readonly #histogram: Histogram;

  constructor(meter: Meter, name: string, description: string, boundaries: number[]) {
    const advice = { explicitBucketBoundaries: boundaries };
    this.#histogram = meter.createHistogram(name, { description, unit: 's', advice });
  }

  record(durationMs: number, { endpoint }: { readonly endpoint: string }, outcome: string): void {
    this.#histogram.record(durationMs / 1000, { endpoint, outcome });
  }
}
