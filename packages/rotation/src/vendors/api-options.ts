import { checkFunction, checkKeys } from '@countersign/core/extend';
import { type Fetch, readBaseUrl, type VendorApi } from './http.ts';

/** Options that every vendor's factory takes. */
export interface VendorApiOptions {
  /** Another base URL of the API: https, or http on the loopback interface. */
  baseUrl?: string;
  /** Makes the calls. Default: the platform's `fetch`. */
  fetch?: Fetch;
}

/** Checks these options, and refuses unknown ones. */
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
