import { checkFunction, checkKeys, configError } from '@countersign/core/extend';
import { checkHeaderText } from '../../options.ts';
import { type Fetch, readBaseUrl } from '../../vendors/http.ts';

/** A credential, or a function that returns one: for tokens that expire soon. */
export type Credential = string | undefined | (() => string | Promise<string>);

/** Options that the functions of `recoverable` have in common. */
export interface RecoverableOptions {
  /** Another base URL of the API: https, or http on the loopback interface. */
  baseUrl?: string;
  /** Makes the calls. Default: the platform's `fetch`. */
  fetch?: Fetch;
}

/** The same, checked. */
export interface Source {
  readonly baseUrl: string;
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` naming the option. */
export function readSource<T extends RecoverableOptions>(
  owner: string,
  options: T,
  { known, baseUrl }: { known: readonly string[]; baseUrl: string },
): { options: T; source: Source } {
  options = checkKeys(owner, options, [...known, 'baseUrl', 'fetch']);
  checkFunction('fetch', options.fetch);
  return {
    options,
    source: {
      baseUrl: readBaseUrl(owner, options.baseUrl ?? baseUrl),
      fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    },
  };
}

/** Checks a credential, and returns what makes the header of each call. */
export function readCredential(
  owner: string,
  name: string,
  credential: Credential,
): () => Promise<{ Authorization: string }> {
  if (typeof credential !== 'function') checkHeaderText(owner, name, credential);
  return async () => {
    const value = typeof credential === 'function' ? await credential() : credential;
    return { Authorization: `Bearer ${checkHeaderText(owner, name, value)}` };
  };
}

/** A number as the vendor shows it, kept as text because it may exceed what a number can hold. */
export function checkNumericId(owner: string, name: string, value: unknown): string {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && /^\d{1,20}$/.test(text)) return text;
  throw configError(`"${name}" of ${owner} must be the number that the vendor shows.`);
}
