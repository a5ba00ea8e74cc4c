import { createVerify, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { crc32 } from 'node:zlib';
import { WebhookError } from '@countersign/core';
import {
  checkKeys,
  configError,
  type Key,
  type Match,
  type ParsedHead,
  type RequestHead,
} from '@countersign/core/extend';
import { type CertifiedKey, certifiedKey, checkSigner, readCertificates } from './certificate.ts';
import { chainOf } from './certificate-chain.ts';
import { type CertificateScheme, keysOf } from './certificate-scheme.ts';

/** Options of {@link payPal}. */
export interface PayPalOptions {
  /** The id of the webhook, as PayPal shows it. It is signed, and is not secret. */
  readonly webhookId: string;
  /** Whether it is a webhook of the sandbox, whose certificates are at another host. Default: `false`. */
  readonly sandbox?: boolean;
  /** The authorities that are trusted to issue PayPal's certificate, in PEM form. Default: those that Node trusts. */
  readonly roots?: readonly string[];
}

const HOSTS = { live: 'api.paypal.com', sandbox: 'api.sandbox.paypal.com' } as const;
const SUBJECT = /^(?:[a-z0-9-]+\.)+paypal\.com$/;
const ID = /^[A-Za-z0-9-]{1,64}$/;
const TIME = /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z$/;
const MAX_SIGNATURE_BYTES = 1024;
const THREE_DAYS = 259_200;

/**
 * PayPal: `PAYPAL-TRANSMISSION-SIG: <base64>`, RSA with SHA-256 over transmission id, time, webhook id and the CRC-32 of the
 * body, signed with the certificate at `PAYPAL-CERT-URL`. Its certificates come from {@link certificateSecrets}.
 *
 * - A CRC-32 protects only against accidents: an attacker with one signed request can make another body with the same CRC-32. So
 *   `webhook.bodyAuthenticated` is `false`: use only the event's id, and fetch the event from PayPal.
 * - Time: `PAYPAL-TRANSMISSION-TIME`, at most three days old. PayPal does not document whether a retry has a new one, so the
 *   window is as long as retries go on.
 * - Identity: the transmission id, which is signed. PayPal does not document whether it is the same in every retry. To use the id
 *   of the event, which is the same, pass `deliveryKey: (webhook) => webhook.json<{ id: string }>().id`.
 * - Delivery: retried for three days after any failure; a bad signature gets 401.
 * - Certificates: only from PayPal's own host, with a subject under paypal.com and a chain to `roots`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://developer.paypal.com/api/rest/webhooks/rest/
 * @example
 * ```ts
 * const scheme = payPal({ webhookId: '1JE4291016473214C' })
 * const verifier = createVerifier({ scheme, secrets: certificateSecrets(scheme) })
 * ```
 */
export function payPal(options: PayPalOptions): CertificateScheme {
  options = checkKeys('payPal()', options, ['webhookId', 'sandbox', 'roots']);
  const { webhookId, sandbox = false, roots = rootCertificates } = options;
  if (typeof webhookId !== 'string' || !/^[A-Za-z0-9]{1,50}$/.test(webhookId))
    throw configError('"webhookId" of payPal() is required: the id of the webhook, as PayPal shows it.');
  if (typeof sandbox !== 'boolean') throw configError('"sandbox" must be true or false.');
  const start = `https://${sandbox ? HOSTS.sandbox : HOSTS.live}/v1/notifications/certs/`;
  const trusted = readRoots(roots);
  const isCertificateUrl = (url: string) =>
    url.startsWith(start) && /^[A-Za-z0-9_-]{1,200}$/.test(url.slice(start.length));

  return Object.freeze({
    name: 'paypal',
    keyFormat: 'x509 of paypal',
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: THREE_DAYS,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    freshness: { signed: 'header', past: THREE_DAYS + 300, future: 300 },
    isCertificateUrl,
    importKey(secret: string | Uint8Array): CertifiedKey {
      const [certificate, ...others] = readCertificates(secret);
      checkSigner(certificate, (name) => SUBJECT.test(name));
      return certifiedKey(chainOf(certificate, others, trusted()));
    },
    parseHead(head: RequestHead): ParsedHead<CertifiedKey> {
      const { id, time, signature, certificateUrl } = readHead(head);
      if (!isCertificateUrl(certificateUrl)) {
        throw new WebhookError(
          'ERR_WEBHOOK_SIGNATURE_MISMATCH',
          `PAYPAL-CERT-URL is not a URL of PayPal's certificates. Check "sandbox", which is ${sandbox}.`,
        );
      }
      return {
        signedAt: Date.parse(time),
        keyId: certificateUrl,
        match(body, keys) {
          const content = `${id}|${time}|${webhookId}|${crc32(body)}`;
          return match(content, signature, id, keysOf(keys, certificateUrl));
        },
      };
    },
  } satisfies CertificateScheme);
}

function match(
  content: string,
  signature: Buffer,
  id: string,
  keys: readonly Key<CertifiedKey>[],
): Match | undefined {
  const [key] = keys.filter((each) =>
    createVerify('RSA-SHA256').update(content, 'utf8').verify(each.key.key, signature),
  );
  if (key === undefined) return undefined;
  const { notBefore, notAfter } = key.key;
  return {
    key: { id: key.id, role: key.role },
    id,
    identity: `id:${id}`,
    notBefore,
    notAfter,
    bodyAuthenticated: false,
    unsignedHeaders: {},
  };
}

function readHead(head: RequestHead) {
  const text = head.value('paypal-transmission-sig');
  if (text === undefined)
    throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', 'The request has no PayPal signature.');
  const signature = Buffer.from(text, 'base64');
  const isCanonical = signature.length > 0 && signature.toString('base64') === text;
  if (!isCanonical || signature.length > MAX_SIGNATURE_BYTES) throw malformed('paypal-transmission-sig');
  const read = (name: string, form: RegExp): string => {
    const value = head.value(name);
    if (value !== undefined && form.test(value)) return value;
    throw malformed(name);
  };
  // Checked but never used: the scheme has one algorithm.
  read('paypal-auth-algo', /^SHA256withRSA$/);
  const time = read('paypal-transmission-time', TIME);
  if (Number.isNaN(Date.parse(time))) throw malformed('paypal-transmission-time');
  const id = read('paypal-transmission-id', ID);
  return { id, time, signature, certificateUrl: read('paypal-cert-url', /^[\x21-\x7e]{1,500}$/) };
}

function malformed(name: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_HEADER_INVALID', `The header "${name}" is missing or malformed.`);
}

/** Node's own list is long, so it is parsed at the first use. */
function readRoots(roots: readonly string[]): () => readonly X509Certificate[] {
  const parse = () => roots.map((pem) => new X509Certificate(pem));
  let parsed: readonly X509Certificate[] | undefined;
  if (roots !== rootCertificates) {
    try {
      parsed = parse();
    } catch {
      parsed = [];
    }
    if (!Array.isArray(roots) || parsed.length === 0)
      throw configError('"roots" must list certificates of authorities in PEM form.');
  }
  return () => {
    parsed ??= parse();
    return parsed;
  };
}
