import { createHash, createHmac } from 'node:crypto';
import { createVerifier, type DefinedScheme, defineScheme, type SchemeDefinition } from '@countersign/core';
import type { HandshakeRule } from '@countersign/core/extend';
import { linkedIn } from '@countersign/schemes';
import { generateSigningKeys, sign } from '@countersign/testing';
import { describe, expect, test } from 'vitest';

const secret = 'a signing secret of some length';

/** A sender that signs its bodies and greets by these rules. */
function greeting(handshake: SchemeDefinition['handshake'] & object): DefinedScheme {
  return defineScheme({
    name: 'acme',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    handshake,
    delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  });
}

/** What a verifier returns, and what it did. */
async function answerTo(
  handshake: HandshakeRule,
  request: {
    method?: string;
    url?: string;
    headers?: Record<string, string>;
    body?: string;
    signed?: boolean;
  },
) {
  const scheme = greeting(handshake);
  const events: string[] = [];
  let runs = 0;
  await using verifier = createVerifier({
    scheme,
    secrets: secret,
    observe: ({ type }) => events.push(type),
  });
  await verifier.ready();
  const { method = 'POST', url = '/', body = '' } = request;
  const signed =
    request.signed === true ? sign(scheme, { secret, body }) : { headers: {}, body: Buffer.from(body) };
  const {
    status,
    headers,
    body: given,
  } = await verifier.handle(
    { method, url, headers: { ...signed.headers, ...request.headers }, body: signed.body },
    () => {
      runs += 1;
    },
  );
  return {
    status,
    headers,
    body: String(given),
    runs,
    events: events.filter((type) => type !== 'secrets-loaded'),
  };
}

const slack: HandshakeRule = {
  signed: true,
  when: { field: { type: 'url_verification' } },
  challenge: { field: 'challenge', characters: 'visible', maxLength: 64 },
  response: { json: { challenge: '{challenge}' } },
};
const zoom: HandshakeRule = {
  signed: true,
  when: { field: { event: 'endpoint.url_validation' } },
  challenge: { field: 'payload.plainToken', characters: 'word', maxLength: 64 },
  mac: { hmac: 'sha256', encoding: 'hex' },
  response: { json: { plainToken: '{challenge}', encryptedToken: '{mac}' } },
};
const meta: HandshakeRule = {
  signed: false,
  when: { method: 'GET', query: { 'hub.mode': 'subscribe' } },
  token: { query: 'hub.verify_token', sha256: createHash('sha256').update('agreed').digest('hex') },
  challenge: { query: 'hub.challenge', characters: 'word', maxLength: 64 },
  response: { text: '{challenge}' },
};
const crc: HandshakeRule = {
  signed: false,
  when: { method: 'GET', query: { crc_token: true } },
  challenge: { query: 'crc_token', characters: 'base64', maxLength: 128 },
  mac: { hmac: 'sha256', encoding: 'base64' },
  response: { json: { response_token: 'sha256={mac}' } },
};
const twitch: HandshakeRule = {
  signed: true,
  when: { header: { 'message-type': 'webhook_callback_verification' } },
  challenge: { field: 'challenge', characters: 'visible', maxLength: 128 },
  response: { text: '{challenge}' },
};
const discord: HandshakeRule = {
  signed: true,
  when: { field: { type: 1 } },
  response: { json: { type: 1 } },
};

const answered = { status: 200, runs: 0 };
const mac = (text: string, encoding: 'hex' | 'base64') =>
  createHmac('sha256', secret).update(text).digest(encoding);

describe('a signed challenge', () => {
  test.each([
    [
      'in the body, as JSON',
      slack,
      '{"type":"url_verification","challenge":"3eZbrw1a"}',
      {},
      '{"challenge":"3eZbrw1a"}',
    ],
    [
      'as its MAC',
      zoom,
      '{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZ"}}',
      {},
      JSON.stringify({ plainToken: 'qgg8vlvZ', encryptedToken: mac('qgg8vlvZ', 'hex') }),
    ],
    [
      'named by a header, as text',
      twitch,
      '{"challenge":"pogchamp-kappa"}',
      { 'message-type': 'webhook_callback_verification' },
      'pogchamp-kappa',
    ],
    ['that is a ping', discord, '{"type":1}', {}, '{"type":1}'],
  ] as const)('gets %s, and no handler runs', async (_, rule, body, headers, wanted) => {
    const answer = await answerTo(rule, { body, headers, signed: true });
    expect(answer).toMatchObject({ ...answered, body: wanted, events: ['verified', 'handshake'] });
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  test.each([slack, zoom, twitch, discord])('is refused if it is not signed', async (rule) => {
    const body = '{"type":1,"challenge":"x","event":"endpoint.url_validation","payload":{"plainToken":"x"}}';
    const answer = await answerTo(rule, {
      body,
      headers: { 'message-type': 'webhook_callback_verification' },
    });
    expect(answer).toMatchObject({ status: 401, runs: 0, body: '{"error":"webhook refused"}' });
  });

  test('gets its response again when it is sent again', async () => {
    const scheme = greeting(slack);
    await using verifier = createVerifier({ scheme, secrets: secret });
    for (const _ of [1, 2]) {
      const request = sign(scheme, { secret, body: '{"type":"url_verification","challenge":"again"}' });
      expect(await verifier.receive(request)).toMatchObject({
        state: 'handshake',
        response: { status: 200 },
      });
    }
  });

  test('gets the MAC of the key that signed it', async () => {
    const scheme = greeting(zoom);
    const before = 'the signing secret of before it';
    await using verifier = createVerifier({ scheme, secrets: { current: secret, previous: before } });
    const body = '{"event":"endpoint.url_validation","payload":{"plainToken":"abc"}}';
    for (const by of [secret, before]) {
      const response = await verifier.handle(sign(scheme, { secret: by, body }), () => 500);
      expect(JSON.parse(String(response.body))).toEqual({
        plainToken: 'abc',
        encryptedToken: createHmac('sha256', by).update('abc').digest('hex'),
      });
    }
  });

  test.each(['{"a":1}', 'x'.repeat(65), '', 5, null])(
    'gets no response if it is not a challenge: %j',
    async (plainToken) => {
      const body = JSON.stringify({ event: 'endpoint.url_validation', payload: { plainToken } });
      expect(await answerTo(zoom, { body, signed: true })).toMatchObject({ status: 400, runs: 0 });
    },
  );

  test('is none if nothing of it is there: the handler runs', async () => {
    expect(await answerTo(slack, { body: '{"type":"event_callback"}', signed: true })).toMatchObject({
      status: 204,
      runs: 1,
    });
    expect(await answerTo(slack, { body: 'no JSON', signed: true })).toMatchObject({ status: 204, runs: 1 });
  });
});

describe('an unsigned challenge', () => {
  test('is echoed as plain text if the token is right', async () => {
    const url = '/hooks?hub.mode=subscribe&hub.verify_token=agreed&hub.challenge=1158201444';
    const answer = await answerTo(meta, { method: 'GET', url });
    expect(answer).toMatchObject({ ...answered, body: '1158201444', events: ['handshake'] });
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
  });

  test.each(['hub.verify_token=wrong&', '', 'hub.verify_token=agreed&hub.verify_token=agreed&'])(
    'is refused under the token %s',
    async (token) => {
      const answer = await answerTo(meta, {
        method: 'GET',
        url: `/?hub.mode=subscribe&${token}hub.challenge=1`,
      });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.body).toBe('{"error":"webhook refused"}');
    },
  );

  test.each(['%3Cscript%3E', '1+1', 'x'.repeat(65), ''])(
    'is refused with the characters %s',
    async (challenge) => {
      const url = `/?hub.mode=subscribe&hub.verify_token=agreed&hub.challenge=${challenge}`;
      expect(await answerTo(meta, { method: 'GET', url })).toMatchObject({ status: 400, runs: 0 });
    },
  );

  test('gets the MAC of a token', async () => {
    const answer = await answerTo(crc, { method: 'GET', url: '/?crc_token=MTIzNDU2Nzg5MA%3D%3D' });
    const body = JSON.stringify({ response_token: `sha256=${mac('MTIzNDU2Nzg5MA==', 'base64')}` });
    expect(answer).toMatchObject({ ...answered, body });
  });

  test.each([
    encodeURIComponent('{"for_user_id":"1"}'),
    encodeURIComponent('[1]'),
    'a'.repeat(129),
    '%22x%22',
    'a%0Ab',
  ])('signs nothing that could be a body: %s', async (token) => {
    const answer = await answerTo(crc, { method: 'GET', url: `/?crc_token=${token}` });
    expect(answer).toMatchObject({ status: 400, runs: 0, body: '{"error":"webhook refused"}' });
  });

  test('is none with another method: such a request is checked as a delivery', async () => {
    expect(await answerTo(crc, { method: 'POST', url: '/?crc_token=MTIz', body: '{}' })).toMatchObject({
      status: 401,
      runs: 0,
    });
  });

  test('gets its response if the sender signs with a key pair', async () => {
    const scheme = defineScheme({
      name: 'acme',
      secret: { publicKey: 'ed25519', encoding: 'raw-hex' },
      signed: {
        algorithm: { publicKey: 'ed25519' },
        signature: { header: 'x-signature', encoding: 'hex' },
        content: '{body}',
      },
      identity: 'body',
      handshake: discord,
      delivery: {
        retries: 'never',
        idStableOverRetries: 'unknown',
        retrySignature: 'unknown',
        demands401: true,
      },
    });
    const keys = generateSigningKeys(scheme);
    await using verifier = createVerifier({ scheme, secrets: keys.secret });
    const request = sign(scheme, { secret: keys.signingSecret, body: '{"type":1}' });
    expect(await verifier.handle(request, () => 500)).toMatchObject({ status: 200, body: '{"type":1}' });
    const forged = { ...request, body: Buffer.from('{"type":1 }') };
    expect(await verifier.handle(forged, () => 500)).toMatchObject({ status: 401 });
  });
});

describe('a rule that would sign what a caller likes', () => {
  test.each([
    [
      'visible characters',
      { ...crc, challenge: { query: 'crc_token', characters: 'visible', maxLength: 64 } },
    ],
    ['any length', { ...crc, challenge: { query: 'crc_token', characters: 'word', maxLength: 4096 } }],
    [
      'the body of an unsigned request',
      { ...crc, challenge: { field: 'token', characters: 'word', maxLength: 64 } },
    ],
    ['a MAC of nothing', { ...crc, challenge: undefined }],
    ['no sign of its own', { ...slack, when: {} }],
    ['a response without what it promises', { ...slack, response: { text: '{mac}' } }],
  ])('is refused: %s', (_, rule) => {
    expect(() => greeting(rule as HandshakeRule)).toThrow(/"handshake\./);
  });
});

describe('the challenge of linkedIn()', () => {
  const ask = async (challenge: string) => {
    await using verifier = createVerifier({ scheme: linkedIn(), secrets: secret });
    const url = `/?challengeCode=${encodeURIComponent(challenge)}`;
    return verifier.handle({ method: 'GET', url, headers: {}, body: new Uint8Array() }, () => 500);
  };

  test('gets itself and its MAC, as JSON', async () => {
    const challengeCode = '890e4665-4dfe-4ab1-b689-ed553bceeed0';
    const { status, headers, body } = await ask(challengeCode);
    expect({ status, body: JSON.parse(String(body)) }).toEqual({
      status: 200,
      body: { challengeCode, challengeResponse: mac(challengeCode, 'hex') },
    });
    expect(headers['content-type']).toMatch(/^application\/json/);
  });

  test.each(['hmacsha256={"forged":true}', 'hmacsha256=', 'a=b', 'x'.repeat(65), ''])(
    'never returns the signature of a delivery: %s',
    async (challenge) => {
      const answer = await ask(challenge);
      expect(answer).toMatchObject({ status: 400, body: '{"error":"webhook refused"}' });
    },
  );
});
