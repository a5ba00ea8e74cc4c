import type { AbstractHttpAdapter } from '@nestjs/core';

/** The methods of an adapter that register a route: `(path, handler)`. */
const METHODS = [
  'all',
  'copy',
  'delete',
  'get',
  'head',
  'lock',
  'mkcol',
  'move',
  'options',
  'patch',
  'post',
  'propfind',
  'proppatch',
  'put',
  'query',
  'search',
  'unlock',
];

/** One route that is being registered. */
export interface RouteRegistration {
  /** In lower case; `all` for every method. */
  readonly method: string;
  readonly path: unknown;
  readonly handlers: readonly unknown[];
  /** Registers it, with these handlers. */
  register(handlers: readonly unknown[]): unknown;
}

/** Calls `see` for every route that is registered from now on, and returns its result to the caller. */
export function onRouteRegistration(
  adapter: AbstractHttpAdapter,
  see: (route: RouteRegistration) => unknown,
): void {
  for (const method of METHODS) {
    const original: unknown = Reflect.get(adapter, method);
    if (typeof original !== 'function') continue;
    Reflect.set(adapter, method, function registerRoute(...args: unknown[]) {
      const [path, ...handlers] = args;
      // Express reads a setting with get(name).
      if (handlers.length === 0) return Reflect.apply(original, adapter, args);
      return see({
        method,
        path,
        handlers,
        register: (given) => Reflect.apply(original, adapter, [path, ...given]),
      });
    });
  }
}
