import {
  createKeyring,
  type DefinedScheme,
  defineScheme,
  type SecretInput,
  type SecretProvider,
  type SecretSetInput,
} from '@countersign/core';
import type { VendorBase } from './vendor.ts';

/** One secret of a set and its id. */
export interface NamedSecret {
  readonly entry: SecretInput;
  /** The id that health, events and the journal show. */
  readonly id: string;
}

/** Decodes a vendor's secrets as receivers do, to get their ids and to check whether they can be used. */
export interface KeyReader {
  /**
   * The id of a secret, regardless of its time bounds.
   * @throws WebhookError `ERR_WEBHOOK_SECRETS_INVALID`, never with the value.
   */
  idOf(entry: SecretInput): string;
  /** @throws WebhookError `ERR_WEBHOOK_SECRETS_INVALID` if receivers would refuse the set. */
  check(set: SecretSetInput): void;
  /** The secrets of one role, in their order. */
  named(secrets: SecretInput | SecretInput[] | undefined): NamedSecret[];
}

/** @param place The target's name in messages. */
export function keyReader(vendor: Pick<VendorBase, 'name' | 'secret'>, place: string): KeyReader {
  const scheme = decoder(vendor);
  const load = (set: SecretSetInput) => {
    const provider: SecretProvider = { name: place, static: true, load: () => set };
    const keyring = createKeyring(provider, { scheme });
    const ids = keyring.health().keys.map(({ id }) => id);
    void keyring.close();
    return ids;
  };
  const idOf = (entry: SecretInput): string => load({ current: withoutBounds(entry) })[0] ?? '';
  return {
    idOf,
    check: (set) => {
      load(set);
    },
    named: (secrets) => listOf(secrets).map((entry) => ({ entry, id: idOf(entry) })),
  };
}

/** One or several or none, as a list. */
export function listOf(secrets: SecretInput | SecretInput[] | undefined): SecretInput[] {
  return secrets === undefined ? [] : Array.isArray(secrets) ? secrets : [secrets];
}

function withoutBounds(entry: SecretInput): SecretInput {
  if (typeof entry === 'string' || entry instanceof Uint8Array) return entry;
  return entry.id === undefined ? { secret: entry.secret } : { secret: entry.secret, id: entry.id };
}

/** Only the decoding of secrets of this scheme is used; how the vendor signs is irrelevant here. */
function decoder({ name, secret }: Pick<VendorBase, 'name' | 'secret'>): DefinedScheme {
  return defineScheme({
    name,
    secret,
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  });
}
