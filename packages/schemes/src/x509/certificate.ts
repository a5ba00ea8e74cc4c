import { type KeyObject, X509Certificate } from 'node:crypto';
import { WebhookError } from '@countersign/core';
import type { Validity } from '@countersign/core/extend';

/** The public key of a certificate, and the time in which its signatures are valid. */
export interface CertifiedKey extends Validity {
  readonly key: KeyObject;
  /** In milliseconds since the epoch. If a chain is checked, the bounds of the whole chain. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+?-----END CERTIFICATE-----/g;
const MAX_CERTIFICATES = 6;

/**
 * Reads a certificate in PEM form and the certificates after it.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function readCertificates(pem: string | Uint8Array): readonly [X509Certificate, ...X509Certificate[]] {
  const text = typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1');
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length > MAX_CERTIFICATES)
    throw certificateError(`it has more than ${MAX_CERTIFICATES} certificates`);
  try {
    const [first, ...others] = blocks.map((block) => new X509Certificate(block));
    if (first !== undefined) return [first, ...others];
  } catch {
    // Reported below, without quoting it.
  }
  throw certificateError('it is not an X.509 certificate in PEM form');
}

/**
 * Checks what both senders require of a certificate that signs: an RSA key of at least 2048 bits, the right name, issued by an
 * authority.
 *
 * @param isSender Whether the common name of its subject is that of the sender.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function checkSigner(certificate: X509Certificate, isSender: (name: string) => boolean): void {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = certificate.publicKey;
  const { modulusLength = 0 } = details;
  if (type !== 'rsa' || modulusLength < 2048 || modulusLength > 8192)
    throw certificateError('its key is not an RSA key of 2048 to 8192 bits');
  // A list if the subject has several names: then it is not clear whose certificate it is.
  const commonName: unknown = certificate.toLegacyObject().subject?.CN;
  if (typeof commonName !== 'string' || !isSender(commonName))
    throw certificateError('its subject is not the sender');
  if (certificate.ca) throw certificateError('it is an authority, not a sender');
  if (certificate.checkIssued(certificate)) throw certificateError('it is signed by itself');
}

/** The key of the first certificate of a chain. It is valid as long as all of them are. */
export function certifiedKey(chain: readonly [X509Certificate, ...X509Certificate[]]): CertifiedKey {
  const notBefore = Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom)));
  // Certificates use whole seconds, and the last second is included.
  const notAfter = Math.min(...chain.map(({ validTo }) => Date.parse(validTo))) + 999;
  if (Number.isNaN(notBefore) || Number.isNaN(notAfter))
    throw certificateError("the dates of its validity can't be read");
  return Object.freeze({ key: chain[0].publicKey, notBefore, notAfter });
}

/** Makes the error of a certificate that can't be used. */
export function certificateError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', message);
}
