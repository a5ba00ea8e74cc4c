import type { Verifier, VerifierHealth } from '@countersign/core';
import { healthReport } from '@countersign/core/extend';
import { Inject, Injectable } from '@nestjs/common';
import { ENDPOINTS, type WebhookEndpoints } from './webhook-endpoints.ts';

/** What {@link WebhookHealthIndicator} tells Terminus. */
export interface WebhookHealth {
  /** `down`: no endpoint can verify deliveries. */
  readonly status: 'up' | 'down';
  /** The state of each endpoint, and the codes of its warnings. */
  readonly endpoints: Readonly<
    Record<string, { readonly state: VerifierHealth['state']; readonly warnings: readonly string[] }>
  >;
}

/**
 * An indicator for `@nestjs/terminus`, exported by `WebhookModule`. It is down if no endpoint of the module can verify deliveries. An
 * endpoint whose verifier is picked by a function does not count.
 *
 * What it reports contains no ids of keys, because Terminus shows it to everyone who can reach the route.
 *
 * @example
 * ```ts
 * @Get()
 * @HealthCheck()
 * check() {
 *   return this.health.check([() => this.webhooks.isHealthy('webhooks')])
 * }
 * ```
 */
@Injectable()
export class WebhookHealthIndicator {
  readonly #endpoints: WebhookEndpoints;

  constructor(@Inject(ENDPOINTS) endpoints: WebhookEndpoints) {
    this.#endpoints = endpoints;
  }

  /** The module's verifiers by name, without those that a function picks. */
  get verifiers(): Readonly<Record<string, Verifier>> {
    return this.#endpoints.verifiers;
  }

  /** @param key The name of this indicator in the report of Terminus. */
  isHealthy<const Key extends string = 'webhooks'>(key: Key = 'webhooks' as Key): Record<Key, WebhookHealth> {
    const { state, verifiers } = healthReport(this.verifiers);
    const endpoints = Object.entries(verifiers).map(
      ([name, health]) =>
        [name, { state: health.state, warnings: health.warnings.map(({ code }) => code) }] as const,
    );
    const health: WebhookHealth = {
      status: state === 'ready' ? 'up' : 'down',
      endpoints: Object.fromEntries(endpoints),
    };
    return { [key]: health } as Record<Key, WebhookHealth>;
  }
}
