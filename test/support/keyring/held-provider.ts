import { createSecretKey } from 'node:crypto';
import { type Scheme, type SecretProvider, type SecretSetInput, WebhookError } from '@countersign/core';
import type { KeySet } from '@countersign/core/extend';

/** Plain text of at least 16 bytes; the keyring needs no more of a scheme. */
export const plainScheme: Scheme = {
  name: 'plain',
  keyFormat: 'utf8',
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
  freshness: { signed: 'none' },
  importKey(secret) {
    const bytes = Buffer.from(secret);
    if (bytes.length < 16)
      throw new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', 'the key is shorter than 16 bytes');
    return createSecretKey(bytes);
  },
  parseHead() {
    throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', 'not used here');
  },
};

/** One call of `load()`. */
interface Load {
  readonly reason: string;
  readonly keyId: string | undefined;
  readonly signal: AbortSignal;
  /** Whether the test has answered it. */
  readonly settled: boolean;
  answer(set: unknown): void;
  fail(error: unknown): void;
}

/** A provider whose loads and hints the test controls. */
export interface HeldProvider extends SecretProvider {
  readonly loads: readonly Load[];
  /** The load that began last. */
  last(): Load;
  hint(): void;
  readonly watchers: number;
}

export function heldProvider(): HeldProvider {
  const loads: Load[] = [];
  const watchers = new Set<() => void>();
  return {
    name: 'held',
    loads,
    load({ signal, reason, keyId }) {
      let settled = false;
      return new Promise<SecretSetInput>((resolve, reject) => {
        loads.push({
          reason,
          keyId,
          signal,
          get settled() {
            return settled;
          },
          answer(set) {
            settled = true;
            resolve(set as SecretSetInput);
          },
          fail(error) {
            settled = true;
            reject(error);
          },
        });
      });
    },
    watch(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    last() {
      const load = loads.at(-1);
      if (load === undefined) throw new Error('Nothing was loaded yet.');
      return load;
    },
    hint() {
      for (const changed of watchers) changed();
    },
    get watchers() {
      return watchers.size;
    },
  };
}

/** The secrets of a set as text, in order. */
export function secretsOf(set: KeySet): string[] {
  return set.keys.map(({ key }) => key.export().toString());
}
