import { type Verifier, WebhookError } from '@countersign/core';
import { createNodeReceiver, type NodeReceiver } from '@countersign/core/extend';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { MODULE_OPTIONS_TOKEN, OWNS_VERIFIERS } from './webhook.module-definition.ts';
import type {
  NestVerifierSource,
  WebhookHttpRequest,
  WebhookModuleOptions,
  WebhookRouteOptions,
} from './webhook-module-options.ts';
import type { WebhookTarget } from './webhook-target.ts';

/** The provider of {@link WebhookEndpoints}. One application may have decorators of the ES modules and the module of CommonJS. */
export const ENDPOINTS = Symbol.for('countersign.webhook-endpoints');

/** The module's verifiers, and a receiver for each route that uses one. */
@Injectable()
export class WebhookEndpoints implements OnApplicationShutdown {
  readonly #verifiers: ReadonlyMap<string, NestVerifierSource>;
  readonly #defaults: WebhookRouteOptions;
  readonly #ownsVerifiers: boolean;
  readonly #receivers = new Map<WebhookTarget, NodeReceiver<WebhookHttpRequest>>();
  /** Whether any route reads its bodies from the request and not from its own `rawBody`. */
  readsBodies = false;

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) options: WebhookModuleOptions,
    @Inject(OWNS_VERIFIERS) ownsVerifiers: boolean,
  ) {
    this.#ownsVerifiers = ownsVerifiers;
    const { verifiers, ...defaults } = options ?? {};
    if (verifiers === null || typeof verifiers !== 'object' || Object.keys(verifiers).length === 0) {
      throw configError('"verifiers" of WebhookModule must be an object: { name: verifier }.');
    }
    this.#verifiers = new Map(Object.entries(verifiers));
    this.#defaults = defaults;
    // Wrong verifiers and options are reported now, even if no route uses them yet.
    for (const name of this.#verifiers.keys()) this.#create(name, {}, `WebhookModule's "${name}"`);
  }

  /**
   * The receiver of a route, created once.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown name or a wrong option.
   */
  receiver(target: WebhookTarget): NodeReceiver<WebhookHttpRequest> {
    let receiver = this.#receivers.get(target);
    if (receiver === undefined) {
      const name = target.name ?? this.#onlyName();
      receiver = this.#create(name, target.options, `@VerifyWebhook('${name}')`);
      this.#receivers.set(target, receiver);
      this.readsBodies ||= (target.options.rawBody ?? this.#defaults.rawBody) === undefined;
    }
    return receiver;
  }

  #create(name: string, options: WebhookRouteOptions, owner: string): NodeReceiver<WebhookHttpRequest> {
    const source = this.#verifiers.get(name);
    if (source === undefined) {
      throw configError(
        `WebhookModule has no verifier "${name}" for @VerifyWebhook. It has: ${this.#names()}. Name all verifiers in one forRoot().`,
      );
    }
    return createNodeReceiver(owner, source, { ...this.#defaults, ...options });
  }

  /** The verifiers that are known before a request, by name. */
  get verifiers(): Readonly<Record<string, Verifier>> {
    const named = [...this.#verifiers].filter(
      (entry): entry is [string, Verifier] => typeof entry[1] !== 'function',
    );
    return Object.fromEntries(named);
  }

  #onlyName(): string {
    const [name, ...others] = this.#verifiers.keys();
    if (name !== undefined && others.length === 0) return name;
    throw configError(
      `@UseGuards(WebhookGuard) needs @VerifyWebhook(name) on the same handler to choose from: ${this.#names()}.`,
    );
  }

  #names(): string {
    return [...this.#verifiers.keys()].map((name) => `"${name}"`).join(', ');
  }

  /** Refuses further deliveries with 503, and waits until running ones are settled. */
  async drain(): Promise<void> {
    await Promise.all([...this.#receivers.values()].map((receiver) => receiver.stop()));
  }

  // Not earlier, because requests are verified until the server is closed.
  async onApplicationShutdown(): Promise<void> {
    if (!this.#ownsVerifiers) return;
    await Promise.all(Object.values(this.verifiers).map((verifier) => verifier.close()));
  }
}

function configError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}
