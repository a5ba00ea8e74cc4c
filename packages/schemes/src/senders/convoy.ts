import { type DefinedScheme, defineScheme, type SignatureRule, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';

/** Settings of {@link convoy}: the signature settings of the project. */
export interface ConvoyOptions {
  /** `'advanced'`, with a timestamp, or `'simple'`, only over the body. Default: `'advanced'`. */
  readonly signatures?: 'advanced' | 'simple';
  /** Default: `'sha256'`. */
  readonly hash?: 'sha256' | 'sha512';
  /** Default: `'hex'`. */
  readonly encoding?: 'hex' | 'base64';
  /** The signature's header, in lower case. Default: `'x-convoy-signature'`. */
  readonly header?: string;
  /** The version number of the project's newest signature. Only for advanced signatures. Default: 1. */
  readonly version?: number;
}

const CHOICES = {
  signatures: ['advanced', 'simple'],
  hash: ['sha256', 'sha512'],
  encoding: ['hex', 'base64'],
} as const;
const OPTIONS = [...Object.keys(CHOICES), 'header', 'version'];

const scheme = lazily(() => define({}));

function define({
  signatures = 'advanced',
  hash = 'sha256',
  encoding = 'hex',
  header = 'x-convoy-signature',
  version = 1,
}: ConvoyOptions): DefinedScheme {
  const simple = signatures === 'simple';
  const algorithm = { hmac: hash };
  const signed: SignatureRule = simple
    ? { algorithm, signature: { header, encoding }, content: '{body}' }
    : {
        algorithm,
        signature: { header, list: { separator: ',', assign: '=', label: `v${version}` }, encoding },
        timestamp: { entry: 't', unit: 's' },
        content: '{timestamp},{body}',
      };
  return defineScheme({
    name: 'convoy',
    secret: { encoding: 'utf8' },
    signed,
    identity: 'body',
    ...(simple ? {} : { tolerance: { past: 300, future: 300 } }),
    delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Convoy',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound: 'The rules about retries were not read again.',
      sources: [
        'https://www.getconvoy.io/docs/product-manual/signatures',
        'https://www.getconvoy.io/docs/glossary/retry-schedule',
        'github.com/frain-dev/convoy pkg/signature/signature.go',
      ],
      assumptions: [
        'SHA-256, hex, the header X-Convoy-Signature and the version v1 are the defaults, as in a new project.',
        'The project decides for how long Convoy retries: 24 hours are assumed.',
        'The tolerance is 300 s each way: Convoy leaves it to the receiver.',
      ],
      rotation: simple
        ? 'Only the newest secret signs: keep the replaced one as `previous` for deliveries that are still on their way.'
        : 'Every secret that has not expired signs, with one v1 each.',
      notes: [
        'Simple signatures have no timestamp: an attacker can replay a delivery once it is forgotten. Turn on advanced signatures if you can.',
        'Deliveries with identical bodies run once while the first is remembered.',
      ],
    },
  });
}

/**
 * Convoy: `X-Convoy-Signature: t=<seconds>,v1=<hex>` over `{t},{body}`, or, with simple signatures, `<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - Header, hash, encoding and version are settings of the project.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown option or value.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: convoy({ hash: 'sha512' }), secrets: envSecrets('CONVOY_SECRET') })
 * ```
 */
export function convoy(options: ConvoyOptions = {}): DefinedScheme {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined)
    throw invalid(`convoy() has no option "${unknown}". It takes ${listed(OPTIONS, 'and')}.`);
  for (const [name, allowed] of Object.entries(CHOICES)) {
    const value = options[name as keyof typeof CHOICES];
    if (value !== undefined && !(allowed as readonly string[]).includes(value))
      throw invalid(`The "${name}" of convoy() must be ${listed(allowed, 'or')}.`);
  }
  const { version } = options;
  if (version !== undefined && !(Number.isInteger(version) && version > 0))
    throw invalid('The "version" of convoy() must be a whole number, 1 or more.');
  if (version !== undefined && options.signatures === 'simple')
    throw invalid('"version" of convoy() is only for advanced signatures. Remove it.');
  return Object.keys(options).length === 0 ? scheme() : define(options);
}

function listed(names: readonly string[], word: 'and' | 'or'): string {
  const quoted = names.map((name) => `"${name}"`);
  return `${quoted.slice(0, -1).join(', ')} ${word} ${quoted.at(-1)}`;
}

function invalid(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}
