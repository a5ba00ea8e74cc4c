import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'mercado-pago',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' },
    timestamp: { entry: 'ts', unit: 's-or-ms' },
    content: '[id:{query:data.id};][request-id:{header:x-request-id};]ts:{timestamp};',
  },
  identity: 'content',
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'any-failure',
    timeoutSeconds: 22,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Mercado Pago',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://www.mercadopago.com/developers/en/docs/your-integrations/notifications/webhooks',
      'github.com/mercadopago/sdk-nodejs src/utils/webhook/index.ts',
    ],
    assumptions: [
      'The time is in seconds, as Mercado Pago sends it; newer documents show milliseconds, and both are accepted by their number of digits.',
      'data.id is signed as the query has it: so its libraries since June 2026. Documents, and libraries before, write it in lower case: then deliveries whose id has capitals, such as those of orders, do not match.',
      'Notifications are tried again every 15 minutes, later at longer intervals; for how long is not documented: 24 hours are assumed.',
      'Tolerance is 300 s both ways: none is documented.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Parts that a request lacks are left out of the signed content.',
      'Notifications of QR codes are not signed: they are refused.',
    ],
  },
});

/**
 * Mercado Pago: `x-signature: ts=<time>,v1=<hex>` over `id:{data.id};request-id:{x-request-id};ts:{ts};`. The body is not signed.
 *
 * - Identity: everything that is signed but the time.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 * - `webhook.bodyAuthenticated` is `false`: fetch the object that `data.id` names, and use that.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mercadoPago(), secrets: envSecrets('MERCADO_PAGO_SECRET') })
 * ```
 */
export function mercadoPago(): DefinedScheme {
  return scheme;
}
