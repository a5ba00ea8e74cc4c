import { createHmac } from 'node:crypto';
import {
  createVerifier,
  type DefinedScheme,
  defineScheme,
  memoryReplayStore,
  type SchemeDefinition,
  type VerifiedWebhook,
} from '@countersign/core';
import { describe, expect, test } from 'vitest';

// The type of an event, and two events that differ only in a header that nobody signs.

const SECRET = '0123456789abcdef0123456789abcdef';
const BASE: SchemeDefinition = {
  name: 'shop',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
};
const define = (changes: Partial<SchemeDefinition>): DefinedScheme =>
  defineScheme({ ...BASE, ...changes } as SchemeDefinition);
const signature = (content: string) => createHmac('sha256', SECRET).update(content).digest('hex');

function verify(
  scheme: DefinedScheme,
  body: string,
  headers: Record<string, string> = {},
  content = body,
): Promise<VerifiedWebhook> {
  const verifier = createVerifier({ scheme, secrets: SECRET, replay: false });
  return verifier.verify({
    headers: { 'x-signature': signature(content), ...headers },
    body: Buffer.from(body),
  });
}

describe('the type of an event', () => {
  test('is unknown if the scheme does not know where it is', async () => {
    expect(await verify(define({}), '{"type":"paid"}')).toMatchObject({ typeAuthenticated: false });
    expect((await verify(define({}), '{"type":"paid"}')).type).toBeUndefined();
  });

  test.each([
    ['{"event":{"type":"paid"}}', 'paid'],
    ['{"event":{"type":7}}', '7'],
    ['{"event":{"type":""}}', undefined],
    ['{"event":{"type":{}}}', undefined],
    ['{"event":{}}', undefined],
    ['[]', undefined],
    ['no JSON', undefined],
    ['', undefined],
  ])('is a field of the body, signed with it: %s', async (body, type) => {
    const webhook = await verify(define({ eventType: { bodyField: 'event.type' } }), body);
    expect(webhook.type).toBe(type);
    expect(webhook.typeAuthenticated).toBe(type !== undefined);
    expect(webhook.id).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is not authenticated in a body that is not signed', async () => {
    const signed: SchemeDefinition['signed'] = {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{field:id}',
    };
    const scheme = define({ signed, identity: 'content', eventType: { bodyField: 'type' } });
    expect(await verify(scheme, '{"id":"1","type":"paid"}', {}, '1')).toMatchObject({
      type: 'paid',
      typeAuthenticated: false,
    });
    const nested = `{"id":"1","type":"paid","a":${'['.repeat(150)}${']'.repeat(150)}}`;
    expect((await verify(scheme, nested, {}, '1')).type).toBe('paid');
  });

  test('is authenticated if it is the field that is signed', async () => {
    const signed: SchemeDefinition['signed'] = {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{field:id}.{field:type}',
    };
    const scheme = define({ signed, identity: 'content', eventType: { bodyField: 'type' } });
    expect(await verify(scheme, '{"id":"1","type":"paid"}', {}, '1.paid')).toMatchObject({
      type: 'paid',
      typeAuthenticated: true,
    });
  });

  test('is a header that is not signed', async () => {
    const scheme = define({ eventType: { header: 'x-topic' } });
    expect(await verify(scheme, '{}', { 'x-topic': 'paid' })).toMatchObject({
      type: 'paid',
      typeAuthenticated: false,
    });
    const absent = await verify(scheme, '{}');
    expect(absent.type).toBeUndefined();
    expect(absent.typeAuthenticated).toBe(false);
    const verifier = createVerifier({ scheme, secrets: SECRET, replay: false });
    const repeated = ['x-signature', signature('{}'), 'x-topic', 'paid', 'x-topic', 'sent'];
    expect((await verifier.verify({ headers: repeated, body: Buffer.from('{}') })).type).toBeUndefined();
  });

  test.each([
    ['a part of its own', 't={header:x-topic};b={body}', true],
    ['a part that may be absent', '[t={header:x-topic};]b={body}', false],
  ])('is a header that is signed: %s', async (_, content, authenticated) => {
    const signed = { ...BASE.signed, content } as SchemeDefinition['signed'];
    const scheme = define({ signed, eventType: { header: 'x-topic' } });
    expect(await verify(scheme, '{}', { 'x-topic': 'paid' }, 't=paid;b={}')).toMatchObject({
      type: 'paid',
      typeAuthenticated: authenticated,
    });
  });
});

describe('splitBy', () => {
  const split = { header: 'x-topic', values: ['order.created', 'order.updated'] } as const;

  /** What runs, in order, and the statuses. */
  async function deliver(scheme: DefinedScheme, topics: readonly (string | undefined)[]) {
    const store = memoryReplayStore();
    await using verifier = createVerifier({ scheme, secrets: SECRET, replay: store });
    const ran: (string | undefined)[] = [];
    for (const topic of topics) {
      const headers = {
        'x-signature': signature('{"id":1}'),
        ...(topic === undefined ? {} : { 'x-topic': topic }),
      };
      await verifier.handle({ headers, body: Buffer.from('{"id":1}') }, (webhook) => {
        ran.push(webhook.type);
      });
    }
    return ran;
  }

  test('runs the same body once for each of its texts', async () => {
    const scheme = define({ eventType: { header: 'x-topic' }, splitBy: split });
    const topics = ['order.created', 'order.updated', 'order.created', 'order.updated'];
    expect(await deliver(scheme, topics)).toEqual(['order.created', 'order.updated']);
  });

  test('counts any other text as none, so that a captured delivery can not be run under made-up topics', async () => {
    const scheme = define({ eventType: { header: 'x-topic' }, splitBy: split });
    const topics = ['a', 'b', undefined, 'order.created ', 'ORDER.CREATED', '__proto__', 'a'];
    expect(await deliver(scheme, topics)).toEqual(['a']);
  });

  test('does not change who a delivery is for a `deliveryKey`', async () => {
    const scheme = define({ splitBy: split });
    await using verifier = createVerifier({ scheme, secrets: SECRET, deliveryKey: ({ id }) => id });
    let runs = 0;
    for (const topic of split.values)
      await verifier.handle(
        {
          headers: { 'x-signature': signature('{}'), 'x-topic': topic },
          body: Buffer.from('{}'),
        },
        () => void runs++,
      );
    expect(runs).toBe(1);
  });
});

test('form() reads the fields of a form', async () => {
  const webhook = await verify(define({}), 'payload=%7B%22a%22%3A1%7D&name=Zo%C3%AB+Z');
  expect(Object.fromEntries(webhook.form())).toEqual({ payload: '{"a":1}', name: 'Zoë Z' });
  const verifier = createVerifier({ scheme: define({}), secrets: SECRET, replay: false });
  const body = Buffer.from([0xff, 0x3d]);
  const headers = { 'x-signature': createHmac('sha256', SECRET).update(body).digest('hex') };
  const broken = await verifier.verify({ headers, body });
  expect(() => broken.form()).toThrow(expect.objectContaining({ code: 'ERR_WEBHOOK_BODY_INVALID' }));
});
