import { createHash } from 'node:crypto';
import type { Scheme } from '@countersign/core';
import type { Key } from '@countersign/core/extend';
import type { CertifiedKey } from './certificate.ts';

/** A sender whose requests name the address of the certificate that signed them. Its secrets are certificates. */
export interface CertificateScheme extends Scheme<CertifiedKey> {
  /** Whether an address that a request names is one where the sender keeps its certificates. Decides by the whole text. */
  isCertificateAddress(url: string): boolean;
}

/** What the key of a certificate is called: its address is longer than an id may be. */
export function certificateId(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 16);
}

/** The key of the address that a request names, or, where no key has it, all. */
export function keysOf(keys: readonly Key<CertifiedKey>[], url: string): readonly Key<CertifiedKey>[] {
  const id = certificateId(url);
  const named = keys.filter((key) => key.id === id);
  return named.length === 0 ? keys : named;
}
