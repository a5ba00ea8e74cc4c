import 'reflect-metadata';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { WebhookError } from '@countersign/core';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { routePattern } from './route-pattern.ts';
import { onRouteRegistration } from './route-registration.ts';
import { guardedTarget } from './webhook.guard.ts';

type ExpressRequest = IncomingMessage & { readonly path: string; [SPARED]?: Middleware[] | undefined };
type Next = (error?: unknown) => void;
type Middleware = (request: ExpressRequest, response: ServerResponse, next: Next) => unknown;

interface Layer {
  readonly handle: unknown;
  /** Set by Express 5 on what is mounted for all paths. */
  readonly slash?: boolean;
  /** Set by Express 4 likewise. */
  readonly regexp?: { readonly fast_slash?: boolean };
}
interface Router {
  readonly stack?: readonly Layer[];
}
interface ExpressApp {
  readonly router?: Router;
  /** Express 4. */
  readonly _router?: Router;
  readonly lazyrouter?: unknown;
}

/** The names of body-parser's functions. Nest recognizes them by these names too. */
const PARSERS: ReadonlySet<unknown> = new Set(['jsonParser', 'urlencodedParser', 'rawParser', 'textParser']);
/** What `@UseGuards()` sets; Nest doesn't export its name. */
const GUARDS_METADATA = '__guards__';

/** Of a request: the parsers that were skipped. A WeakMap with an entry for each request costs garbage collection a lot. */
const SPARED = Symbol('countersign.spared-parsers');

/** The routes of the application: those of webhooks and those of controllers. */
interface KnownRoutes {
  isRegistering(handler: unknown): boolean;
  isController(handler: unknown): boolean;
}

/**
 * Express: body parsers skip requests that may be for a webhook, so that its guard finds the bytes unread. If such a request turns
 * out to be for another route (another version or host of the same path), the parsers run right before that route's handler.
 */
export class ExpressParsers {
  readonly #adapter: AbstractHttpAdapter;
  readonly #patterns: ReturnType<typeof routePattern>[] = [];
  readonly #aware = new WeakSet<object>();

  constructor(adapter: AbstractHttpAdapter, routes: KnownRoutes) {
    this.#adapter = adapter;
    adapter.use(this.#findWebhooks);
    const use: typeof adapter.use = adapter.use.bind(adapter);
    adapter.use = (...args: unknown[]) => use(...args.map((arg) => this.#withAwareParsers(arg)));
    onRouteRegistration(adapter, ({ method, path, handlers, register }) => {
      if (handlers.some((handler) => routes.isRegistering(handler))) {
        this.#patterns.push(routePattern(method, String(path)));
        return register(handlers);
      }
      // A controller's route may pass a request on, depending on its version or host. Its guard parses after that is decided.
      if (handlers.some((handler) => routes.isController(handler))) return register(handlers);
      return register([parseSpared, ...handlers]);
    });
  }

  readonly #findWebhooks: Middleware = (request, _response, next) => {
    if (this.#patterns.some((matches) => matches(request.method ?? '', request.path))) {
      request[SPARED] = [];
    }
    next();
  };

  #withAwareParsers(given: unknown): unknown {
    if (Array.isArray(given)) return given.map((one) => this.#withAwareParsers(one));
    return isParser(given) ? this.#awareParser(given) : given;
  }

  #awareParser(parser: Middleware): Middleware {
    const parse: Middleware = (request, response, next) => {
      const spared = request[SPARED];
      if (spared === undefined) return parser(request, response, next);
      spared.push(parser);
      return next();
    };
    this.#aware.add(parse);
    return Object.defineProperty(parse, 'name', { value: parser.name });
  }

  /**
   * Checks that no parser reads the bodies of webhooks.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` naming one that would.
   */
  check(): void {
    for (const { handle, slash, regexp } of layersOf(this.#adapter.getInstance<ExpressApp>())) {
      const isForAllPaths = slash === true || regexp?.fast_slash === true;
      if (!isForAllPaths || !isParser(handle) || this.#aware.has(handle)) continue;
      throw new WebhookError(
        'ERR_WEBHOOK_CONFIG_INVALID',
        `A body parser (${handle.name}) was mounted on the Express app itself, and would read the bodies of webhooks. Mount it through ` +
          'Nest, with app.use() or app.useBodyParser(), or pass its bytes with "rawBody".',
      );
    }
  }
}

/** What is mounted on an app of Express, in order. In Express 4 the property `router` throws. */
function layersOf(app: ExpressApp): readonly Layer[] {
  const router = typeof app.lazyrouter === 'function' ? app._router : app.router;
  return router?.stack ?? [];
}

/** Runs the parsers that were skipped. */
const parseSpared: Middleware = (request, response, next) => {
  const parsers = request[SPARED] ?? [];
  request[SPARED] = undefined;
  const parseNext: Next = (error) => {
    const parser = error === undefined ? parsers.shift() : undefined;
    if (parser === undefined) next(error);
    else parser(request, response, parseNext);
  };
  parseNext();
};

const parsingGuard: CanActivate = {
  canActivate(context: ExecutionContext): true | Promise<true> {
    if (context.getType() !== 'http') return true;
    const request = context.switchToHttp().getRequest<ExpressRequest>();
    // The same controller may have webhooks too.
    if (
      request[SPARED] === undefined ||
      guardedTarget(context.getHandler(), context.getClass()) !== undefined
    )
      return true;
    return new Promise((resolve, reject) => {
      parseSpared(request, context.switchToHttp().getResponse<ServerResponse>(), (error) =>
        error === undefined ? resolve(true) : reject(error),
      );
    });
  },
};

/** Makes a controller's handlers parse what was skipped, before its own guards. Call it before Nest registers their routes. */
export function parseInGuard(controller: object): void {
  const guards: readonly unknown[] = Reflect.getMetadata(GUARDS_METADATA, controller) ?? [];
  if (guards.includes(parsingGuard)) return;
  Reflect.defineMetadata(GUARDS_METADATA, [parsingGuard, ...guards], controller);
}

function isParser(value: unknown): value is Middleware {
  return typeof value === 'function' && PARSERS.has(value.name);
}
