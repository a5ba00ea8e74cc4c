import { createHmac } from 'node:crypto';
import { createVerifier, defineScheme, replayRecord } from '@countersign/core';
import { describe, expect, it } from 'vitest';

const SECRET = 'a-signing-secret-of-32-characters';
const DAY_MS = 86_400_000;
const scheme = defineScheme({
  name: 'remembered',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'never', idStableOverRetries: true, retrySignature: 'repeated' },
});

async function ttlMs(rememberSeconds?: number): Promise<number> {
  const options = rememberSeconds === undefined ? {} : { rememberSeconds };
  await using verifier = createVerifier({ scheme, secrets: SECRET, ...options });
  const body = Buffer.from('{}');
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  return replayRecord(await verifier.verify({ headers: { signature }, body })).ttlMs;
}

describe('rememberSeconds', () => {
  it('keeps a handled delivery for longer than the scheme asks for, and never shorter', async () => {
    expect(await ttlMs()).toBe(7 * DAY_MS);
    expect(await ttlMs(30 * 86_400)).toBe(30 * DAY_MS);
    expect(await ttlMs(60)).toBe(7 * DAY_MS);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '86400'])('refuses %s', (rememberSeconds) => {
    const options = { scheme, secrets: SECRET, rememberSeconds: rememberSeconds as number };
    expect(() => createVerifier(options)).toThrow(/"rememberSeconds" must be a number/);
  });
});
