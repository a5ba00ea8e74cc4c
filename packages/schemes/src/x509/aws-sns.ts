import { createVerify } from 'node:crypto';
import { WebhookError } from '@countersign/core';
import { checkKeys, configError, type Key, type Match, type ParsedHead } from '@countersign/core/extend';
import { type CertifiedKey, certifiedKey, checkSigner, readCertificates } from './certificate.ts';
import { type CertificateScheme, keysOf } from './certificate-scheme.ts';
import { parseSnsMessage, type SignedSnsMessage, signedText } from './sns-message.ts';

/** Options of {@link awsSns}. */
export interface AwsSnsOptions {
  /**
   * The topics that this endpoint is subscribed to. They are required, because SNS signs for every topic of every customer with
   * the same certificates.
   */
  readonly topicArns: readonly [string, ...string[]];
  /**
   * Accepted values of `SignatureVersion`: `'1'` is SHA-1, `'2'` is SHA-256. A topic signs with `'1'` until its attribute
   * `SignatureVersion` is set to `'2'`: do that, then list only `'2'`. Default: both.
   */
  readonly signatureVersions?: readonly ('1' | '2')[];
}

const TOPIC =
  /^arn:(aws[a-z-]*):sns:([a-z]{2,4}(?:-[a-z]+)+-[0-9]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?$/;
/** The end of every host in a partition of AWS. */
const DOMAINS: Readonly<Record<string, string>> = {
  aws: 'amazonaws.com',
  'aws-cn': 'amazonaws.com.cn',
  'aws-us-gov': 'amazonaws.com',
  'aws-eusc': 'amazonaws.eu',
  'aws-iso': 'c2s.ic.gov',
  'aws-iso-b': 'sc2s.sgov.gov',
  'aws-iso-e': 'cloud.adc-e.uk',
  'aws-iso-f': 'csp.hci.ic.gov',
};
const DIGESTS = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' } as const;

/**
 * Amazon SNS: the body contains the signature and the URL of the certificate that made it. Its certificates come from {@link
 * certificateSecrets}.
 *
 * - Signed: `Message`, `MessageId`, `Subject`, `Timestamp`, `TopicArn`, `Type`, and of confirmations `SubscribeURL` and `Token`.
 *   The rest of the body is not signed: `webhook.bodyAuthenticated` is `false`, and {@link snsMessage} returns the signed fields.
 * - Confirmations of subscriptions are verified like notifications and reach the handler. Nothing is confirmed automatically.
 * - Time: `Timestamp`, at most 3,900 s old: retries end within an hour and repeat it.
 * - Identity: `MessageId`, the same in every retry.
 * - Delivery: 4xx is final, 5xx is retried within an hour; a bad signature gets 503.
 * - Certificates: only `https://sns.<region>.amazonaws.com/….pem` of the topic's own region, with the subject that SNS uses there:
 *   `sns.amazonaws.com`, or a name of the region in opt-in regions, China, GovCloud and other partitions. The file contains no
 *   chain, so only its origin, subject and dates are checked.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 * @see The subjects: github.com/aws/aws-sdk-java-v2, `SnsHostProvider` (read on 2026-12-01).
 * @example
 * ```ts
 * const scheme = awsSns({ topicArns: ['arn:aws:sns:eu-central-1:123456789012:orders'], signatureVersions: ['2'] })
 * const verifier = createVerifier({ scheme, secrets: certificateSecrets(scheme) })
 * ```
 */
export function awsSns(options: AwsSnsOptions): CertificateScheme {
  options = checkKeys('awsSns()', options, ['topicArns', 'signatureVersions']);
  const { hosts, subjects } = readTopics(options.topicArns);
  const versions = readVersions(options.signatureVersions);
  const certificateHosts = new Set(hosts.values());

  /** Checks everything that needs no key. */
  function readMessage(body: Uint8Array): SignedSnsMessage {
    const signed = parseSnsMessage(body);
    const host = hosts.get(signed.message.TopicArn);
    if (host === undefined)
      throw other('topic is not one of "topicArns". SNS signs for every customer, so it is refused.');
    if (!versions.has(signed.version)) throw other('"SignatureVersion" is not one of "signatureVersions".');
    if (!isOn(host, signed.certificateUrl))
      throw other('"SigningCertURL" is not at Amazon SNS in the region of the topic.');
    return signed;
  }

  return Object.freeze({
    name: 'aws-sns',
    keyFormat: 'x509 of aws-sns',
    delivery: {
      retries: ['5xx'],
      retrySpanSeconds: 3600,
      timeoutSeconds: 15,
      idStableOverRetries: true,
      retrySignature: 'repeated',
    },
    freshness: { signed: 'body', past: 3900, future: 300 },
    isCertificateUrl: (url: string) => [...certificateHosts].some((host) => isOn(host, url)),
    importKey(secret: string | Uint8Array): CertifiedKey {
      const [certificate] = readCertificates(secret);
      checkSigner(certificate, (name) => subjects.has(name));
      return certifiedKey([certificate]);
    },
    parseHead: (): ParsedHead<CertifiedKey> => ({
      keyIdIn: (body) => readMessage(body).certificateUrl,
      match: (body, keys) => match(readMessage(body), keys),
    }),
  } satisfies CertificateScheme);
}

function match(signed: SignedSnsMessage, keys: readonly Key<CertifiedKey>[]): Match | undefined {
  const { message, signature, version, certificateUrl, signedAt, json } = signed;
  const text = signedText(message);
  const matching = keysOf(keys, certificateUrl).filter(({ key }) =>
    createVerify(DIGESTS[version]).update(text, 'utf8').verify(key.key, signature),
  );
  const [key] = matching;
  if (key === undefined) return undefined;
  const { notBefore, notAfter } = key.key;
  return {
    key: { id: key.id, role: key.role },
    id: message.MessageId,
    identity: `id:${message.MessageId}`,
    signedAt,
    type: message.Type,
    typeAuthenticated: true,
    notBefore,
    notAfter,
    bodyAuthenticated: false,
    unsignedHeaders: {},
    json: { value: json },
  };
}

/** The topics, each with the one host of its certificates, and the names that those certificates may have. */
function readTopics(topicArns: unknown): {
  readonly hosts: ReadonlyMap<string, string>;
  readonly subjects: ReadonlySet<string>;
} {
  if (!Array.isArray(topicArns) || topicArns.length === 0)
    throw configError(
      '"topicArns" of awsSns() is required: list the topics that this endpoint is subscribed to.',
    );
  const hosts = new Map<string, string>();
  const subjects = new Set<string>();
  for (const arn of topicArns) {
    const [, partition = '', region] = (typeof arn === 'string' && TOPIC.exec(arn)) || [];
    const domain = Object.hasOwn(DOMAINS, partition) ? DOMAINS[partition] : undefined;
    if (region === undefined || domain === undefined)
      throw configError(
        '"topicArns" must list topics, for example "arn:aws:sns:eu-central-1:123456789012:orders".',
      );
    hosts.set(arn, `sns.${region}.${domain}`);
    for (const name of subjectsOf(region, domain)) subjects.add(name);
    // Both regions of GovCloud use the name of the western one.
    if (partition === 'aws-us-gov') subjects.add(`sns-us-gov-west-1.${domain}`);
  }
  return { hosts, subjects };
}

/** The names that a certificate for a region may have: that of SNS, or those of the region. */
function subjectsOf(region: string, domain: string): readonly string[] {
  return [
    `sns.${domain}`,
    `sns.${region}.${domain}`,
    `sns-signing.${region}.${domain}`,
    `sns-${region}.${domain}`,
  ];
}

function readVersions(versions: unknown = ['1', '2']): ReadonlySet<string> {
  if (
    !Array.isArray(versions) ||
    versions.length === 0 ||
    versions.some((each) => each !== '1' && each !== '2')
  )
    throw configError('"signatureVersions" must list "1", "2" or both.');
  return new Set(versions);
}

/** Checks the text: no port, no user, no query, one file, and nothing that a URL parser would change. */
function isOn(host: string, url: string): boolean {
  const start = `https://${host}/`;
  return url.startsWith(start) && /^[A-Za-z0-9_-]{1,200}\.pem$/.test(url.slice(start.length));
}

function other(what: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SIGNATURE_MISMATCH', `The message's ${what}`);
}
