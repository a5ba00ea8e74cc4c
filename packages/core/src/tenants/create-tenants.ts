import type { KeyObject } from 'node:crypto';
import { type Clock, systemClock } from '../util/clock.ts';
import { checkClock, checkFunction, checkKeys, checkNumber, configError } from '../util/options.ts';
import type { Verifier } from '../verifier-types.ts';
import { type LoadedTenant, TenantCache } from './tenant-cache.ts';

/** What `load` gets in addition to the tenant. */
export interface TenantContext {
  /** Aborts when `load` has taken too long. */
  readonly signal: AbortSignal;
}

/** The options of {@link createTenants}. */
export interface TenantsOptions<K = KeyObject> {
  /**
   * Returns the options of the tenant's verifier, or `undefined` if there is no such tenant. If you can't find out, for example because
   * the database is down, throw: the sender gets 503 with Retry-After.
   *
   * It is called at the tenant's first request; requests that arrive meanwhile share the call. Secrets that it returns as text, bytes
   * or a set are kept up to date by calling it again: every `reload.intervalSeconds` (300), and when a signature matches no key. If it
   * then returns `undefined`, nothing is accepted from the next request on.
   *
   * Default of `endpoint`: the tenant and the scheme's name, as `acme/stripe`. Default of `replay`: one memory store for all tenants. If
   * you return a store, return the same one for all tenants.
   */
  // A method, so that a function that takes only the tenant fits too.
  load(
    tenant: string,
    context: TenantContext,
  ): LoadedTenant<K> | undefined | Promise<LoadedTenant<K> | undefined>;
  /** How many tenants are kept. Beyond that, the tenant whose last request is the longest ago is dropped. Default: 10,000. */
  maxTenants?: number;
  /** A tenant without a request for this time, in seconds, is dropped, and its secrets are no longer reloaded. Default: 3600. */
  idleSeconds?: number;
  /** How long one call of `load` may take at a tenant's first request, in seconds. Default: 3. */
  timeoutSeconds?: number;
  /** Default: the machine's clock. */
  clock?: Clock;
}

/** The verifiers of many tenants. Made by {@link createTenants}. */
export interface Tenants extends AsyncDisposable {
  /**
   * Returns the tenant's verifier, or `undefined` if there is no such tenant. What is no text, or longer than 200 characters, names no
   * tenant: a part of a URL may be missing, or several. Ask again for each request, because the verifier is closed
   * when its tenant is dropped.
   * @throws `ERR_WEBHOOK_NOT_READY` (503) if `load` throws or takes too long, or after `close()`; `ERR_WEBHOOK_OVERLOADED` (503) if
   * too many tenants wait to be loaded; `ERR_WEBHOOK_CONFIG_INVALID` (500) for options that `createVerifier()` refuses.
   */
  (tenant: string | readonly string[] | undefined): Promise<Verifier | undefined>;
  /**
   * Drops the tenant in this process, so that its next request calls `load` again. Call it after you have deleted a tenant, or changed
   * anything of it except its secrets. Deliveries that are being handled end as usual.
   */
  forget(tenant: string): void;
  /**
   * Stops all verifiers: requests that arrive from now on get 503 with Retry-After. Resolves when the commits and releases that are
   * under way have ended, after 5 minutes at the latest. Close your server first, then the tenants, then the client of the replay store.
   */
  close(): Promise<void>;
}

const WEEK_SECONDS = 604_800;

/**
 * Makes a verifier for each of many tenants, at the tenant's first request, and keeps those that are in use.
 *
 * At most `maxTenants` are in memory. A tenant that was dropped is loaded again at its next request. Nothing is lost by that: deliveries
 * that are being handled end as usual, and the replay store remembers the others. If `load` fails, hangs or returns wrong options
 * for one tenant, only requests of that tenant notice it.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if an option is wrong.
 * @example
 * ```ts
 * const tenants = createTenants({
 *   async load(tenant) {
 *     const row = await db.findTenant(tenant)
 *     return row && { scheme: stripe(), secrets: row.webhookSecret, replay: store }
 *   },
 * })
 * app.post('/hooks/:tenant', webhook((req) => tenants(req.params.tenant)), handler)
 * ```
 */
export function createTenants<K = KeyObject>(options: TenantsOptions<K>): Tenants {
  options = checkKeys('createTenants()', options, [
    'load',
    'maxTenants',
    'idleSeconds',
    'timeoutSeconds',
    'clock',
  ]);
  if (options.load === undefined) {
    throw configError('"load" of createTenants() is missing: (tenant) => the options of its verifier.');
  }
  checkFunction('load', options.load);
  checkClock(options.clock);
  const { clock = systemClock } = options;
  const seconds = (name: 'idleSeconds' | 'timeoutSeconds', max: number, fallback: number) =>
    checkNumber(name, options[name], { min: 1, max, fallback }) * 1000;
  const most = { min: 1, max: 1_000_000, fallback: 10_000 };
  const cache = new TenantCache<K>({
    load: async (tenant, signal) => options.load(tenant, { signal }),
    maxTenants: Math.floor(checkNumber('maxTenants', options.maxTenants, most)),
    idleMs: seconds('idleSeconds', WEEK_SECONDS, 3600),
    timeoutMs: seconds('timeoutSeconds', 3600, 3),
    clock,
  });
  return Object.assign((tenant: unknown) => cache.get(tenant), {
    forget: (tenant: string) => cache.forget(tenant),
    close: () => cache.close(),
    [Symbol.asyncDispose]: () => cache.close(),
  });
}
