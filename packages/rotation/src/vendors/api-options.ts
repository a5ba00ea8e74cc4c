import { checkFunction, checkKeys } from '@countersign/core/extend';
import { type Fetch, readBaseUrl, type VendorApi } from './http.ts';

/** Options that every vendor's factory takes. */
export interface VendorApiOptions {
  /** Another address of the API, with a path before it if need be: https, or http on the loopback interface. */
  baseUrl?: string;
  /** Makes the calls. Default: the platform's own `fetch`. */
  fetch?: Fetch;
}

/** Checks them, and refuses unknown ones. */
export function readApi(
  owner: string,
  options: VendorApiOptions,
  vendor: { name: string; baseUrl: string | undefined; known: readonly string[] },
): Omit<VendorApi, 'headers'> {
  options = checkKeys(owner, options, [...vendor.known, 'baseUrl', 'fetch']);
  checkFunction('fetch', options.fetch);
  return {
    vendor: vendor.name,
    baseUrl: readBaseUrl(owner, options.baseUrl ?? vendor.baseUrl),
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
  };
}
