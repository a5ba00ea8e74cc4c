import { createHmac } from 'node:crypto';
import { createVerifier, defineScheme, replayRecord } from '@countersign/core';
import { expect, it } from 'vitest';

const SECRET = 'a-signing-secret-of-32-characters';
const scheme = defineScheme({
  name: 'plain',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
});

async function keyOf(endpoint: string, delivery: string): Promise<string> {
  await using verifier = createVerifier({ scheme, secrets: SECRET, endpoint, deliveryKey: () => delivery });
  await verifier.ready();
  const body = Buffer.from('{}');
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  return replayRecord(await verifier.verify({ headers: { 'x-signature': signature }, body })).key;
}

it('differs for each endpoint and delivery, with any texts', async () => {
  // Many of these are the same text if they are written one behind the other, with or without a zero byte between them.
  const pairs = [
    ['a', 'b\0custom\0c'],
    ['a\0custom\0b', 'c'],
    ['a', 'bcustomc'],
    ['acustomb', 'c'],
    ['a\0b', 'custom\0c'],
    ['a', 'b'],
    ['ab', 'b'],
    ['a', 'bb'],
  ] as const;
  const keys = await Promise.all(pairs.map(([endpoint, delivery]) => keyOf(endpoint, delivery)));
  expect(new Set(keys).size).toBe(pairs.length);
});
