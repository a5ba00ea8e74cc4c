import { createHmac } from 'node:crypto';
import { isWebhookError, replayRecord, type WebhookRequest } from '@countersign/core';
import { contentful, grafana, lever, mailgunRoutes, plivo } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { judgeAt, outcomeAt } from './support/jwt/judge.ts';

const NOW = 1_900_000_000;
const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a4968';
const hex = (content: string) => createHmac('sha256', SECRET).update(content).digest('hex');

async function keyOf(
  options: Parameters<typeof judgeAt>[1],
  request: WebhookRequest,
  seconds = NOW,
): Promise<string> {
  const webhook = await judgeAt(seconds, options, request);
  if (isWebhookError(webhook)) throw webhook;
  return replayRecord(webhook).key;
}

describe('lever', () => {
  const options = { scheme: lever(), secrets: SECRET };
  const bodyOf = (token: string, triggeredAt = NOW * 1000, more: object = {}) =>
    Buffer.from(
      JSON.stringify({
        event: 'candidateHired',
        triggeredAt,
        token,
        signature: hex(`${token}${triggeredAt}`),
        ...more,
      }),
    );

  test('accepts the token and the time that are signed, and shows that the body is not', async () => {
    expect(await judgeAt(NOW, options, { headers: {}, body: bodyOf('t1') })).toMatchObject({
      bodyAuthenticated: false,
    });
    expect(
      await outcomeAt(NOW, options, { headers: {}, body: bodyOf('t1', undefined, { token: 't2' }) }),
    ).toBe('SIGNATURE_MISMATCH');
  });

  test('is one delivery by its token, whatever else the body says', async () => {
    const first = await keyOf(options, { headers: {}, body: bodyOf('t1') });
    expect(await keyOf(options, { headers: {}, body: bodyOf('t1', undefined, { data: 'forged' }) })).toBe(
      first,
    );
    expect(await keyOf(options, { headers: {}, body: bodyOf('t2') })).not.toBe(first);
  });

  test('lets no digit move between the token and the time', async () => {
    const body = (token: string, triggeredAt: number) =>
      Buffer.from(JSON.stringify({ triggeredAt, token, signature: hex(`t1${NOW}000`) }));
    const moved = Number(String(NOW).slice(1)) * 1000;
    expect(await outcomeAt(NOW, options, { headers: {}, body: body('t1', NOW * 1000) })).toBe('accepted');
    expect(await outcomeAt(NOW, options, { headers: {}, body: body(`t1${String(NOW)[0]}`, moved) })).not.toBe(
      'accepted',
    );
  });
});

describe('mailgun routes', () => {
  const options = { scheme: mailgunRoutes(), secrets: SECRET };
  const fields = (token: string, time = String(NOW)) => ({
    recipient: 'a@example.com',
    'body-plain': 'Grüße & more',
    timestamp: time,
    token,
    signature: hex(`${time}${token}`),
  });
  const urlencoded = (values: Record<string, string>): WebhookRequest => ({
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(new URLSearchParams(values).toString()),
  });
  const multipart = async (values: Record<string, string>): Promise<WebhookRequest> => {
    const form = new FormData();
    for (const [name, value] of Object.entries(values)) form.append(name, value);
    form.append('attachment-1', new Blob([Buffer.from([0, 255, 13, 10, 45, 45])]), 'a.bin');
    const request = new Request('https://example.com', { method: 'POST', body: form });
    return {
      headers: { 'content-type': request.headers.get('content-type') ?? '' },
      body: Buffer.from(await request.arrayBuffer()),
    };
  };

  test('are read from both kinds of forms, as one delivery', async () => {
    const first = await keyOf(options, urlencoded(fields('t1')));
    expect(await keyOf(options, await multipart(fields('t1')))).toBe(first);
    expect(await keyOf(options, await multipart(fields('t2')))).not.toBe(first);
  });

  test.each([
    ['another token', { token: 't2' }],
    ['another time', { timestamp: String(NOW + 1) }],
  ])('are refused with %s', async (_, change) => {
    const changed = { ...fields('t1'), ...change };
    expect(await outcomeAt(NOW, options, urlencoded(changed))).toBe('SIGNATURE_MISMATCH');
    expect(await outcomeAt(NOW, options, await multipart(changed))).toBe('SIGNATURE_MISMATCH');
  });

  test('are refused without a signature, and when they are old', async () => {
    const { signature: _, ...without } = fields('t1');
    expect(await outcomeAt(NOW, options, urlencoded(without))).toBe('SIGNATURE_MISSING');
    expect(await outcomeAt(NOW + 32_401, options, urlencoded(fields('t1')))).toBe('TIMESTAMP_TOO_OLD');
  });
});

describe('contentful', () => {
  const publicUrl = 'https://hooks.example.com/contentful';
  const options = { scheme: contentful(), secrets: SECRET, publicUrl };
  const NAMES = [
    'content-type',
    'x-contentful-signed-headers',
    'x-contentful-timestamp',
    'x-contentful-topic',
  ];

  /** A request as its library signs it: names in lower case and sorted. */
  function request({
    body = '{"sys":{"id":"a"}}',
    seconds = NOW,
    method = 'POST',
    path = '/contentful',
    more = {} as Record<string, string>,
  } = {}): WebhookRequest {
    const names = [...NAMES, ...Object.keys(more)].sort();
    const headers: Record<string, string> = {
      'content-type': 'application/vnd.contentful.management.v1+json',
      'x-contentful-topic': 'ContentManagement.Entry.publish',
      'x-contentful-timestamp': `${seconds}000`,
      'x-contentful-signed-headers': names.join(','),
      ...more,
    };
    const lines = names.map((name) => `${name}:${headers[name]}`).join(';');
    const signature = hex(`${method}\n${path}\n${lines}\n${body}`);
    return {
      method,
      url: path,
      headers: { ...headers, 'x-contentful-signature': signature },
      body: Buffer.from(body),
    };
  }

  test('covers method, path, the listed headers and the body', async () => {
    expect(await judgeAt(NOW, options, request())).toMatchObject({ bodyAuthenticated: true });
    const { headers, ...rest } = request();
    const changes: WebhookRequest[] = [
      { ...rest, headers, method: 'PUT' },
      { ...rest, headers, body: Buffer.from('{}') },
      { ...rest, headers: { ...headers, 'x-contentful-topic': 'ContentManagement.Entry.delete' } },
    ];
    for (const changed of changes) expect(await outcomeAt(NOW, options, changed)).toBe('SIGNATURE_MISMATCH');
    const elsewhere = { ...options, publicUrl: 'https://hooks.example.com/other' };
    expect(await outcomeAt(NOW, elsewhere, request())).toBe('SIGNATURE_MISMATCH');
  });

  test('is one delivery in every try', async () => {
    const first = await keyOf(options, request());
    expect(await keyOf(options, request({ seconds: NOW + 60 }), NOW + 60)).toBe(first);
    expect(await keyOf(options, request({ body: '{}' }))).not.toBe(first);
  });

  test('is checked by its signed time', async () => {
    expect(await outcomeAt(NOW + 301, options, request())).toBe('TIMESTAMP_TOO_OLD');
    expect(await outcomeAt(NOW - 301, options, request())).toBe('TIMESTAMP_TOO_NEW');
  });

  test('takes further headers only if they are named', async () => {
    const given = request({ more: { 'x-own': 'a' } });
    expect(await outcomeAt(NOW, options, given)).toBe('HEADER_INVALID');
    const scheme = contentful({ headers: { 'x-own': 0 } });
    expect(await outcomeAt(NOW, { ...options, scheme }, given)).toBe('accepted');
    expect(
      await outcomeAt(NOW, { ...options, scheme }, request({ more: { 'x-own': 'a;x-contentful-topic:b' } })),
    ).toBe('HEADER_INVALID');
  });

  test.each([{ header: {} }, { headers: [] }, { headers: 'x-own' }])('refuses options: %j', (given) => {
    expect(() => contentful(given as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });
});

describe('plivo, V3', () => {
  const publicUrl = 'https://hooks.example.com/plivo';
  const options = { scheme: plivo(), secrets: SECRET, publicUrl };
  const sorted = (fields: Record<string, string>) =>
    Object.keys(fields)
      .sort()
      .map((name) => `${name}${fields[name]}`)
      .join('');
  const request = (
    fields: Record<string, string>,
    { nonce = '12345', url = '/plivo' } = {},
  ): WebhookRequest => ({
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-plivo-signature-v3-nonce': nonce,
      // The first is under a token that was replaced.
      'x-plivo-signature-v3': ['0'.repeat(32), SECRET]
        .map((key) =>
          createHmac('sha256', key)
            .update(`${publicUrl}?${sorted(fields)}.${nonce}`)
            .digest('base64'),
        )
        .join(','),
    },
    body: Buffer.from(new URLSearchParams(fields).toString()),
  });
  const fields = { To: '+1555', From: '+1666', Text: 'größer & 1+1=2' };

  test('covers the form and the nonce', async () => {
    expect(await judgeAt(NOW, options, request(fields))).toMatchObject({ bodyAuthenticated: true });
    const { headers, ...rest } = request(fields);
    const changes: WebhookRequest[] = [
      { ...rest, headers, body: Buffer.from('To=%2B1555') },
      { ...rest, headers: { ...headers, 'x-plivo-signature-v3-nonce': '2' } },
    ];
    for (const changed of changes) expect(await outcomeAt(NOW, options, changed)).toBe('SIGNATURE_MISMATCH');
    expect(
      await outcomeAt(NOW, { ...options, publicUrl: 'https://hooks.example.com/x' }, request(fields)),
    ).toBe('SIGNATURE_MISMATCH');
  });

  test('is one delivery however its text is divided among the fields', async () => {
    const first = await keyOf(options, request({ Text: 'ab' }));
    const moved = { ...request({ Text: 'ab' }), body: Buffer.from('Texta=b') };
    expect(await keyOf(options, moved)).toBe(first);
    expect(await keyOf(options, request({ Text: 'ac' }))).not.toBe(first);
  });
});

test.each([{ timestampHeader: 'X-Time' }, { timestampHeader: '' }, { header: 'x' }])(
  'grafana refuses options: %j',
  (given) => {
    expect(() => grafana(given as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  },
);
