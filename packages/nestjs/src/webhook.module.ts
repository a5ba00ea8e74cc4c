import { WebhookError } from '@countersign/core';
import {
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  Global,
  Inject,
  Module,
  type NestModule,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { type AbstractHttpAdapter, DiscoveryModule, HttpAdapterHost } from '@nestjs/core';
import { ExpressParsers } from './express-parsers.ts';
import { bypassFastifyParsers } from './fastify-parsers.ts';
import { WebhookGuard } from './webhook.guard.ts';
import { ConfigurableModuleClass, OWNS_VERIFIERS } from './webhook.module-definition.ts';
import { DRAIN_MODULES } from './webhook-drain.module.ts';
import { ENDPOINTS, WebhookEndpoints } from './webhook-endpoints.ts';
import { WebhookHealthIndicator } from './webhook-health.indicator.ts';
import type { WebhookModuleOptions } from './webhook-module-options.ts';
import { WebhookRoutes } from './webhook-routes.ts';

/**
 * Names the application's verifiers, and keeps Nest's body parsers off the routes that `@VerifyWebhook` protects. Import it once,
 * in the root module; it is global. Neither `rawBody: true` nor `emitDecoratorMetadata` is needed, and other routes keep Nest's
 * parsers and limits.
 *
 * It works on Express and on Fastify. A wrong option, name or decorator stops the application when it starts. When the
 * application shuts down, further deliveries are refused with 503, and running ones are settled before any `onModuleDestroy`
 * runs.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [WebhookModule.forRoot({ verifiers: { anchor: anchorVerifier, stripe: stripeVerifier } })],
 *   controllers: [HooksController],
 * })
 * export class AppModule {}
 * ```
 */
@Global()
@Module({
  imports: [DiscoveryModule, ...DRAIN_MODULES],
  providers: [
    { provide: ENDPOINTS, useClass: WebhookEndpoints },
    WebhookRoutes,
    WebhookGuard,
    WebhookHealthIndicator,
  ],
  exports: [ENDPOINTS, WebhookGuard, WebhookHealthIndicator],
})
export class WebhookModule implements NestModule, OnApplicationBootstrap {
  readonly #host: HttpAdapterHost;
  readonly #routes: WebhookRoutes;
  readonly #endpoints: WebhookEndpoints;
  #expressParsers: ExpressParsers | undefined;

  /** For verifiers that exist already. Your code must close them. */
  static forRoot(options: WebhookModuleOptions): DynamicModule {
    return definition(ConfigurableModuleClass.forRoot(options), false);
  }

  /** For verifiers that a factory creates when the application starts. They are closed when it shuts down. */
  static forRootAsync(options: ConfigurableModuleAsyncOptions<WebhookModuleOptions>): DynamicModule {
    return definition(ConfigurableModuleClass.forRootAsync(options), true);
  }

  constructor(
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
    @Inject(WebhookRoutes) routes: WebhookRoutes,
    @Inject(ENDPOINTS) endpoints: WebhookEndpoints,
  ) {
    this.#host = host;
    this.#routes = routes;
    this.#endpoints = endpoints;
    if (host.listening) {
      throw new WebhookError(
        'ERR_WEBHOOK_CONFIG_INVALID',
        'WebhookModule was loaded after the application had started, when it can no longer keep body parsers off the routes of webhooks. ' +
          'Import it in the root module, and not in a module that is loaded lazily.',
      );
    }
    whenAdapted(host, (adapter) => this.#bypassParsers(adapter));
  }

  #bypassParsers(adapter: AbstractHttpAdapter): void {
    const type = adapter.getType();
    if (type === 'express') this.#expressParsers = new ExpressParsers(adapter, this.#routes);
    else if (type === 'fastify') bypassFastifyParsers(adapter, this.#routes);
  }

  /** Called by Nest before it registers routes. */
  configure(): void {
    const type = this.#host.httpAdapter.getType();
    if (type !== 'express' && type !== 'fastify') {
      throw new WebhookError(
        'ERR_WEBHOOK_CONFIG_INVALID',
        `WebhookModule works on Express and on Fastify, not on "${type}". Use one of these platforms.`,
      );
    }
    this.#routes.find();
  }

  onApplicationBootstrap(): void {
    this.#routes.checkRegistered();
    if (this.#endpoints.readsBodies) this.#expressParsers?.check();
  }
}

/** A testing module gets its adapter later than an application, and its parsers even later. */
function whenAdapted(host: HttpAdapterHost, use: (adapter: AbstractHttpAdapter) => void): void {
  if (host.httpAdapter) {
    use(host.httpAdapter);
  } else if ('init$' in host) {
    host.init$.subscribe(() => use(host.httpAdapter));
  } else {
    // Nest 10 doesn't tell. This property hides the accessor of the class until it is set.
    Object.defineProperty(host, 'httpAdapter', {
      configurable: true,
      get: () => undefined,
      set: (adapter: AbstractHttpAdapter) => {
        Reflect.deleteProperty(host, 'httpAdapter');
        Reflect.set(host, 'httpAdapter', adapter);
        use(adapter);
      },
    });
  }
}

function definition({ imports = [], providers = [] }: DynamicModule, ownsVerifiers: boolean): DynamicModule {
  return {
    module: WebhookModule,
    imports,
    providers: [...providers, { provide: OWNS_VERIFIERS, useValue: ownsVerifiers }],
  };
}
