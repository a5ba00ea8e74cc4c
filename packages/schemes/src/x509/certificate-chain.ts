import type { X509Certificate } from 'node:crypto';
import { certificateError } from './certificate.ts';

const MAX_LENGTH = 6;

/**
 * The chain from a certificate to a trusted one: each is issued and signed by the next, and all except the first are authorities.
 * Name and purpose constraints of an authority are not checked, because Node offers no way to do that.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` if there is none.
 */
export function chainOf(
  certificate: X509Certificate,
  others: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
): readonly [X509Certificate, ...X509Certificate[]] {
  const chain: [X509Certificate, ...X509Certificate[]] = [certificate];
  for (let last = certificate; chain.length < MAX_LENGTH; ) {
    const anchor = issuerOf(last, trusted);
    if (anchor !== undefined) return [...chain, anchor];
    const next = issuerOf(
      last,
      others.filter((other) => !chain.includes(other)),
    );
    if (next === undefined) break;
    chain.push(next);
    last = next;
  }
  throw certificateError('no trusted authority has issued it');
}

function issuerOf(
  certificate: X509Certificate,
  candidates: readonly X509Certificate[],
): X509Certificate | undefined {
  return candidates.find(
    (issuer) => issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey),
  );
}
