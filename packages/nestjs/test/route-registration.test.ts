import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it } from 'vitest';
import { onRouteRegistration, type RouteRegistration } from '../src/route-registration.ts';

const ADAPTERS: [string, () => AbstractHttpAdapter][] = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
];

/** An adapter whose routes are noted, and registered as they are. */
function watched(adapter: AbstractHttpAdapter): RouteRegistration[] {
  const seen: RouteRegistration[] = [];
  onRouteRegistration(adapter, (route) => {
    seen.push(route);
    return route.register(route.handlers);
  });
  return seen;
}

describe.each(ADAPTERS)('onRouteRegistration() on %s', (_, create) => {
  it('detects every method by which Nest registers a route', () => {
    const adapter = create();
    const seen = watched(adapter);
    const handler = () => undefined;
    const methods = ['get', 'post', 'put', 'patch', 'delete', 'options', 'head', 'search', 'query'] as const;
    for (const method of methods) adapter[method](`/${method}`, handler);
    expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual(
      methods.map((name) => `${name} /${name}`),
    );
    for (const { handlers } of seen) expect(handlers).toEqual([handler]);
  });

  it('detects a route for all methods as one', () => {
    const adapter = create();
    const seen = watched(adapter);
    adapter.all('/any', () => undefined);
    expect(seen.map(({ method }) => method)).toEqual(['all']);
  });
});

describe('onRouteRegistration()', () => {
  it('leaves alone that Express looks up a setting with get()', () => {
    const adapter = new ExpressAdapter();
    const seen = watched(adapter);
    adapter.set('views', 'here');
    expect(adapter.get('views' as never)).toBe('here');
    expect(seen).toEqual([]);
  });
});
