import { type DefinedScheme, defineScheme, type SignatureRule, WebhookError } from '@countersign/core';

/** Settings of {@link convoy}: what the project's signatures are set to. */
export interface ConvoyOptions {
  /** `'advanced'`, with a time, or `'simple'`, over the body alone. Default: `'advanced'`. */
  readonly signatures?: 'advanced' | 'simple';
  /** Default: `'sha256'`. */
  readonly hash?: 'sha256' | 'sha512';
  /** Default: `'hex'`. */
  readonly encoding?: 'hex' | 'base64';
  /** The signature's header, in lower case. Default: `'x-convoy-signature'`. */
  readonly header?: string;
  /** The number of the version among the project's signatures: give that of the newest. For advanced ones only. Default: 1. */
  readonly version?: number;
}

const CHOICES = {
  signatures: ['advanced', 'simple'],
  hash: ['sha256', 'sha512'],
  encoding: ['hex', 'base64'],
} as const;
const OPTIONS = [...Object.keys(CHOICES), 'header', 'version'];

const scheme = define({});

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
      sources: [
        'https://www.getconvoy.io/docs/product-manual/signatures',
        'https://www.getconvoy.io/docs/glossary/retry-schedule',
        'github.com/frain-dev/convoy pkg/signature/signature.go',
      ],
      assumptions: [
        'SHA-256, hex, the header X-Convoy-Signature and the version v1 are taken where no options say otherwise: a project is set to them.',
        'For how long deliveries are tried again depends on the project: 24 hours are assumed.',
        'Tolerance is 300 s both ways: it is up to the receiver.',
      ],
      rotation: simple
        ? 'Only the last secret signs: give the replaced one as `previous` for what is still on its way.'
        : 'Every secret that has not expired signs, one v1 each.',
      notes: [
        'Simple signatures have no time: a delivery can be replayed once it is forgotten. Turn on the advanced ones where you can.',
        'One run per identical body while it is remembered.',
      ],
    },
  });
}

/**
 * Convoy: `X-Convoy-Signature: t=<seconds>,v1=<hex>` over `{t},{body}`, or with simple signatures `<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 * - Header, hash, encoding and version are those of the project.
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
    throw invalid(`convoy() does not know the option "${unknown}". It takes ${listed(OPTIONS, 'and')}.`);
  for (const [name, allowed] of Object.entries(CHOICES)) {
    const value = options[name as keyof typeof CHOICES];
    if (value !== undefined && !(allowed as readonly string[]).includes(value))
      throw invalid(`The "${name}" of convoy() must be ${listed(allowed, 'or')}.`);
  }
  const { version } = options;
  if (version !== undefined && !(Number.isInteger(version) && version > 0))
    throw invalid('The "version" of convoy() must be a whole number, 1 or more.');
  if (version !== undefined && options.signatures === 'simple')
    throw invalid('Simple signatures of convoy() have no "version": leave it out.');
  return Object.keys(options).length === 0 ? scheme : define(options);
}

function listed(names: readonly string[], word: 'and' | 'or'): string {
  const quoted = names.map((name) => `"${name}"`);
  return `${quoted.slice(0, -1).join(', ')} ${word} ${quoted.at(-1)}`;
}

function invalid(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}
