import { describe, expect, it } from 'vitest';
import { expressOf } from '../../../test/support/mounts/express.ts';
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

const joined = (path: string, segment: string) =>
  /^[{(]/.test(segment) ? path + segment : `${path}/${segment}`;
const routesOf = (...segments: string[]) =>
  // Express takes a name only once.
  pathsOf(segments, joined).filter((path) => !/(:p.*:p|\*w.*\*w|:o.*:o)/.test(path));
const ROUTES = {
  5: routesOf('a', 'B', ':p', 'x-:p', '*w', '{/:o}', '{/a}'),
  4: routesOf('a', 'B', ':p', 'x-:p', '*', ':o?', ':o*', ':o(a|b)', '(a/b)?', '(/a)?', 'ab?', 'a+', '[ab]'),
};
const REQUESTS = [
  '/',
  ...pathsOf(['a', 'A', 'b', 'x-1', '%61', ''], (path, segment) => `${path}/${segment}`),
];

interface Layer {
  match(path: string): boolean;
}

/** What Express itself would route to such a path. */
function expressLayer(version: 4 | 5, path: string): Layer {
  const app = expressOf(version)();
  app.post(path, () => undefined);
  return (version === 4 ? app._router : app.router).stack.at(-1);
}

describe('routePattern()', () => {
  it.each([4, 5] as const)('matches whatever Express %i routes there', (version) => {
    const missed: string[] = [];
    let routed = 0;
    for (const route of ROUTES[version]) {
      const layer = expressLayer(version, route);
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

  it.each([4, 5] as const)('matches no more than Express %i if a path is text and parameters', (version) => {
    const beyond: string[] = [];
    for (const route of ROUTES[version].filter((path) => /^[/aB:p]*$/.test(path))) {
      const layer = expressLayer(version, route);
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
