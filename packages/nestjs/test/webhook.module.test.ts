import { createVerifier, defineScheme } from '@countersign/core';
import { Test } from '@nestjs/testing';
import { expect, it } from 'vitest';
import { WebhookGuard, WebhookModule } from '../src/index.ts';

const scheme = defineScheme({
  name: 'plain',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'plain-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'repeated' },
});

it('an application without HTTP, a worker say, may import the module too', async () => {
  const verifier = createVerifier({ scheme, secrets: 'a secret that only tests have' });
  const worker = await Test.createTestingModule({
    imports: [WebhookModule.forRootAsync({ useFactory: () => ({ verifiers: { plain: verifier } }) })],
  }).compile();
  await worker.init();
  expect(worker.get(WebhookGuard)).toBeInstanceOf(WebhookGuard);
  await worker.close();
});
