import type { IncomingMessage, ServerResponse } from 'node:http';
import { WebhookError } from '@countersign/core';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { routePattern } from './route-pattern.ts';
import { onRouteRegistration } from './route-registration.ts';
import type { WebhookRoutes } from './webhook-routes.ts';

type ExpressRequest = IncomingMessage & { readonly path: string };
type Next = (error?: unknown) => void;
type Middleware = (request: ExpressRequest, response: ServerResponse, next: Next) => unknown;

/** What body-parser calls its functions. Nest knows them by these names too. */
const PARSERS: ReadonlySet<unknown> = new Set(['jsonParser', 'urlencodedParser', 'rawParser', 'textParser']);

/**
 * Express: body parsers pass over requests that may be a webhook's, so that its guard finds the bytes unread. Where such a request
 * comes to another route instead (another version or host of the same path), they run right before that.
 */
export class ExpressParsers {
  readonly #adapter: AbstractHttpAdapter;
  readonly #patterns: ReturnType<typeof routePattern>[] = [];
  readonly #passedOver = new WeakMap<IncomingMessage, Middleware[]>();
  readonly #aware = new WeakSet<object>();

  constructor(adapter: AbstractHttpAdapter, routes: WebhookRoutes) {
    this.#adapter = adapter;
    adapter.use(this.#findWebhooks);
    const use: typeof adapter.use = adapter.use.bind(adapter);
    adapter.use = (...args: unknown[]) => use(...args.map((arg) => this.#withAwareParsers(arg)));
    onRouteRegistration(adapter, ({ method, path, handlers, register }) => {
      if (!handlers.some((handler) => routes.isRegistering(handler)))
        return register([this.#parsePassedOver, ...handlers]);
      this.#patterns.push(routePattern(method, String(path)));
      return register(handlers);
    });
  }

  readonly #findWebhooks: Middleware = (request, _response, next) => {
    if (this.#patterns.some((matches) => matches(request.method ?? '', request.path))) {
      this.#passedOver.set(request, []);
    }
    next();
  };

  #withAwareParsers(given: unknown): unknown {
    if (Array.isArray(given)) return given.map((one) => this.#withAwareParsers(one));
    return isParser(given) ? this.#awareParser(given) : given;
  }

  #awareParser(parser: Middleware): Middleware {
    const parse: Middleware = (request, response, next) => {
      const passedOver = this.#passedOver.get(request);
      if (passedOver === undefined) return parser(request, response, next);
      passedOver.push(parser);
      return next();
    };
    this.#aware.add(parse);
    return Object.defineProperty(parse, 'name', { value: parser.name });
  }

  readonly #parsePassedOver: Middleware = (request, response, next) => {
    const parsers = this.#passedOver.get(request) ?? [];
    this.#passedOver.delete(request);
    const parseNext: Next = (error) => {
      const parser = error === undefined ? parsers.shift() : undefined;
      if (parser === undefined) next(error);
      else parser(request, response, parseNext);
    };
    parseNext();
  };

  /**
   * Sees that no parser reads ahead of the webhooks.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` naming one that would.
   */
  check(): void {
    const { router } = this.#adapter.getInstance<{
      router?: { stack?: { handle: unknown; slash?: boolean }[] };
    }>();
    for (const { handle, slash } of router?.stack ?? []) {
      if (slash !== true || !isParser(handle) || this.#aware.has(handle)) continue;
      throw new WebhookError(
        'ERR_WEBHOOK_CONFIG_INVALID',
        `A body parser (${handle.name}) was mounted on the Express app itself, and would read the bodies of webhooks. Mount it through ` +
          'Nest, with app.use() or app.useBodyParser(), or hand its bytes over with "rawBody".',
      );
    }
  }
}

function isParser(value: unknown): value is Middleware {
  return typeof value === 'function' && PARSERS.has(value.name);
}
