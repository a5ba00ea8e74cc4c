/**
 * The path and query of a request target: of `/hooks?a=1`, and of `http://example.com/hooks?a=1`. `undefined` if it has no path, as `*` has
 * none.
 *
 * A sender chooses the target, so it must never decide which host a request goes to.
 */
export function pathOf(target: string): string | undefined {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  return path.startsWith('/') ? path : undefined;
}

/** The URL of a request target at this origin. `undefined` if the target has no path, or another origin would result. */
export function urlAt(origin: string, target: string): URL | undefined {
  const own = new URL(origin).origin;
  const path = pathOf(target);
  // Not `new URL(path, own)`: it reads `//host/path` as a URL of another host.
  if (path === undefined || !URL.canParse(own + path)) return undefined;
  const url = new URL(own + path);
  return url.origin === own ? url : undefined;
}
