import { createHmac } from 'node:crypto';
import { agentMessage, anchorBrowser, github, langsmith, polyai, slack, stripe } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { judge, outcomeOf } from '../../../test/support/outcome.ts';

const NOW = 1_763_600_000;
const HEX_SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
const BASE64_KEY = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const BODY = Buffer.from('{"id":"evt_1","created":1763600000,"text":"✅ ok"}');

const ACCEPTED = 'accepted';
const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

/** HMAC-SHA256 over text, then the body, in hex. */
function hmac(key: string | Buffer, before: string, body: Uint8Array = BODY): string {
  return createHmac('sha256', key).update(before).update(body).digest('hex');
}

describe('langsmith()', () => {
  const judgeHeader = (signature: string, body: Uint8Array = BODY) =>
    outcomeOf(langsmith(), HEX_SECRET, { headers: { 'x-langsmith-signature': signature }, body }, NOW);
  const signed = (body: Uint8Array) => judgeHeader(`sha256=${hmac(HEX_SECRET, '', body)}`, body);

  test('needs sha256= before the digits', async () => {
    expect(await judgeHeader(hmac(HEX_SECRET, ''))).toBe(INVALID);
  });

  test('accepts lower-case digits only', async () => {
    expect(await judgeHeader(`sha256=${hmac(HEX_SECRET, '').toUpperCase()}`)).toBe(INVALID);
  });

  test('does not decode a secret that looks like hex', async () => {
    expect(await judgeHeader(`sha256=${hmac(Buffer.from(HEX_SECRET, 'hex'), '')}`)).toBe(MISMATCH);
  });

  test.each([
    '{"id":"evt_1"}',
    '{"id":"evt_1","created":"yesterday"}',
    '{"id":"evt_1","created":1e300}',
    'no JSON',
    '',
  ])('refuses a signed body without a time that can be read: %s', async (text) => {
    expect(await signed(Buffer.from(text))).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
  });
});

describe('agentMessage()', () => {
  const base64 = Buffer.from(HEX_SECRET, 'hex').toString('base64');
  const request = (key: string | Buffer, before: string) => ({
    headers: { 'x-amcore-signature': `t=${NOW},v1=${hmac(key, before)}` },
    body: BODY,
  });

  test('signs a newline between time and body, not a dot, not the two characters of an escape', async () => {
    const key = Buffer.from(base64, 'base64');
    expect(await outcomeOf(agentMessage(), base64, request(key, `${NOW}\n`), NOW)).toBe(ACCEPTED);
    expect(await outcomeOf(agentMessage(), base64, request(key, `${NOW}.`), NOW)).toBe(MISMATCH);
    expect(await outcomeOf(agentMessage(), base64, request(key, `${NOW}\\n`), NOW)).toBe(MISMATCH);
    expect(await outcomeOf(agentMessage(), base64, request(key, `${NOW}\r\n`), NOW)).toBe(MISMATCH);
  });

  test('uses the configured key encoding, and never guesses', async () => {
    const asText = request(HEX_SECRET, `${NOW}\n`);
    const asHex = request(Buffer.from(HEX_SECRET, 'hex'), `${NOW}\n`);
    expect(await outcomeOf(agentMessage({ keyEncoding: 'utf8' }), HEX_SECRET, asText, NOW)).toBe(ACCEPTED);
    expect(await outcomeOf(agentMessage({ keyEncoding: 'hex' }), HEX_SECRET, asText, NOW)).toBe(MISMATCH);
    expect(await outcomeOf(agentMessage({ keyEncoding: 'hex' }), HEX_SECRET, asHex, NOW)).toBe(ACCEPTED);
    expect(await outcomeOf(agentMessage({ keyEncoding: 'utf8' }), HEX_SECRET, asHex, NOW)).toBe(MISMATCH);
    expect(await outcomeOf(agentMessage(), HEX_SECRET, asHex, NOW)).toBe(MISMATCH);
  });

  test('accepts the organization secret and the endpoint secret side by side', async () => {
    const organisation = Buffer.alloc(32, 7);
    const endpoint = Buffer.alloc(32, 9);
    const secrets = { current: [organisation.toString('base64'), endpoint.toString('base64')] };
    for (const key of [organisation, endpoint]) {
      const webhook = await judge(agentMessage(), secrets, request(key, `${NOW}\n`), NOW);
      expect(webhook).toMatchObject({ key: { role: 'current' } });
    }
  });

  test('refuses an option that it does not know', () => {
    const config = expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    // @ts-expect-error: such an encoding does not exist.
    expect(() => agentMessage({ keyEncoding: 'base32' })).toThrow(config);
    // @ts-expect-error: neither does this one, though every object has such a property.
    expect(() => agentMessage({ keyEncoding: 'toString' })).toThrow(config);
    // @ts-expect-error: a misspelt option must not leave the default in place.
    expect(() => agentMessage({ keyEncodng: 'hex' })).toThrow(config);
  });
});

describe('polyai()', () => {
  test('refuses the signature over the body alone that a quickstart once showed', async () => {
    const headers = { 'x-polyai-timestamp': String(NOW), 'x-polyai-signature': hmac(HEX_SECRET, '') };
    expect(await outcomeOf(polyai(), HEX_SECRET, { headers, body: BODY }, NOW)).toBe(MISMATCH);
  });

  test('refuses a time that is not a number, with an error of the request', async () => {
    for (const time of ['', 'now', 'NaN', `${NOW}.5`, ` ${NOW}`, `+${NOW}`, '1e9', '0x10', '-1']) {
      const headers = { 'x-polyai-timestamp': time, 'x-polyai-signature': hmac(HEX_SECRET, `${time}.`) };
      expect(await outcomeOf(polyai(), HEX_SECRET, { headers, body: BODY }, NOW)).toBe(INVALID);
    }
  });
});

describe('anchorBrowser()', () => {
  const judgeSigned = (signature: string, timestamp = NOW) =>
    outcomeOf(
      anchorBrowser(),
      HEX_SECRET,
      { headers: { 'anchor-timestamp': String(timestamp), 'anchor-signature': signature }, body: BODY },
      NOW,
    );

  test('uses the hex digits of the secret as text', async () => {
    expect(await judgeSigned(`t=${NOW},v1=${hmac(HEX_SECRET, `v0:${NOW}:`)}`)).toBe(ACCEPTED);
    expect(await judgeSigned(`t=${NOW},v1=${hmac(Buffer.from(HEX_SECRET, 'hex'), `v0:${NOW}:`)}`)).toBe(
      MISMATCH,
    );
  });

  test('refuses a request whose two times differ, whichever of them is signed', async () => {
    const earlier = NOW - 1;
    expect(await judgeSigned(`t=${earlier},v1=${hmac(HEX_SECRET, `v0:${NOW}:`)}`)).toBe(INVALID);
    expect(await judgeSigned(`t=${earlier},v1=${hmac(HEX_SECRET, `v0:${earlier}:`)}`)).toBe(INVALID);
    expect(await judgeSigned(`t=0${NOW},v1=${hmac(HEX_SECRET, `v0:${NOW}:`)}`)).toBe(INVALID);
  });

  test('accepts several signatures, in any order', async () => {
    const good = `v1=${hmac(HEX_SECRET, `v0:${NOW}:`)}`;
    const old = `v1=${'0'.repeat(64)}`;
    for (const header of [`t=${NOW},${old},${good}`, `${good},${old},t=${NOW}`, `${old},t=${NOW},${good}`]) {
      expect(await judgeSigned(header)).toBe(ACCEPTED);
    }
  });

  test('does not accept the label of the content as a signature', async () => {
    expect(await judgeSigned(`t=${NOW},v0=${hmac(HEX_SECRET, `v0:${NOW}:`)}`)).toBe(INVALID);
  });
});

describe('github()', () => {
  test('does not fall back to the SHA-1 signature', async () => {
    const sha1 = createHmac('sha1', HEX_SECRET).update(BODY).digest('hex');
    const request = { headers: { 'x-hub-signature': `sha1=${sha1}` }, body: BODY };
    expect(await outcomeOf(github(), HEX_SECRET, request, NOW)).toBe('ERR_WEBHOOK_SIGNATURE_MISSING');
    const relabelled = { headers: { 'x-hub-signature-256': `sha1=${sha1}` }, body: BODY };
    expect(await outcomeOf(github(), HEX_SECRET, relabelled, NOW)).toBe(INVALID);
  });

  test('needs sha256= before the digits', async () => {
    const request = { headers: { 'x-hub-signature-256': hmac(HEX_SECRET, '') }, body: BODY };
    expect(await outcomeOf(github(), HEX_SECRET, request, NOW)).toBe(INVALID);
  });
});

describe('slack()', () => {
  test('identifies what has no event_id by its whole body', async () => {
    const body = Buffer.from('command=%2Fweather&text=94070');
    const headers = {
      'x-slack-request-timestamp': String(NOW),
      'x-slack-signature': `v0=${hmac(HEX_SECRET, `v0:${NOW}:`, body)}`,
    };
    const webhook = await judge(slack(), HEX_SECRET, { headers, body }, NOW);
    expect(webhook).toHaveProperty('id', expect.stringMatching(/^[0-9a-f]{64}$/));
  });
});

describe('stripe()', () => {
  const secret = `whsec_${BASE64_KEY}`;
  const judgeHeader = (header: string) =>
    outcomeOf(stripe(), secret, { headers: { 'stripe-signature': header }, body: BODY }, NOW);

  test('uses the secret verbatim, whsec_ included', async () => {
    expect(await judgeHeader(`t=${NOW},v1=${hmac(secret, `${NOW}.`)}`)).toBe(ACCEPTED);
    expect(await judgeHeader(`t=${NOW},v1=${hmac(BASE64_KEY, `${NOW}.`)}`)).toBe(MISMATCH);
    expect(await judgeHeader(`t=${NOW},v1=${hmac(Buffer.from(BASE64_KEY, 'base64'), `${NOW}.`)}`)).toBe(
      MISMATCH,
    );
  });

  test('passes v0 over', async () => {
    expect(await judgeHeader(`t=${NOW},v0=${hmac(secret, `${NOW}.`)}`)).toBe(INVALID);
    expect(await judgeHeader(`t=${NOW},v1=${'0'.repeat(64)},v0=${hmac(secret, `${NOW}.`)}`)).toBe(MISMATCH);
  });

  test('accepts 16 signatures and refuses 17', async () => {
    const good = `v1=${hmac(secret, `${NOW}.`)}`;
    const bad = `v1=${'0'.repeat(64)}`;
    expect(await judgeHeader([`t=${NOW}`, ...Array<string>(15).fill(bad), good].join())).toBe(ACCEPTED);
    expect(await judgeHeader([`t=${NOW}`, ...Array<string>(16).fill(bad), good].join())).toBe(INVALID);
  });
});
