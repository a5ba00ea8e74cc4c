import 'reflect-metadata';
import { WebhookError } from '@countersign/core';
import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { parseInGuard } from './express-parsers.ts';
import { watchHandler } from './handler-watch.ts';
import { webhookParameter } from './webhook.decorator.ts';
import { guardedTarget } from './webhook.guard.ts';
import { ENDPOINTS, type WebhookEndpoints } from './webhook-endpoints.ts';
import { isDecorated } from './webhook-target.ts';

/** Set on a handler by `@Post()` and similar decorators. */
const PATH_METADATA = 'path';
/** Set on a controller by parameter decorators, per handler. */
const ROUTE_ARGS_METADATA = '__routeArguments__';
/** Marks a webhook's handler. Nest copies what is on a handler to the function that it registers with the framework. */
const ROUTE_MARK = 'countersign:webhook-route';

interface Handler {
  readonly controller: { readonly name: string; readonly prototype: object };
  readonly methodName: string;
  readonly method: object;
}

/** Identifies a webhook's handler. */
interface Mark {
  readonly name: string;
}

/** Finds the application's webhook handlers when it starts, and recognizes them when their routes are registered. */
@Injectable()
export class WebhookRoutes {
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  readonly #endpoints: WebhookEndpoints;
  readonly #webhooks = new Set<Mark>();
  readonly #registered = new Set<Mark>();

  constructor(
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MetadataScanner) scanner: MetadataScanner,
    @Inject(ENDPOINTS) endpoints: WebhookEndpoints,
  ) {
    this.#discovery = discovery;
    this.#scanner = scanner;
    this.#endpoints = endpoints;
  }

  /**
   * Checks and marks the handlers of all controllers, before Nest registers their routes.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a decorator that can't work.
   */
  find(): void {
    const webhooks = new Map<object, string>();
    const others = new Map<object, string>();
    for (const handler of this.#handlers()) {
      const { method, methodName, controller } = handler;
      const name = `${controller.name}.${methodName}`;
      const target = guardedTarget(method, controller);
      if (target === undefined) {
        checkUnguarded(handler, name);
        others.set(method, name);
        parseInGuard(controller);
      } else {
        this.#endpoints.receiver(target);
        webhooks.set(method, name);
      }
    }
    for (const [method, name] of webhooks) {
      const other = others.get(method);
      if (other !== undefined) {
        throw configError(
          `${name} and ${other}, which is not a webhook, inherit the same method. Override it in one of them.`,
        );
      }
      // Two applications in one process may share a controller.
      const mark: Mark = Reflect.getOwnMetadata(ROUTE_MARK, method) ?? { name };
      Reflect.defineMetadata(ROUTE_MARK, mark, method);
      watchHandler(method);
      this.#webhooks.add(mark);
    }
  }

  /** Whether a function that is being registered with the framework belongs to a controller. */
  isController(registered: unknown): boolean {
    return typeof registered === 'function' && Reflect.hasMetadata(PATH_METADATA, registered);
  }

  /** Whether a function that is being registered with the framework is a webhook's. */
  isRegistering(registered: unknown): boolean {
    if (typeof registered !== 'function') return false;
    const mark: Mark | undefined = Reflect.getMetadata(ROUTE_MARK, registered);
    if (mark === undefined || !this.#webhooks.has(mark)) return false;
    this.#registered.add(mark);
    return true;
  }

  /**
   * Checks that the route of every webhook was registered as one: its guard is in place, and its body is left to it.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` naming those that weren't.
   */
  checkRegistered(): void {
    const missing = [...this.#webhooks].filter((mark) => !this.#registered.has(mark));
    if (missing.length === 0) return;
    throw configError(
      `No route was registered with the decorators of ${missing.map(({ name }) => name).join(', ')}. Don't bind these methods in a constructor ` +
        '(that removes their guards) or wrap their routes (an onRouteTriggered hook does under Nest 11), and check that no other route has the same path.',
    );
  }

  *#handlers(): Iterable<Handler> {
    for (const { metatype } of this.#discovery.getControllers()) {
      if (typeof metatype !== 'function') continue;
      for (const methodName of this.#scanner.getAllMethodNames(metatype.prototype)) {
        const method: unknown = Reflect.get(metatype.prototype, methodName);
        if (typeof method !== 'function' || !Reflect.hasMetadata(PATH_METADATA, method)) continue;
        yield { controller: metatype, methodName, method };
      }
    }
  }
}

/** A handler that is meant to be a webhook, but has no guard, must not be served. */
function checkUnguarded({ controller, methodName }: Handler, name: string): void {
  if (isDecorated(controller.prototype, methodName)) {
    throw configError(
      `${name} has lost @VerifyWebhook: a decorator above it replaces the method. Move @VerifyWebhook above that decorator.`,
    );
  }
  const parameters: object = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, methodName) ?? {};
  if (Object.values(parameters).some((parameter) => parameter?.factory === webhookParameter)) {
    throw configError(
      `${name} has a parameter with @Webhook(), but no @VerifyWebhook. Add it to the method or the class.`,
    );
  }
}

function configError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}
