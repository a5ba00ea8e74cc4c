import type { WebhookEvent } from '@countersign/core';
import type { Attributes, Histogram, Meter } from '@opentelemetry/api';
import { type DeliveryOutcome, OpenDeliveries } from './open-deliveries.ts';

const VERIFY_BOUNDARIES = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
const HANDLER_BOUNDARIES = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Counts deliveries by their outcome, and measures how long they took. */
export function deliveryMetrics(meter: Meter): (event: WebhookEvent) => void {
  const deliveries = meter.createCounter('countersign.deliveries', {
    description: 'Requests by their outcome, each counted once',
  });
  const reloadFailures = meter.createCounter('countersign.secrets.reload_failures', {
    description: 'Loads of secrets that failed; the last good set stays in use',
  });
  const verifyDuration = histogram(
    meter,
    'countersign.verify.duration',
    'From the head of a request to its verdict, with the time to read its body',
    VERIFY_BOUNDARIES,
  );
  const handlerDuration = histogram(
    meter,
    'countersign.handler.duration',
    'From the claim of a delivery to the end of its handler',
    HANDLER_BOUNDARIES,
  );
  const open = new OpenDeliveries<true>();

  const count = (outcome: DeliveryOutcome, attributes: Attributes) =>
    deliveries.add(1, { ...attributes, outcome });

  return (event) => {
    switch (event.type) {
      case 'verified':
        verifyDuration.record(event.durationMs / 1000, { ...endpointOf(event), outcome: 'verified' });
        return;
      case 'refused':
        // A delivery that is refused after it was verified has been measured.
        if (event.key === undefined)
          verifyDuration.record(event.durationMs / 1000, { ...endpointOf(event), outcome: 'refused' });
        count('refused', { ...endpointOf(event), ...keyOf(event), code: event.code });
        return;
      case 'unrouted':
        count('unrouted', { code: event.code });
        return;
      case 'handshake':
        count('handshake', endpointOf(event));
        return;
      case 'duplicate':
        count('duplicate', { ...endpointOf(event), ...keyOf(event) });
        return;
      case 'claimed':
        open.add(event, true);
        return;
      case 'committed':
      case 'released': {
        open.take(event);
        const outcome = event.type === 'committed' ? 'handled' : 'failed';
        handlerDuration.record(event.handlerDurationMs / 1000, { ...endpointOf(event), outcome });
        count(outcome, { ...endpointOf(event), ...keyOf(event) });
        return;
      }
      case 'release-failed':
        open.take(event);
        count('failed', { ...endpointOf(event), ...keyOf(event) });
        return;
      case 'claim-lost':
        // Reported when the lease ends, and once more when the handler ends.
        if (open.take(event) === true) count('lost', { ...endpointOf(event), ...keyOf(event) });
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

function histogram(meter: Meter, name: string, description: string, boundaries: number[]): Histogram {
  return meter.createHistogram(name, {
    description,
    unit: 's',
    advice: { explicitBucketBoundaries: boundaries },
  });
}

function endpointOf({ endpoint, scheme }: { endpoint: string; scheme: string }): Attributes {
  return { endpoint, scheme };
}

/** The role of the key, never its id: over the years, rotations would make ever more time series. */
function keyOf({ key }: { key?: { role: string } | undefined }): Attributes {
  return key === undefined ? {} : { 'key.role': key.role };
}
