import { createVerify, type KeyObject, X509Certificate } from 'node:crypto';
import { type Scheme, type VerifiedWebhook, WebhookError } from '@countersign/core';
import { checkChoice, checkKeys, configError, type Key, type Match } from '@countersign/core/extend';
import { certificateError, certifiedKey } from './certificate.ts';
import { hasExtension } from './extensions.ts';

/** Options of {@link appStore}. */
export interface AppStoreOptions {
  /** The bundle id of your app. */
  readonly bundleId: string;
  /** The app's number in the App Store ("Apple ID"). Required in production; the sandbox does not send it. */
  readonly appAppleId?: number;
  /** Which notifications are accepted. Default: `'production'`. */
  readonly environment?: 'production' | 'sandbox';
}

/** A certificate that is trusted to issue Apple's certificates. */
export interface TrustedRoot {
  readonly certificate: X509Certificate;
}

/** What a notification says, as Apple documents it ("responseBodyV2DecodedPayload"). */
export interface AppStoreNotification {
  readonly notificationType: string;
  readonly subtype?: string;
  readonly notificationUUID: string;
  readonly version: string;
  /** In milliseconds since the epoch. */
  readonly signedDate: number;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly summary?: Readonly<Record<string, unknown>>;
  readonly externalPurchaseToken?: Readonly<Record<string, unknown>>;
  readonly appData?: Readonly<Record<string, unknown>>;
}

// Object ids in DER. Apple marks with them what signs for the App Store, and what issues such certificates.
const LEAF = Buffer.from('2a864886f76364060b01', 'hex'); // 1.2.840.113635.100.6.11.1
const INTERMEDIATE = Buffer.from('2a864886f76364060201', 'hex'); // 1.2.840.113635.100.6.2.1
const MAX_HEADER = 20_000;
/** Notifications have a few thousand bytes. Nothing longer is parsed before its signature is checked. */
const MAX_BODY = 131_072;
/** From the first attempt to the last: 1 + 12 + 24 + 48 + 72 hours. */
const RETRY_SPAN = 565_200;
const CONTENTS = ['data', 'summary', 'externalPurchaseToken', 'appData'] as const;
const NAMES = { production: 'Production', sandbox: 'Sandbox' } as const;

/**
 * Apple App Store server notifications, version 2: the body's `signedPayload` is a JWS with ES256 that contains the chain of its
 * certificates. Read it with {@link appStoreNotification}.
 *
 * - Secrets: Apple's root certificate ("Apple Root CA - G3"), PEM or DER, from Apple's page of certificate authorities. It is not secret,
 *   and nothing is fetched.
 * - Time: `signedDate`, which a retry repeats. So it may be as old as the last retry: 157 hours and 5 minutes.
 * - Identity: the `notificationUUID`, which is signed.
 * - Delivery: the sender retries after any response other than 200 to 206: 1, 12, 24, 48 and 72 hours after the one
 *   before in production, never in the sandbox; a bad signature gets 401.
 * - Certificates: exactly three, each issued by the next; the first two with Apple's own marks, the last one by a trusted root. Whether
 *   Apple has withdrawn one (OCSP) is not asked.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://developer.apple.com/documentation/appstoreservernotifications
 * @example
 * ```ts
 * const scheme = appStore({ bundleId: 'com.example.app', appAppleId: 1234567890 })
 * const verifier = createVerifier({ scheme, secrets: fileSecrets('/etc/apple/AppleRootCA-G3.pem') })
 * ```
 */
export function appStore(options: AppStoreOptions): Scheme<TrustedRoot> {
  options = checkKeys('appStore()', options, ['bundleId', 'appAppleId', 'environment']);
  const { bundleId, appAppleId, environment = 'production' } = options;
  if (typeof bundleId !== 'string' || bundleId === '')
    throw configError('"bundleId" of appStore() is required: Apple signs for every app.');
  checkChoice('environment', environment, ['production', 'sandbox']);
  if (appAppleId !== undefined && !Number.isSafeInteger(appAppleId))
    throw configError('"appAppleId" of appStore() must be a whole number.');
  if (environment === 'production' && appAppleId === undefined)
    throw configError('"appAppleId" of appStore() is required in production.');

  return Object.freeze({
    name: 'app-store',
    keyFormat: 'root certificate of Apple',
    delivery: {
      retries: environment === 'production' ? 'any-failure' : 'never',
      retrySpanSeconds: RETRY_SPAN,
      idStableOverRetries: true,
      retrySignature: 'repeated',
    },
    freshness: { signed: 'body', past: RETRY_SPAN + 300, future: 300 },
    importKey: readRoot,
    parseHead: () => ({
      match(body: Uint8Array, keys: readonly Key<TrustedRoot>[]): Match | undefined {
        const { content, signature, chain, payload } = readBody(body);
        const key = keys.filter((each) => isTrusted(chain, each.key.certificate))[0];
        if (key === undefined || !verifies(content, signature, chain[0].publicKey)) return undefined;
        const notification = readPayload(payload);
        checkApp(notification, { bundleId, appAppleId, environment });
        const { notificationUUID: id, signedDate } = notification;
        const { notBefore, notAfter } = certifiedKey([...chain, key.key.certificate]);
        return {
          key: { id: key.id, role: key.role },
          id,
          identity: `id:${id}`,
          signedAt: signedDate,
          notBefore,
          notAfter,
          bodyAuthenticated: true,
          unsignedHeaders: {},
        };
      },
    }),
  } satisfies Scheme<TrustedRoot>);
}

/**
 * What a verified notification of the App Store says. Call it only with a webhook that a verifier with {@link appStore} returned. The
 * signed transactions inside of it are tokens of their own: verify them with Apple's library before you use them.
 *
 * @throws `ERR_WEBHOOK_HEADER_INVALID` if the body is not such a notification.
 * @example
 * ```ts
 * const { notificationType, data } = appStoreNotification(webhook)
 * ```
 */
export function appStoreNotification(webhook: Pick<VerifiedWebhook, 'body'>): AppStoreNotification {
  return readPayload(readBody(webhook.body).payload);
}

function readRoot(secret: string | Uint8Array): TrustedRoot {
  try {
    const certificate = new X509Certificate(secret);
    // A root is the only certificate whose key signed itself.
    if (certificate.ca && certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey))
      return Object.freeze({ certificate });
  } catch {
    // Reported below, without quoting it.
  }
  throw certificateError('it is not the certificate of a root authority, in PEM or DER');
}

type Chain = readonly [X509Certificate, X509Certificate];

interface SignedBody {
  readonly content: string;
  readonly signature: Buffer;
  readonly payload: string;
  /** Without the root, which comes from the secrets. */
  readonly chain: Chain;
}

function readBody(body: Uint8Array): SignedBody {
  if (body.byteLength > MAX_BODY) throw malformed('is too long');
  const text = (parse(Buffer.from(body).toString('utf8')) as { signedPayload?: unknown } | undefined)
    ?.signedPayload;
  if (typeof text !== 'string')
    throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', 'The body has no "signedPayload".');
  const [first = '', payload = '', last = '', ...more] = text.split('.', 4);
  const signature = decode(last);
  const header = first.length <= MAX_HEADER ? decode(first) : undefined;
  const { alg, x5c, crit, b64 } = (parse(header?.toString('utf8') ?? '') ?? {}) as Record<string, unknown>;
  const fits = alg === 'ES256' && crit === undefined && b64 === undefined && more.length === 0;
  if (!fits || signature?.length !== 64 || !isCanonical(payload)) throw malformed('is not a JWS with ES256');
  if (!Array.isArray(x5c) || x5c.length !== 3) throw malformed('does not contain three certificates');
  try {
    const [leaf, intermediate] = x5c.map((each) => new X509Certificate(Buffer.from(String(each), 'base64')));
    if (leaf !== undefined && intermediate !== undefined)
      return { content: `${first}.${payload}`, signature, payload, chain: [leaf, intermediate] };
  } catch {
    // Reported below.
  }
  throw malformed('contains certificates that can not be read');
}

/** The last certificate of the message is never trusted: the root must be one of the secrets. */
function isTrusted([leaf, intermediate]: Chain, root: X509Certificate): boolean {
  return (
    intermediate.ca &&
    !leaf.ca &&
    // First what only Apple can have made: the rest costs an attacker nothing.
    issued(intermediate, root) &&
    issued(leaf, intermediate) &&
    hasExtension(leaf, LEAF) &&
    hasExtension(intermediate, INTERMEDIATE)
  );
}

function issued(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function verifies(content: string, signature: Buffer, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
  return createVerify('SHA256').update(content).verify({ key, dsaEncoding: 'ieee-p1363' }, signature);
}

function readPayload(payload: string): AppStoreNotification {
  const notification = parse(decode(payload)?.toString('utf8') ?? '') as
    | Partial<AppStoreNotification>
    | undefined;
  const { notificationUUID: id, signedDate } = notification ?? {};
  const hasTime = Number.isSafeInteger(signedDate);
  if (typeof id !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(id) || !hasTime)
    throw malformed('has no "notificationUUID" or no "signedDate"');
  return notification as AppStoreNotification;
}

interface ExpectedApp {
  readonly bundleId: string;
  readonly appAppleId: number | undefined;
  readonly environment: 'production' | 'sandbox';
}

function checkApp(notification: AppStoreNotification, expected: ExpectedApp): void {
  const content = CONTENTS.map((name) => notification[name]).find(
    (each) => each !== undefined && each !== null,
  );
  const { bundleId, appAppleId, environment, externalPurchaseId } = content ?? {};
  const given =
    content !== undefined && content === notification.externalPurchaseToken
      ? String(externalPurchaseId).startsWith('SANDBOX')
        ? 'Sandbox'
        : 'Production'
      : environment;
  const isOurs =
    bundleId === expected.bundleId &&
    given === NAMES[expected.environment] &&
    (expected.environment === 'sandbox' || appAppleId === expected.appAppleId);
  if (!isOurs)
    throw new WebhookError(
      'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      'The notification is for another app or environment. Check "bundleId", "appAppleId" and "environment" of appStore().',
    );
}

function decode(segment: string): Buffer | undefined {
  return isCanonical(segment) ? Buffer.from(segment, 'base64url') : undefined;
}

function isCanonical(segment: string): boolean {
  return (
    /^[A-Za-z0-9_-]+$/.test(segment) && Buffer.from(segment, 'base64url').toString('base64url') === segment
  );
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function malformed(what: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_HEADER_INVALID', `The "signedPayload" ${what}.`);
}
