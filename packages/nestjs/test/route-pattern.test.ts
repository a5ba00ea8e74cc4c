import { ExpressAdapter } from '@nestjs/platform-express';
import { describe, expect, it } from 'vitest';
import { routePattern } from '../src/route-pattern.ts';

/** Every path of up to three segments out of these. */
function pathsOf(segments: readonly string[], glue: (path: string, segment: string) => string): string[] {
  let longest = [''];
  const paths: string[] = [];
  for (let length = 1; length <= 3; length++) {
    longest = longest.flatMap((path) => segments.map((segment) => glue(path, segment)));
    paths.push(...longest);
  }
  return paths;
}

const optional = (path: string, segment: string) =>
  segment.startsWith('{') ? path + segment : `${path}/${segment}`;
const ROUTES = pathsOf(['a', 'B', ':p', 'x-:p', '*w', '{/:o}', '{/a}'], optional).filter(
  // Express takes a name only once.
  (path) => !/(:p.*:p|\*w.*\*w|:o.*:o)/.test(path),
);
const REQUESTS = [
  '/',
  ...pathsOf(['a', 'A', 'b', 'x-1', '%61', ''], (path, segment) => `${path}/${segment}`),
];

interface Layer {
  match(path: string): boolean;
}

/** What Express itself would route to such a path. */
function expressLayer(path: string): Layer {
  const app = new ExpressAdapter().getInstance();
  app.post(path, () => undefined);
  return app.router.stack.at(-1);
}

describe('routePattern()', () => {
  it('matches whatever Express routes there', () => {
    const missed: string[] = [];
    let routed = 0;
    for (const route of ROUTES) {
      const layer = expressLayer(route);
      const matches = routePattern('post', route);
      for (const request of REQUESTS) {
        if (!layer.match(request)) continue;
        routed++;
        if (!matches('POST', request)) missed.push(`${route} ← ${request}`);
      }
    }
    expect(missed).toEqual([]);
    expect(routed).toBeGreaterThan(1000);
  });

  it('matches no more than that if a path is text and parameters', () => {
    const beyond: string[] = [];
    for (const route of ROUTES.filter((path) => /^[/aB:p]*$/.test(path))) {
      const layer = expressLayer(route);
      const matches = routePattern('post', route);
      for (const request of REQUESTS.filter((path) => !path.includes('//'))) {
        if (matches('POST', request) && !layer.match(request)) beyond.push(`${route} ← ${request}`);
      }
    }
    expect(beyond).toEqual([]);
  });

  it.each([
    ['post', ['POST']],
    ['get', ['GET', 'HEAD']],
    ['all', ['GET', 'HEAD', 'POST', 'PUT', 'MKCOL']],
  ])('of %s takes the methods %j', (method, taken) => {
    const matches = routePattern(method, '/a');
    expect(['GET', 'HEAD', 'POST', 'PUT', 'MKCOL'].filter((name) => matches(name, '/a'))).toEqual(taken);
  });
});
