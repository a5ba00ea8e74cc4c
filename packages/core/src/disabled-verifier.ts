import type { KeyringHealth, VerifierHealth } from './health.ts';
import { refusalResponse, type WebhookResponse } from './response.ts';
import type { Scheme } from './scheme/scheme.ts';
import { configError } from './util/options.ts';
import type { DisabledSettings } from './verifier-options.ts';
import type { Verifier } from './verifier-types.ts';
import { WebhookError } from './webhook-error.ts';

const NOTHING_LOADED: KeyringHealth = {
  state: 'not-ready',
  provider: 'none',
  version: undefined,
  loadedAt: undefined,
  lastReload: undefined,
  rotatingUntil: undefined,
  keys: [],
  revoked: [],
  warnings: [],
};

/** The verifier of an endpoint that is switched off: it refuses every request, loads no secrets and has no warnings. */
export class DisabledVerifier implements Verifier {
  readonly scheme: Pick<Scheme, 'name' | 'delivery'>;
  readonly endpoint: string;

  constructor({ scheme, endpoint }: DisabledSettings) {
    this.scheme = scheme;
    this.endpoint = endpoint;
  }

  async ready(): Promise<void> {}
  async verify(): Promise<never> {
    throw this.#refusal();
  }
  async claim(): Promise<never> {
    throw this.#refusal();
  }
  async forget(): Promise<boolean> {
    return false;
  }
  async receive(): Promise<never> {
    throw this.#refusal();
  }
  async handle(): Promise<WebhookResponse> {
    return refusalResponse(this.#refusal());
  }
  async reload(): Promise<VerifierHealth> {
    return this.health();
  }
  async revoke(): Promise<never> {
    throw configError(`The endpoint "${this.endpoint}" is disabled: it has no keys to revoke.`);
  }
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}

  health(): VerifierHealth {
    const { endpoint, scheme } = this;
    return {
      state: 'disabled',
      endpoint,
      scheme: scheme.name,
      secrets: NOTHING_LOADED,
      mismatches: { count: 0, lastAt: undefined },
      replay: undefined,
      pendingBytes: { bytes: 0, maxBytes: 0, refused: 0, lastRefusedAt: undefined },
      warnings: [],
    };
  }

  #refusal(): WebhookError {
    return new WebhookError(
      'ERR_WEBHOOK_DISABLED',
      `The endpoint "${this.endpoint}" is switched off by "disabled".`,
    );
  }
}
