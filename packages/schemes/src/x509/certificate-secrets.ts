import {
  type Clock,
  isWebhookError,
  type SecretProvider,
  type SecretSetInput,
  WebhookError,
} from '@countersign/core';
import { checkKeys, configError, systemClock } from '@countersign/core/extend';
import { fetchLimited, type LimitedFetch, readFetch } from '../remote/limited-fetch.ts';
import { type CertificateScheme, certificateId } from './certificate-scheme.ts';

/** Options of {@link certificateSecrets}. */
export interface CertificateSecretsOptions {
  /** Fetches a certificate. It must not follow redirects. Default: `globalThis.fetch`. */
  readonly fetch?: LimitedFetch;
  /** The clock for expired certificates. Default: the machine's. */
  readonly clock?: Clock;
}

const LIMIT_BYTES = 65_536;
/** The most keys that a keyring accepts. */
const MAX_KEYS = 8;
const MAX_REFUSED = 64;
const REFUSED_MS = 300_000;

/**
 * The certificates of a sender, each fetched from its URL when a delivery first names it, and kept. The URL comes from the
 * request, so the scheme must recognize it as the sender's own: `https:`, its host, no port, no user, no redirect. If the
 * response is larger than 65,536 bytes, or is not a valid certificate of the sender, it is not used, and the URL is not fetched
 * again for five minutes.
 *
 * The keyring decides when to fetch: one certificate at a time, at the pace of `mismatchCooldownSeconds` (10), within
 * `timeoutSeconds` (3). Forged requests cause no more than that. They may delay a new certificate; a delivery that is refused
 * meanwhile gets a status that the sender retries.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const scheme = awsSns({ topicArns: ['arn:aws:sns:eu-central-1:123456789012:orders'] })
 * const verifier = createVerifier({ scheme, secrets: certificateSecrets(scheme) })
 * ```
 */
export function certificateSecrets(
  scheme: CertificateScheme,
  options: CertificateSecretsOptions = {},
): SecretProvider {
  options = checkKeys('certificateSecrets()', options, ['fetch', 'clock']);
  if (typeof scheme?.isCertificateUrl !== 'function')
    throw configError(
      'certificateSecrets() needs the scheme whose certificates it fetches: awsSns() or payPal().',
    );
  const fetch = readFetch(options.fetch);
  const { clock = systemClock } = options;
  if (typeof clock?.now !== 'function' || typeof clock.monotonic !== 'function')
    throw configError('"clock" must be a clock with now() and monotonic().');
  const known = new Map<string, string>();
  const refused = new Map<string, number>();

  async function take(url: string, signal: AbortSignal): Promise<void> {
    const accept = 'application/x-pem-file, application/pem-certificate-chain, */*';
    const fetched = await fetchLimited(url, { fetch, maxBodyBytes: LIMIT_BYTES, signal, accept });
    signal.throwIfAborted();
    const { bytes } = fetched;
    // A temporary problem of the URL. Attackers can cause everything else.
    if (bytes === undefined && (fetched.status === 429 || fetched.status >= 500))
      throw new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', `The URL of the certificate ${fetched.problem}.`);
    const pem = bytes?.toString('latin1').trim();
    if (pem !== undefined && isUsable(pem)) keep(known, url, pem, MAX_KEYS);
    else keep(refused, url, clock.monotonic() + REFUSED_MS, MAX_REFUSED);
  }

  function isUsable(pem: string): boolean {
    try {
      const { notAfter } = scheme.importKey(pem);
      return clock.now() <= notAfter;
    } catch (error) {
      if (isWebhookError(error)) return false;
      throw error;
    }
  }

  function isWanted(url: string): boolean {
    if (known.has(url) || !scheme.isCertificateUrl(url)) return false;
    const until = refused.get(url);
    return until === undefined || clock.monotonic() >= until;
  }

  function currentSet(): SecretSetInput {
    return { current: [...known].map(([url, secret]) => ({ id: certificateId(url), secret })) };
  }

  return {
    name: `certificates of ${scheme.name}`,
    onDemand: true,
    // Returns synchronously if there is nothing to fetch: otherwise a delivery that arrives meanwhile would wait for this load
    // instead of for its own certificate.
    load({ signal, keyId }) {
      return keyId !== undefined && isWanted(keyId) ? take(keyId, signal).then(currentSet) : currentSet();
    },
  };
}

/** Adds an entry, and drops the oldest if there are too many. */
function keep<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
