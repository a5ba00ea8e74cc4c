/** With one of these characters, a path of Express is a pattern. */
const DYNAMIC = /[:*{}()[\]?+!\\]/;
/** With one of these, the pattern may match more or fewer segments than it has: in Express 5 the first three, in Express 4 the others. */
const OPEN = /[*{}?+()[\]]/;

/**
 * Matches requests that a route of Express may receive. If it matched too few, a parser would read a webhook's body. If it
 * matches too many, the request is parsed when it reaches its own route.
 */
export function routePattern(
  routeMethod: string,
  path: string,
): (method: string, pathname: string) => boolean {
  const segments = segmentsOf(path);
  const open = segments.findIndex((segment) => OPEN.test(segment));
  const fixed = (open === -1 ? segments : segments.slice(0, open)).map((segment) =>
    DYNAMIC.test(segment) ? undefined : segment,
  );
  const methods = routeMethod === 'get' ? ['GET', 'HEAD'] : [routeMethod.toUpperCase()];
  return (method, pathname) => {
    if (routeMethod !== 'all' && !methods.includes(method)) return false;
    const given = segmentsOf(pathname);
    if (open === -1 ? given.length !== fixed.length : given.length < fixed.length) return false;
    return fixed.every((segment, index) => segment === undefined || segment === given[index]);
  };
}

function segmentsOf(path: string): string[] {
  return path
    .toLowerCase()
    .split('/')
    .filter((segment) => segment !== '');
}
