import { createVerifier, isWebhookError, type WebhookErrorCode } from '@countersign/core';
import { awsSns, certificateSecrets, type LimitedFetch, snsMessage } from '@countersign/schemes/x509';
import { type ManualClock, manualClock } from '@countersign/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Authority, type Certified, rootAuthority, selfSigned } from '../support/remote/authority.ts';
import { type Answer, type Origin, startOrigin } from '../support/remote/origin.ts';
import {
  CERTIFICATE_URL,
  confirmation,
  HOST,
  notification,
  type SnsFields,
  signSns,
  TOPIC,
} from '../support/remote/sns-sender.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const START = Date.UTC(2030, 0, 1);
const terms = { cn: 'sns.amazonaws.com', notBefore: START - DAY, notAfter: START + DAY };

let authority: Authority;
let genuine: Certified;
let origin: Origin;
let clock: ManualClock;

beforeAll(async () => {
  authority = await rootAuthority({ cn: 'Amazon RSA 2048 M01', notAfter: START + 10 * DAY });
  genuine = await authority.issue(terms);
});
beforeEach(async () => {
  clock = manualClock(START);
  origin = await startOrigin([HOST, 'sns.us-east-1.amazonaws.com', 'evil.example']);
  origin.serve(CERTIFICATE_URL, genuine.pem);
});
afterEach(async () => {
  await origin[Symbol.asyncDispose]();
});

type SnsOptions = Partial<Parameters<typeof awsSns>[0]>;

function open(options: SnsOptions = {}) {
  const scheme = awsSns({ topicArns: [TOPIC], ...options });
  const secrets = certificateSecrets(scheme, { fetch: origin.fetch, clock });
  return createVerifier({ scheme, secrets, clock, observe: () => undefined });
}

type Verifier = ReturnType<typeof open>;

async function outcome(verifier: Verifier, body: Uint8Array): Promise<'accepted' | WebhookErrorCode> {
  try {
    await verifier.verify({ headers: {}, body });
    return 'accepted';
  } catch (error) {
    if (isWebhookError(error)) return error.code;
    throw error;
  }
}

async function outcomeOf(body: Uint8Array, options: SnsOptions = {}) {
  await using verifier = open(options);
  return await outcome(verifier, body);
}

const signed = (over: SnsFields = {}, extra: Record<string, unknown> = {}) =>
  signSns(notification(clock.now(), over), genuine.key, extra);

const REFUSED = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

describe('messages of SNS', () => {
  test.each(['1', '2'])('are accepted with SignatureVersion %s', async (SignatureVersion) => {
    await using verifier = open();
    const fields = notification(clock.now(), { SignatureVersion });
    const webhook = await verifier.verify({ headers: {}, body: signSns(fields, genuine.key) });
    expect(webhook.id).toBe(fields.MessageId);
    expect(webhook.signedAt).toEqual(new Date(START));
    expect(webhook.bodyAuthenticated).toBe(false);
  });

  test('without a subject, and in several lines, are accepted', async () => {
    const { Subject: _, ...bare } = notification(clock.now(), { Message: 'a\nMessageId\nb\n' });
    expect(await outcomeOf(signSns(bare, genuine.key))).toBe('accepted');
  });

  test('are read by what is signed alone', async () => {
    await using verifier = open();
    const body = signed({}, { MessageAttributes: { role: { Type: 'String', Value: 'admin' } } });
    const webhook = await verifier.verify({ headers: {}, body });
    expect(Object.keys(snsMessage(webhook)).sort()).toEqual(
      ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'].sort(),
    );
    expect(snsMessage(webhook).Message).toBe(JSON.parse(body.toString()).Message);
  });

  test.each(['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type', 'Signature'])(
    'with another "%s" than was signed are refused',
    async (name) => {
      const fields = JSON.parse(signed().toString());
      const changed: Record<string, unknown> = {
        Message: `${fields.Message} `,
        MessageId: fields.MessageId.replace(/^./, (first: string) => (first === '0' ? '1' : '0')),
        Subject: 'Order lost',
        Timestamp: new Date(START + SECOND).toISOString(),
        TopicArn: 'arn:aws:sns:eu-central-1:123456789012:refunds',
        Type: 'UnsubscribeConfirmation',
        Signature: fields.Signature.replace(/^./, (first: string) => (first === 'A' ? 'B' : 'A')),
      };
      const confirming = { Token: 't', SubscribeURL: 'https://x.example/' };
      const body = Buffer.from(JSON.stringify({ ...fields, ...confirming, [name]: changed[name] }));
      const topicArns = [TOPIC, 'arn:aws:sns:eu-central-1:123456789012:refunds'] as const;
      expect(await outcomeOf(body, { topicArns })).toBe(REFUSED);
    },
  );

  test('are refused with a field of another type, or without one', async () => {
    const fields = JSON.parse(signed().toString());
    for (const name of [
      'Message',
      'MessageId',
      'Timestamp',
      'TopicArn',
      'Type',
      'SignatureVersion',
      'SigningCertURL',
    ]) {
      for (const value of [undefined, null, 1, ['x'], {}]) {
        const body = Buffer.from(JSON.stringify({ ...fields, [name]: value }));
        expect(await outcomeOf(body), `${name} ${JSON.stringify(value)}`).toBe('ERR_WEBHOOK_HEADER_INVALID');
      }
    }
    for (const text of ['', '[]', 'null', '"x"', '{', '\uFEFF{}'])
      expect(await outcomeOf(Buffer.from(text))).toBe('ERR_WEBHOOK_HEADER_INVALID');
    expect(origin.requests).toEqual([]);
  });

  test('without a signature are raw delivery, and the refusal says so', async () => {
    expect(await outcomeOf(Buffer.from('{"order":1}'))).toBe('ERR_WEBHOOK_SIGNATURE_MISSING');
  });

  test("can't be cut into lines in another way", async () => {
    const fields = notification(clock.now(), { Message: 'pay nothing\nMessageId\nx\nSubject\ny' });
    const body = JSON.parse(signSns(fields, genuine.key).toString());
    const recut = {
      ...body,
      Message: 'pay nothing',
      Subject: `y\nMessageId\n${fields.MessageId}\nSubject\nOrder paid`,
    };
    expect(await outcomeOf(Buffer.from(JSON.stringify({ ...recut, MessageId: 'x' })))).toBe(
      'ERR_WEBHOOK_HEADER_INVALID',
    );
    expect(await outcomeOf(Buffer.from(JSON.stringify(recut)))).toBe('ERR_WEBHOOK_HEADER_INVALID');
  });

  test('of another topic are refused, though SNS signed them', async () => {
    for (const TopicArn of [
      'arn:aws:sns:eu-central-1:999999999999:orders',
      `${TOPIC}.fifo`,
      TOPIC.toUpperCase(),
      `${TOPIC}\n`,
    ])
      expect(await outcomeOf(signed({ TopicArn }))).toMatch(/SIGNATURE_MISMATCH|HEADER_INVALID/);
    expect(origin.requests).toEqual([]);
  });

  test('under SHA-1 are refused if only "2" is listed', async () => {
    const options = { signatureVersions: ['2'] } as const;
    expect(await outcomeOf(signed({ SignatureVersion: '1' }), options)).toBe(REFUSED);
    expect(await outcomeOf(signed({ SignatureVersion: '2' }), options)).toBe('accepted');
    const relabelled = { ...JSON.parse(signed({ SignatureVersion: '1' }).toString()), SignatureVersion: '2' };
    expect(await outcomeOf(Buffer.from(JSON.stringify(relabelled)), options)).toBe(REFUSED);
  });

  test('count for an hour and some minutes, which is as long as retries go on', async () => {
    await using verifier = open();
    const body = signed();
    await clock.advance(3900 * SECOND);
    expect(await outcome(verifier, body)).toBe('accepted');
    await clock.advance(SECOND);
    expect(await outcome(verifier, body)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
    const future = signSns(notification(clock.now() + 301 * SECOND), genuine.key);
    expect(await outcome(verifier, future)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
  });

  test('are handled once, and a repetition is a duplicate', async () => {
    await using verifier = open();
    const body = signed();
    let runs = 0;
    const handle = () =>
      verifier.handle({ headers: {}, body }, () => {
        runs += 1;
      });
    expect((await handle()).status).toBe(204);
    expect((await handle()).status).toBe(200);
    expect(runs).toBe(1);
  });
});

describe('confirmations', () => {
  test.each(['SubscriptionConfirmation', 'UnsubscribeConfirmation'])(
    '%s reaches the handler, and no address in it is visited',
    async (Type) => {
      await using verifier = open();
      const body = signSns(confirmation(clock.now(), { Type }), genuine.key);
      const seen: unknown[] = [];
      const answer = await verifier.handle(
        { headers: {}, body },
        (webhook) => void seen.push(snsMessage(webhook)),
      );
      expect(answer.status).toBe(204);
      expect(seen).toMatchObject([{ Type, Token: '2336412f37fb687f5d51e6e2425' }]);
      expect(origin.requests).toEqual([CERTIFICATE_URL]);
    },
  );

  test('with another address or token than was signed are refused', async () => {
    const fields = JSON.parse(signSns(confirmation(clock.now()), genuine.key).toString());
    for (const over of [{ SubscribeURL: 'https://evil.example/' }, { Token: 'other' }])
      expect(await outcomeOf(Buffer.from(JSON.stringify({ ...fields, ...over })))).toBe(REFUSED);
  });
});

describe('the address of the certificate', () => {
  const file = 'SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem';

  test.each([
    `http://${HOST}/${file}`,
    `https://${HOST}:8443/${file}`,
    `https://${HOST}:443/${file}`,
    `https://${HOST}.evil.example/${file}`,
    `https://sns.us-east-1.amazonaws.com.evil.com/${file}`,
    `https://sns.us-east-1.amazonaws.com/${file}`,
    `https://user@${HOST}/${file}`,
    `https://${HOST}@evil.example/${file}`,
    `https://evil.example#@${HOST}/${file}`,
    `https://evil.example/${HOST}/${file}`,
    `https://evil.example\\@${HOST}/${file}`,
    `https://s3.amazonaws.com/${HOST}/${file}`,
    `https://sns-bucket.s3.eu-central-1.amazonaws.com/${file}`,
    `https://${HOST}/${file}?x=.pem`,
    `https://${HOST}/${file}#x.pem`,
    `https://${HOST}/x/../${file}`,
    `https://${HOST}/%2e%2e/${file}`,
    `https://${HOST}//${file}`,
    `https://${HOST}/x.pem.html`,
    `https://${HOST}/.pem`,
    `https://${HOST.toUpperCase()}/${file}`,
    `HTTPS://${HOST}/${file}`,
    `https://${HOST}\t/${file}`,
    ` https://${HOST}/${file}`,
    `//${HOST}/${file}`,
    'file:///etc/passwd.pem',
    `https://${HOST}/${'x'.repeat(300)}.pem`,
  ])('%s is refused, and nothing is fetched', async (SigningCertURL) => {
    origin.serve(SigningCertURL, genuine.pem);
    expect(await outcomeOf(signed({ SigningCertURL }))).toBe(REFUSED);
    expect(origin.requests).toEqual([]);
  });

  test('counts also if the certificate is known already', async () => {
    await using verifier = open();
    expect(await outcome(verifier, signed())).toBe('accepted');
    const SigningCertURL = `https://${HOST}.evil.example/${file}`;
    expect(await outcome(verifier, signed({ SigningCertURL }))).toBe(REFUSED);
  });

  test('of the region of another listed topic is refused for this one', async () => {
    const SigningCertURL = `https://sns.us-east-1.amazonaws.com/${file}`;
    const topicArns = [TOPIC, 'arn:aws:sns:us-east-1:123456789012:orders'] as const;
    expect(await outcomeOf(signed({ SigningCertURL }), { topicArns })).toBe(REFUSED);
    expect(origin.requests).toEqual([]);
  });
});

describe('the certificate of a region', () => {
  // By the SDK of AWS for Java: SnsHostProvider.
  test.each([
    ['aws', 'eu-central-1', 'amazonaws.com', 'sns.amazonaws.com'],
    ['aws', 'eu-south-1', 'amazonaws.com', 'sns-signing.eu-south-1.amazonaws.com'],
    ['aws', 'me-central-1', 'amazonaws.com', 'sns-signing.me-central-1.amazonaws.com'],
    ['aws-us-gov', 'us-gov-west-1', 'amazonaws.com', 'sns-us-gov-west-1.amazonaws.com'],
    ['aws-us-gov', 'us-gov-east-1', 'amazonaws.com', 'sns-us-gov-west-1.amazonaws.com'],
    ['aws-cn', 'cn-north-1', 'amazonaws.com.cn', 'sns-cn-north-1.amazonaws.com.cn'],
    ['aws-eusc', 'eusc-de-east-1', 'amazonaws.eu', 'sns-signing.eusc-de-east-1.amazonaws.eu'],
    ['aws-iso', 'us-iso-east-1', 'c2s.ic.gov', 'sns-us-iso-east-1.c2s.ic.gov'],
  ])('%s, %s', async (partition, region, domain, cn) => {
    const host = `sns.${region}.${domain}`;
    const TopicArn = `arn:${partition}:sns:${region}:123456789012:orders`;
    const SigningCertURL = `https://${host}/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem`;
    const judge = async (subject: string) => {
      await using regional = await startOrigin([host]);
      const { pem, key } = await authority.issue({ ...terms, cn: subject });
      regional.serve(SigningCertURL, pem);
      const scheme = awsSns({ topicArns: [TopicArn] });
      const secrets = certificateSecrets(scheme, { fetch: regional.fetch, clock });
      await using verifier = createVerifier({ scheme, secrets, clock, observe: () => undefined });
      return await outcome(verifier, signSns(notification(clock.now(), { TopicArn, SigningCertURL }), key));
    };
    expect(await judge(cn)).toBe('accepted');
    for (const wrong of [
      'sns-signing.ap-east-1.amazonaws.com',
      `sns-signing.${host}.evil.example`,
      `s3.${domain}`,
    ])
      expect(await judge(wrong)).toBe(REFUSED);
  });

  test('of an unknown partition is refused at construction', () => {
    expect(() => awsSns({ topicArns: ['arn:aws-evil:sns:eu-central-1:123456789012:orders'] })).toThrow(
      'topicArns',
    );
  });
});

describe('what the address returns', () => {
  const pemOf = (made: Promise<Certified>) => made.then(({ pem }) => pem);
  const cases: Record<string, () => Promise<Answer | string | number>> = {
    'a redirect to another host': async () => (_, response) =>
      response.writeHead(302, { location: 'https://evil.example/x.pem' }).end(),
    'a redirect to itself': async () => (_, response) =>
      response.writeHead(301, { location: CERTIFICATE_URL }).end(genuine.pem),
    'a refusal': async () => 403,
    nothing: async () => '',
    'a page': async () => '<html></html>',
    'a body without end': async () => (_, response) => {
      const more = () => {
        while (response.write('x'.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    },
    'a large body': async () => 'x'.repeat(65_537),
    'its own certificate': () => pemOf(selfSigned(terms)),
    'one of another subject': () =>
      pemOf(authority.issue({ ...terms, cn: 'sns.amazonaws.com.evil.example' })),
    'one of a subject with a prefix': () => pemOf(authority.issue({ ...terms, cn: 'evilsns.amazonaws.com' })),
    'one of two subjects': () =>
      pemOf(authority.issue({ ...terms, cn: ['evil.example', 'sns.amazonaws.com'] })),
    'one that has expired': () =>
      pemOf(authority.issue({ ...terms, notBefore: START - 2 * DAY, notAfter: START - SECOND })),
    'that of an authority': () => pemOf(authority.issue({ ...terms, ca: true })),
    'one with a short key': () => pemOf(authority.issue({ ...terms, keys: 'rsa-1024' })),
    'one with a key of another kind': () => pemOf(authority.issue({ ...terms, keys: 'ec' })),
  };

  test.each(Object.entries(cases))('%s is not taken', async (_, answer) => {
    origin.serve(CERTIFICATE_URL, await answer());
    await using verifier = open();
    expect(await outcome(verifier, signed())).toBe(REFUSED);
    expect(origin.requests).toEqual([CERTIFICATE_URL]);
    expect(verifier.health()).toMatchObject({ state: 'ready', secrets: { keys: [] } });
  });

  test('a redirect is refused also if the injected fetch has followed it', async () => {
    origin.serve('https://evil.example/x.pem', genuine.pem);
    origin.serve(CERTIFICATE_URL, (_, response) =>
      response.writeHead(302, { location: 'https://evil.example/x.pem' }).end(),
    );
    const scheme = awsSns({ topicArns: [TOPIC] });
    const fetch: LimitedFetch = (url, request) =>
      origin.fetch(url, { ...request, redirect: 'follow' } as never);
    const secrets = certificateSecrets(scheme, { fetch, clock });
    await using verifier = createVerifier({ scheme, secrets, clock, observe: () => undefined });
    expect(await outcome(verifier, signed())).toBe(REFUSED);
    expect(verifier.health().secrets.keys).toEqual([]);
    expect(origin.requests).toHaveLength(2);
  });

  test('one that is not valid yet counts when it is', async () => {
    const early = await authority.issue({ ...terms, notBefore: START + 60 * SECOND });
    origin.serve(CERTIFICATE_URL, early.pem);
    await using verifier = open();
    const body = signSns(notification(clock.now()), early.key);
    expect(await outcome(verifier, body)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
    await clock.advance(60 * SECOND);
    expect(await outcome(verifier, body)).toBe('accepted');
  });

  test('one that was taken ends when it expires', async () => {
    await using verifier = open();
    expect(await outcome(verifier, signed())).toBe('accepted');
    await clock.advance(DAY);
    expect(await outcome(verifier, signed())).toBe('accepted');
    await clock.advance(SECOND);
    expect(await outcome(verifier, signed())).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
  });

  test.each([
    ['trouble', 503 as const],
    ['too many requests', 429 as const],
  ])('%s leaves the delivery to come back, and is asked again', async (_, status) => {
    origin.serve(CERTIFICATE_URL, status);
    await using verifier = open();
    expect(await outcome(verifier, signed())).toBe('ERR_WEBHOOK_SECRETS_UNCERTAIN');
    origin.serve(CERTIFICATE_URL, genuine.pem);
    await clock.advance(75 * SECOND);
    expect(await outcome(verifier, signed())).toBe('accepted');
  });

  test('too slowly is given up, and the connection ends', async () => {
    let arrived: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    origin.serve(CERTIFICATE_URL, (_, response) => {
      response.write('-----BEGIN ');
      arrived();
    });
    await using verifier = open();
    const answer = outcome(verifier, signed());
    await asked;
    await clock.advance(1 * SECOND);
    expect(await answer).toBe(REFUSED);
    await clock.advance(2 * SECOND);
    expect(verifier.health().secrets.lastReload).toMatchObject({
      error: { code: 'ERR_WEBHOOK_PROVIDER_FAILED' },
    });
    await expect.poll(() => origin.connections(), { timeout: 60_000 }).toBe(0);
  });
});

describe('how often is fetched', () => {
  test('once for many deliveries, also for those that come together', async () => {
    await using verifier = open();
    const together = await Promise.all(Array.from({ length: 20 }, () => outcome(verifier, signed())));
    expect(new Set(together)).toEqual(new Set(['accepted']));
    for (let count = 0; count < 5; count++) expect(await outcome(verifier, signed())).toBe('accepted');
    expect(origin.requests).toEqual([CERTIFICATE_URL]);
  });

  test('for URLs that attackers make up: three at once, then at the pace of the cooldown, and each of them once', async () => {
    await using verifier = open();
    const forged = (name: string) => signed({ SigningCertURL: `https://${HOST}/${name}.pem` });
    for (let count = 0; count < 100; count++)
      expect(await outcome(verifier, forged(`x${count}`))).toBe(REFUSED);
    const fetched = ['x0', 'x1', 'x2'].map((name) => `https://${HOST}/${name}.pem`);
    expect(origin.requests).toEqual(fetched);
    for (let round = 0; round < 5; round++) {
      await clock.advance(13 * SECOND);
      const outcomes = Array.from({ length: 20 }, () => outcome(verifier, forged('x0')));
      // Some wait for a load that may start soon.
      await clock.advance(2 * SECOND);
      await Promise.all(outcomes);
    }
    expect(origin.requests).toEqual(fetched);
    await clock.advance(13 * SECOND);
    expect(await outcome(verifier, signed())).toBe('accepted');
    expect(origin.requests).toEqual([...fetched, CERTIFICATE_URL]);
  });

  test('a certificate that was not there is asked for again after five minutes', async () => {
    await using verifier = open();
    origin.serve(CERTIFICATE_URL, 404);
    expect(await outcome(verifier, signed())).toBe(REFUSED);
    origin.serve(CERTIFICATE_URL, genuine.pem);
    await clock.advance(299 * SECOND);
    expect(await outcome(verifier, signed())).toBe(REFUSED);
    await clock.advance(13 * SECOND);
    expect(await outcome(verifier, signed())).toBe('accepted');
  });

  test('a certificate that was revoked here is not fetched again', async () => {
    await using verifier = open();
    expect(await outcome(verifier, signed())).toBe('accepted');
    const [key] = verifier.health().secrets.keys;
    await verifier.revoke(key?.id ?? '');
    await clock.advance(600 * SECOND);
    expect(await outcome(verifier, signed())).toBe(REFUSED);
    expect(origin.requests).toEqual([CERTIFICATE_URL]);
  });

  test('eight certificates are kept', async () => {
    await using verifier = open();
    for (let count = 0; count < 9; count++) {
      const SigningCertURL = `https://${HOST}/c${count}.pem`;
      const made = await authority.issue(terms);
      origin.serve(SigningCertURL, made.pem);
      const body = signSns(notification(clock.now(), { SigningCertURL }), made.key);
      expect(await outcome(verifier, body)).toBe('accepted');
      await clock.advance(13 * SECOND);
    }
    expect(verifier.health().secrets.keys).toHaveLength(8);
  });
});

describe('options', () => {
  test.each([
    {},
    { topicArns: [] },
    { topicArns: TOPIC },
    { topicArns: ['orders'] },
    { topicArns: [`${TOPIC}:sub`] },
    { topicArns: ['arn:aws:sns:eu-central-1:123456789012:*'] },
    { topicArns: ['arn:aws-evil:sns:eu-central-1:123456789012:orders'] },
    { topicArns: [TOPIC], signatureVersions: [] },
    { topicArns: [TOPIC], signatureVersions: ['3'] },
    { topicArns: [TOPIC], topicArn: TOPIC },
  ])('%o are refused', (options) => {
    expect(() => awsSns(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });

  test('a certificate given directly needs no fetch', async () => {
    const scheme = awsSns({ topicArns: [TOPIC] });
    await using verifier = createVerifier({ scheme, secrets: genuine.pem.trim(), clock });
    expect(await outcome(verifier, signed())).toBe('accepted');
    await clock.advance(2 * DAY);
    expect(await outcome(verifier, signed())).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
  });
});
