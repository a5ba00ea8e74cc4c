/** Keeps a host running until a promise settles. */
export type WaitUntil = (settled: Promise<unknown>) => void;

/** The global in which Vercel's runtime stores the current request's context; `waitUntil` of `@vercel/functions` reads it too. */
const VERCEL_CONTEXT = Symbol.for('@vercel/request-context');

/**
 * The host's `waitUntil`, if it has one: Workers and Netlify pass it in a context, Hono in `executionCtx`, Vercel has a global, and
 * Workers with `nodejs_compat` have a module.
 */
export function waitUntilOf(context: readonly unknown[]): WaitUntil | undefined {
  for (const given of context) {
    const found = methodOf(given) ?? methodOf(executionContextOf(given));
    if (found !== undefined) return found;
  }
  const vercel = (globalThis as { [VERCEL_CONTEXT]?: { get?(): unknown } })[VERCEL_CONTEXT];
  return methodOf(vercel?.get?.()) ?? methodOf(workersModule());
}

/** Not imported, because no other host has this module. */
function workersModule(): unknown {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.('cloudflare:workers');
}

function methodOf(owner: unknown): WaitUntil | undefined {
  if (owner === null || typeof owner !== 'object') return undefined;
  const { waitUntil } = owner as { waitUntil?: unknown };
  return typeof waitUntil === 'function' ? (settled) => void waitUntil.call(owner, settled) : undefined;
}

function executionContextOf(given: unknown): unknown {
  try {
    return (given as { executionCtx?: unknown } | null | undefined)?.executionCtx;
  } catch {
    // Hono's getter throws on a host without one.
    return undefined;
  }
}
