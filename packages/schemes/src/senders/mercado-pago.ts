import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'mercado-pago',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'hex',
      },
      timestamp: { entry: 'ts', unit: 's-or-ms' },
      // The sender's libraries contradict each other about the case of the id, so both are tried.
      content: [
        '[id:{query:data.id};][request-id:{header:x-request-id};]ts:{timestamp};',
        '[id:{lowerQuery:data.id};][request-id:{header:x-request-id};]ts:{timestamp};',
      ],
    },
    identity: 'content',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 22,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Mercado Pago',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'mercadopago',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with the library of the sender. The page about webhooks was read in part: payments through QR codes are not signed. Not found in it: retries, timeout and rotation.',
      sources: [
        'https://www.mercadopago.com/developers/en/docs/your-integrations/notifications/webhooks',
        'github.com/mercadopago/sdk-nodejs src/utils/webhook/index.ts',
      ],
      assumptions: [
        'Mercado Pago sends the time in seconds. Newer documents show milliseconds, so both are accepted, by their number of digits.',
        "data.id is signed as in the query or in lower case: the sender's libraries have used the first since June 2026, its documents and older libraries use the second, and users report both. Both are accepted.",
        'Notifications are retried every 15 minutes, later at longer intervals. The sender does not document for how long: 24 hours are assumed.',
        'The sender documents no tolerance: 300 s each way are assumed.',
      ],
      secretFrom: 'In Your integrations, Webhooks: the secret signature of the application.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'If a part is missing from the request, it is left out of the signed content.',
        'Notifications of QR codes are not signed: they are refused.',
      ],
    },
  }),
);

/**
 * Mercado Pago: `x-signature: ts=<time>,v1=<hex>` over `id:{data.id};request-id:{x-request-id};ts:{ts};`. The body is not signed.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - `webhook.bodyAuthenticated` is `false`: fetch the object that `data.id` names, and use that.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mercadoPago(), secrets: envSecrets('MERCADO_PAGO_SECRET') })
 * ```
 */
export function mercadoPago(): DefinedScheme {
  return scheme();
}
