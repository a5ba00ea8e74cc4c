import { generateKeyPairSync, sign } from 'node:crypto';
import { isWebhookError, replayRecord } from '@countersign/core';
import { telnyxClassic } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { judge, outcomeOf, type Request } from '../../../test/support/outcome.ts';

// Signatures are written out here by Telnyx's documented formula.
const NOW = 1_800_000_000;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const KEY = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

function request(body: string, seconds = NOW, between = '|'): Request {
  const signature = sign(null, Buffer.from(`${seconds}${between}${body}`), privateKey);
  return {
    headers: {
      'telnyx-timestamp': String(seconds),
      'telnyx-signature-ed25519': signature.toString('base64'),
    },
    body: Buffer.from(body),
  };
}

const event = (id: string, attempt: number) =>
  JSON.stringify({ data: { event_type: 'message.received', id, record_type: 'event' }, meta: { attempt } });

async function replayKey(given: Request): Promise<string> {
  const webhook = await judge(telnyxClassic(), KEY, given, NOW);
  if (isWebhookError(webhook)) throw webhook;
  return replayRecord(webhook).key;
}

describe('Telnyx', () => {
  test('is accepted as signed', async () => {
    expect(await outcomeOf(telnyxClassic(), KEY, request(event('a', 1)), NOW)).toBe('accepted');
    expect(await outcomeOf(telnyxClassic(), KEY, request(''), NOW)).toBe('accepted');
  });

  test('is refused with anything but a bar between time and body', async () => {
    for (const between of ['', '.', ':', '||'])
      expect(await outcomeOf(telnyxClassic(), KEY, request(event('a', 1), NOW, between), NOW)).toBe(MISMATCH);
  });

  test('is remembered by its event, since each try has another body', async () => {
    const first = await replayKey(request(event('a', 1)));
    expect(await replayKey(request(event('a', 2), NOW + 30))).toBe(first);
    expect(await replayKey(request(event('b', 1)))).not.toBe(first);
  });

  test('is remembered by its bytes if it names no event', async () => {
    const first = await replayKey(request('CallSid=1&CallStatus=ringing'));
    expect(await replayKey(request('CallSid=1&CallStatus=ringing', NOW + 30))).toBe(first);
    expect(await replayKey(request('CallSid=1&CallStatus=completed'))).not.toBe(first);
  });
});
