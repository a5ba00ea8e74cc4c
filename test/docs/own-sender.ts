import { createVerifier, defineScheme, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';

export const acme = defineScheme({
  name: 'acme',
  // `acme_` and base64 of the key, as the dashboard shows it.
  secret: { encoding: 'base64', prefix: 'acme_' },
  signed: {
    algorithm: { hmac: 'sha256' },
    // acme-signature: t=1700000000,v1=<hex>
    signature: {
      header: 'acme-signature',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    timestamp: { entry: 't', unit: 's' },
    content: '{timestamp}.{body}',
  },
  identity: { bodyField: 'id' },
  eventType: { bodyField: 'type' },
  delivery: {
    retries: [408, 429, '5xx'],
    retrySpanSeconds: 86_400,
    timeoutSeconds: 10,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
});

export function acmeVerifier(secretFile: string) {
  return createVerifier({
    scheme: acme,
    secrets: fileSecrets(secretFile),
    observe: logWebhooks(console),
  });
}
