import { createHash } from 'node:crypto';
import type { Scheme } from '@countersign/core';
import type { Key } from '@countersign/core/extend';
import type { CertifiedKey } from './certificate.ts';

/** A sender whose requests contain the URL of the certificate that signed them. Its secrets are certificates. */
export interface CertificateScheme extends Scheme<CertifiedKey> {
  /** Whether a URL in a request is one where the sender keeps its certificates. Checks the whole text. */
  isCertificateUrl(url: string): boolean;
}

/** The id of a certificate's key. Its URL would be too long for an id. */
export function certificateId(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 16);
}

/** The key of the URL in a request, or all keys if no key has that URL. */
export function keysOf(keys: readonly Key<CertifiedKey>[], url: string): readonly Key<CertifiedKey>[] {
  const id = certificateId(url);
  const named = keys.filter((key) => key.id === id);
  return named.length === 0 ? keys : named;
}
