import { type DefinedScheme, defineScheme, WebhookError } from '@countersign/core';

/** Settings of {@link hook0}. */
export interface Hook0Options {
  /**
   * The headers that your subscription adds to its deliveries, in lower case, each with the number of dots in its value: Hook0 signs them
   * too, and separates them by dots. Default: none.
   */
  readonly headers?: Readonly<Record<string, number>>;
  /**
   * Takes signatures of the older kind too, which sign time and body alone, from an instance that makes no others. Where one signs in both
   * ways, a captured `v1` signature would pass as the `v0` of a body that begins with the signed headers. Default: false.
   */
  readonly v0?: boolean;
}

const scheme = define({}, false);

function define(headers: Readonly<Record<string, number>>, takesV0: boolean): DefinedScheme {
  const list = { separator: ',', assign: '=' } as const;
  const v1 = {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-hook0-signature', list: { ...list, label: 'v1' }, encoding: 'hex' },
    timestamp: { entry: 't', unit: 's' },
    parts: {
      values: {
        listedHeaders: { entry: 'h' },
        separator: ' ',
        pair: '{value}',
        join: '.',
        allow: ['content-type', 'x-event-id', 'x-event-type', ...Object.keys(headers)],
        // A type is service.resource.verb. Any other number of dots would let the end of the headers be moved into the body.
        joinCounts: { 'x-event-type': 2, ...headers },
      },
    },
    content: '{timestamp}.{entry:h}.{values}.{body}',
  } as const;
  const v0 = {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-hook0-signature', list: { ...list, label: 'v0' }, encoding: 'hex' },
    timestamp: { entry: 't', unit: 's' },
    content: '{timestamp}.{body}',
  } as const;
  return defineScheme({
    name: 'hook0',
    secret: { encoding: 'utf8' },
    signed: takesV0 ? [v1, v0] : v1,
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    unsignedHeaders: { eventId: 'x-event-id', eventType: 'x-event-type' },
    delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
    about: {
      sender: 'Hook0',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      sources: [
        'https://documentation.hook0.com/concepts/event-types',
        'github.com/hook0/hook0 output-worker/src/work.rs',
        'github.com/hook0/hook0 clients/conformance/signature.json',
      ],
      assumptions: [
        'For how long deliveries are tried again depends on the installation and the subscription: 24 hours are assumed.',
        'A type of event has three parts, as the documentation says: another number of dots is refused where v1 signs it.',
      ],
      rotation: 'What becomes of the replaced secret, and when, is not documented.',
      notes: [
        'v1 signs every header that Hook0 sends. A subscription with headers of its own needs them named: `hook0({ headers: { authorization: 0 } })`.',
        '`hook0({ v0: true })` takes the older signatures too, which sign time and body but no headers. Use it only for an instance that makes no others: a captured v1 signature is also the v0 one of a body that begins with the signed headers.',
        'One run per identical body while it is remembered, whatever the event: `deliveryKey` overrides it.',
        'The webhooks of Coinbase CDP are sent by Hook0.',
        'Standard Webhooks headers beside the signature, where a subscription asks for them, are not read.',
      ],
    },
  });
}

/**
 * Hook0: `X-Hook0-Signature: t=<seconds>,h=<names>,v1=<hex>` over `{t}.{names}.{values}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 * - `v0`, over `{t}.{body}`, is taken only where the option says so; `v1` decides where it is there.
 * - A delivery that lists a header which is neither Hook0's own nor named in `headers` is refused.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown option, or headers that are no names with numbers.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: hook0(), secrets: envSecrets('HOOK0_SECRET') })
 * ```
 */
export function hook0(options: Hook0Options = {}): DefinedScheme {
  const { headers = {}, v0 = false, ...unknown } = options;
  const [key] = Object.keys(unknown);
  if (key !== undefined) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      `hook0() does not know the option "${key}". It takes "headers" and "v0".`,
    );
  }
  if (typeof v0 !== 'boolean')
    throw new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', '"v0" of hook0() must be true or false.');
  if (headers === null || typeof headers !== 'object' || Array.isArray(headers)) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      '"headers" of hook0() must be an object: the name of each header with the number of dots in its value.',
    );
  }
  return Object.keys(headers).length === 0 && !v0 ? scheme : define(headers, v0);
}
