import { createSign, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { createVerifier, isWebhookError, type WebhookErrorCode } from '@countersign/core';
import { certificateSecrets, payPal } from '@countersign/schemes/x509';
import { type ManualClock, manualClock } from '@countersign/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Authority, type Certified, rootAuthority } from '../support/remote/authority.ts';
import { type Origin, startOrigin } from '../support/remote/origin.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const START = Date.UTC(2030, 0, 1);
const WEBHOOK_ID = '1JE4291016473214C';
const CERTIFICATE_URL = 'https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-aecacc47';
const BODY = '{"id":"WH-1","resource":{"amount":"10.00"}}';
const valid = { notBefore: START - DAY, notAfter: START + 10 * DAY };
const terms = { ...valid, cn: 'messageverificationcerts.paypal.com' };
const REFUSED = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

let root: Authority;
let intermediate: Authority;
let genuine: Certified;
let origin: Origin;
let clock: ManualClock;

beforeAll(async () => {
  root = await rootAuthority({ ...valid, cn: 'Root' });
  intermediate = await root.authority({ ...valid, cn: 'Intermediate' });
  genuine = await intermediate.issue(terms);
});
beforeEach(async () => {
  clock = manualClock(START);
  origin = await startOrigin(['api.paypal.com', 'api.sandbox.paypal.com', 'evil.example']);
  origin.serve(CERTIFICATE_URL, chain(genuine, intermediate));
});
afterEach(async () => {
  await origin[Symbol.asyncDispose]();
});

const chain = (...certificates: readonly Certified[]) => certificates.map(({ pem }) => pem).join('\n');

interface Sending {
  readonly body?: string;
  readonly signedBody?: string;
  readonly key?: KeyObject;
  readonly webhookId?: string;
  readonly headers?: Record<string, string | undefined>;
}

/** A request as PayPal makes it, by its documented formula. */
function request({
  body = BODY,
  signedBody = body,
  key = genuine.key,
  webhookId = WEBHOOK_ID,
  headers,
}: Sending) {
  const id = 'b2384410-f8d2-11ef-9cd2-0242ac120002';
  const time = new Date(clock.now()).toISOString().replace('.000', '');
  const content = `${id}|${time}|${webhookId}|${crc32(signedBody)}`;
  return {
    headers: {
      'paypal-transmission-id': id,
      'paypal-transmission-time': time,
      'paypal-transmission-sig': createSign('RSA-SHA256').update(content).sign(key, 'base64'),
      'paypal-cert-url': CERTIFICATE_URL,
      'paypal-auth-algo': 'SHA256withRSA',
      ...headers,
    },
    body: Buffer.from(body),
  };
}

function open(options: Partial<Parameters<typeof payPal>[0]> = {}) {
  const scheme = payPal({ webhookId: WEBHOOK_ID, roots: [root.pem], ...options });
  const secrets = certificateSecrets(scheme, { fetch: origin.fetch, clock });
  return createVerifier({ scheme, secrets, clock, observe: () => undefined });
}

async function outcomeOf(
  sending: Sending = {},
  options?: Partial<Parameters<typeof payPal>[0]>,
): Promise<'accepted' | WebhookErrorCode> {
  await using verifier = open(options);
  try {
    await verifier.verify(request(sending));
    return 'accepted';
  } catch (error) {
    if (isWebhookError(error)) return error.code;
    throw error;
  }
}

describe('deliveries of PayPal', () => {
  test('are accepted, named by their signed id, and do not vouch for the body', async () => {
    await using verifier = open();
    const webhook = await verifier.verify(request({}));
    expect(webhook).toMatchObject({
      id: 'b2384410-f8d2-11ef-9cd2-0242ac120002',
      bodyAuthenticated: false,
      signedAt: new Date(START),
    });
    await verifier.verify(request({}));
    expect(origin.requests).toEqual([CERTIFICATE_URL]);
  });

  test('are refused for another body, webhook or key', async () => {
    expect(await outcomeOf({ signedBody: `${BODY} ` })).toBe(REFUSED);
    expect(await outcomeOf({ webhookId: '9JE4291016473214C' })).toBe(REFUSED);
    const stranger = await intermediate.issue(terms);
    expect(await outcomeOf({ key: stranger.key })).toBe(REFUSED);
  });

  test('of another body with the same CRC-32 are accepted: that is why bodyAuthenticated is false', async () => {
    // Four bytes, found by the checksum's own linearity, bring any text to any checksum.
    const forged = withChecksum('{"id":"WH-1","resource":{"amount":"99999.00"}}', crc32(BODY));
    expect(crc32(forged)).toBe(crc32(BODY));
    await using verifier = open();
    const webhook = await verifier.verify({ ...request({}), body: forged });
    expect(webhook.bodyAuthenticated).toBe(false);
  });

  test.each([
    ['paypal-transmission-sig', undefined, 'ERR_WEBHOOK_SIGNATURE_MISSING'],
    ['paypal-transmission-id', undefined, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['paypal-transmission-id', 'a|b', 'ERR_WEBHOOK_HEADER_INVALID'],
    ['paypal-transmission-time', undefined, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['paypal-transmission-time', 'yesterday', 'ERR_WEBHOOK_HEADER_INVALID'],
    ['paypal-auth-algo', undefined, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['paypal-auth-algo', 'none', 'ERR_WEBHOOK_HEADER_INVALID'],
    ['paypal-auth-algo', 'SHA1withRSA', 'ERR_WEBHOOK_HEADER_INVALID'],
    ['paypal-cert-url', undefined, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['paypal-transmission-sig', 'AAAA=', 'ERR_WEBHOOK_HEADER_INVALID'],
  ] as const)('with %s %s are refused', async (name, value, code) => {
    expect(await outcomeOf({ headers: { [name]: value } })).toBe(code);
  });

  test('count as long as PayPal goes on trying', async () => {
    await using verifier = open();
    const sent = request({});
    await clock.advance((259_200 + 300) * SECOND);
    expect(await verifier.verify(sent)).toMatchObject({ scheme: 'paypal' });
    await clock.advance(SECOND);
    await expect(verifier.verify(sent)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD' });
  });
});

describe('the address of the certificate', () => {
  test.each([
    CERTIFICATE_URL.replace('https:', 'http:'),
    CERTIFICATE_URL.replace('api.paypal.com', 'api.paypal.com:8443'),
    CERTIFICATE_URL.replace('api.paypal.com', 'api.paypal.com.evil.example'),
    CERTIFICATE_URL.replace('api.paypal.com', 'api.paypal.com@evil.example'),
    CERTIFICATE_URL.replace('api.paypal.com', 'user@api.paypal.com'),
    CERTIFICATE_URL.replace('api.paypal.com', 'evil.example'),
    CERTIFICATE_URL.replace('api.paypal.com', 'api.sandbox.paypal.com'),
    CERTIFICATE_URL.replace('api.paypal.com', 'www.paypal.com'),
    CERTIFICATE_URL.replace('/certs/', '/certs/../redirect?to='),
    `${CERTIFICATE_URL}?x`,
    `${CERTIFICATE_URL}#x`,
    `${CERTIFICATE_URL}/../x`,
  ])('%s is refused, and nothing is fetched', async (url) => {
    origin.serve(url, chain(genuine, intermediate));
    expect(await outcomeOf({ headers: { 'paypal-cert-url': url } })).toBe(REFUSED);
    expect(origin.requests).toEqual([]);
  });

  test('counts also if the certificate is known already', async () => {
    await using verifier = open();
    await verifier.verify(request({}));
    const headers = { 'paypal-cert-url': 'https://evil.example/v1/notifications/certs/CERT-1' };
    await expect(verifier.verify(request({ headers }))).rejects.toMatchObject({ code: REFUSED });
  });

  test('of the sandbox is the only one of a webhook of the sandbox', async () => {
    const url = CERTIFICATE_URL.replace('api.paypal.com', 'api.sandbox.paypal.com');
    origin.serve(url, chain(genuine, intermediate));
    expect(await outcomeOf({ headers: { 'paypal-cert-url': url } }, { sandbox: true })).toBe('accepted');
    expect(await outcomeOf({}, { sandbox: true })).toBe(REFUSED);
  });
});

describe('the chain of the certificate', () => {
  /** What the address serves, and the key that it belongs to. */
  interface Served {
    readonly pem: string;
    readonly key: KeyObject;
  }
  const serving = (leaf: Certified, ...others: readonly Certified[]): Served => ({
    pem: chain(leaf, ...others),
    key: leaf.key,
  });
  const below = async (authority: Authority, subject = terms) =>
    serving(await authority.issue(subject), authority);
  const served: Record<string, () => Promise<Served>> = {
    'without what is between it and the root': async () => serving(genuine),
    'to a root that is not trusted': async () => {
      const other = await rootAuthority({ ...valid, cn: 'Root' });
      const between = await other.authority({ ...valid, cn: 'Intermediate' });
      return serving(await between.issue(terms), between, other);
    },
    'through one that is not an authority': async () =>
      below(await root.authority({ ...valid, cn: 'api.example', ca: false })),
    'through one of the same name that did not sign it': async () =>
      serving(genuine, await root.authority({ ...valid, cn: 'Intermediate' })),
    'of another subject': () => below(intermediate, { ...terms, cn: 'paypal.com.evil.example' }),
    'of a subject with another ending': () => below(intermediate, { ...terms, cn: 'evilpaypal.com' }),
    'that begins with the authority': async () => serving(intermediate, genuine),
    'of seven': async () => serving(genuine, ...Array.from({ length: 6 }, () => intermediate)),
  };

  test.each(Object.entries(served))('%s is not taken', async (_, make) => {
    const { pem, key } = await make();
    origin.serve(CERTIFICATE_URL, pem);
    await using verifier = open();
    await expect(verifier.verify(request({ key }))).rejects.toMatchObject({ code: REFUSED });
    expect(origin.requests).toEqual([CERTIFICATE_URL]);
    expect(verifier.health().secrets.keys).toEqual([]);
  });

  test('to the roots that Node trusts is required by default', async () => {
    const scheme = payPal({ webhookId: WEBHOOK_ID });
    expect(() => scheme.importKey(chain(genuine, intermediate))).toThrow(/no trusted authority/);
  });

  test('counts while all of it is valid', async () => {
    const short = await root.authority({ ...valid, cn: 'Short', notAfter: START + DAY });
    const leaf = await short.issue(terms);
    origin.serve(CERTIFICATE_URL, chain(leaf, short));
    await using verifier = open();
    await verifier.verify(request({ key: leaf.key }));
    await clock.advance(DAY + SECOND);
    await expect(verifier.verify(request({ key: leaf.key }))).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
    });
  });
});

test.each([
  {},
  { webhookId: '' },
  { webhookId: 'a|b' },
  { webhookId: WEBHOOK_ID, roots: [] },
  { webhookId: WEBHOOK_ID, roots: ['no certificate'] },
  { webhookId: WEBHOOK_ID, sandbox: 'yes' },
  { webhookid: WEBHOOK_ID },
])('the options %o are refused', (options) => {
  expect(() => payPal(options as never)).toThrow(
    expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
  );
});

/** The text and four bytes more, which give it this checksum. */
function withChecksum(text: string, wanted: number): Buffer {
  const table = Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value >>> 0;
  });
  // Backwards from the end: each step undoes one byte of the register, by the one entry with that top byte.
  let register = (wanted ^ 0xffffffff) >>> 0;
  const indexes: number[] = [];
  for (let step = 0; step < 4; step++) {
    const index = table.findIndex((value) => value >>> 24 === register >>> 24);
    indexes.unshift(index);
    register = ((register ^ (table[index] ?? 0)) << 8) >>> 0;
  }
  let forward = (crc32(text) ^ 0xffffffff) >>> 0;
  const tail: number[] = [];
  for (const index of indexes) {
    tail.push((forward ^ index) & 0xff);
    forward = ((forward >>> 8) ^ (table[index] ?? 0)) >>> 0;
  }
  return Buffer.concat([Buffer.from(text), Buffer.from(tail)]);
}
