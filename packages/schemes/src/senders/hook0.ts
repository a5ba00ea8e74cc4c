import { type DefinedScheme, defineScheme, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';

/** Settings of {@link hook0}. */
export interface Hook0Options {
  /**
   * The headers that your subscription adds to its deliveries, in lower case, each with the number of dots in its value. Hook0
   * signs them, too, separated by dots. Default: none.
   */
  readonly headers?: Readonly<Record<string, number>>;
  /**
   * Also accepts older signatures, which cover only time and body. Use it only for an instance that creates no others: if an
   * instance signs in both ways, a captured `v1` signature is also a valid `v0` of a body that begins with the signed headers.
   * Default: false.
   */
  readonly v0?: boolean;
}

const scheme = lazily(() => define({}, false));

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
        // A type is service.resource.verb. With another number of dots, an attacker could move the end of the headers into the
        // body.
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
      testedWith: 'published-vectors',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound:
        'For how long Hook0 retries was not found: each installation and subscription decides it. Replacing the secret was not found.',
      sources: [
        'https://documentation.hook0.com/concepts/event-types',
        'github.com/hook0/hook0 output-worker/src/work.rs',
        'github.com/hook0/hook0 clients/conformance/signature.json',
      ],
      assumptions: [
        'The installation and the subscription decide for how long Hook0 retries: 24 hours are assumed.',
        'An event type has three parts, as the documentation says: if v1 signs a type with another number of dots, the delivery is refused.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'v1 signs every header that Hook0 sends. If a subscription adds headers, name them: `hook0({ headers: { authorization: 0 } })`; newer instances also sign the delivery id: `hook0({ headers: { "x-delivery-id": 0 } })`.',
        '`hook0({ v0: true })` also accepts the older signatures, which cover time and body but no headers. Use it only for an instance that creates no others: a captured v1 signature is also a valid v0 of a body that begins with the signed headers.',
        'Deliveries with identical bodies run once while the first is remembered, even for different events; `deliveryKey` overrides that.',
        'Hook0 also sends the webhooks of Coinbase CDP.',
        'If a subscription also sends Standard Webhooks headers, they are not read.',
      ],
    },
  });
}

/**
 * Hook0: `X-Hook0-Signature: t=<seconds>,h=<names>,v1=<hex>` over `{t}.{names}.{values}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - `v0`, over `{t}.{body}`, is accepted only if the option says so; if there is a `v1`, it decides.
 * - A delivery that lists a header which is neither Hook0's own nor named in `headers` is refused.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown option, or `headers` that are not names with numbers.
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
      `hook0() has no option "${key}". It takes "headers" and "v0".`,
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
  return Object.keys(headers).length === 0 && !v0 ? scheme() : define(headers, v0);
}
