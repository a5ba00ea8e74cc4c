import { gzipSync } from 'node:zlib';
import { createVerifier, memoryReplayStore, type ReplayStore, type VerifierOptions } from '@countersign/core';
import {
  type LambdaContext,
  type LambdaEvent,
  type LambdaResult,
  type WebhookOptions,
  webhookHandler,
} from '@countersign/lambda';
import { github, hubspot } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { emulator } from '../../../test/support/lambda/emulator.ts';
import { LAMBDA_HOSTS, type LambdaHostName } from '../../../test/support/lambda/hosts.ts';
import { listen } from '../../../test/support/listen.ts';

const SECRET = 'a-signing-secret-of-32-characters';
const BODY = '{"id":1}';
const CONTEXT: LambdaContext = {
  awsRequestId: 'request-1',
  functionName: 'webhooks',
  getRemainingTimeInMillis: () => 3000,
};

function setUp(options: Partial<VerifierOptions> = {}) {
  const codes: string[] = [];
  const verifier = createVerifier({
    scheme: github(),
    secrets: SECRET,
    observe: (event) => {
      if (event.type !== 'secrets-loaded') codes.push(event.type === 'refused' ? event.code : event.type);
    },
    ...options,
  });
  return { verifier, codes };
}

function signedHeaders(): Record<string, string> {
  return { ...sign(github(), { secret: SECRET, body: BODY }).headers };
}

const http = (more: object = {}): LambdaEvent => ({
  rawPath: '/hook',
  rawQueryString: '',
  headers: signedHeaders(),
  requestContext: { http: { method: 'POST', path: '/hook' } },
  body: BODY,
  isBase64Encoded: false,
  ...more,
});
const rest = (more: object = {}): LambdaEvent => ({
  httpMethod: 'POST',
  path: '/hook',
  headers: signedHeaders(),
  requestContext: { path: '/hook' },
  body: BODY,
  isBase64Encoded: false,
  ...more,
});
const loadBalanced = (more: object = {}): LambdaEvent =>
  rest({ requestContext: { elb: { targetGroupArn: 'arn' } }, ...more });

function asLists(headers: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
}

/** What a function returns for a genuine delivery that its handler answers so. */
async function resultOf(returned: unknown, event = http()) {
  const { verifier, codes } = setUp();
  const receive = webhookHandler(verifier, () => returned);
  return { result: await receive(event, CONTEXT), settled: codes.at(-1) };
}

describe('an event', () => {
  it.each([
    ['of format 2.0 or a function URL', http()],
    ['of format 1.0', rest()],
    ['of format 1.0 with lists only', rest({ headers: null, multiValueHeaders: asLists(signedHeaders()) })],
    ['of format 1.0 with empty lists', rest({ multiValueHeaders: {} })],
    ['of format 1.0 without a context', rest({ requestContext: undefined })],
    ['of a load balancer', loadBalanced()],
    ['in base64', http({ body: Buffer.from(BODY).toString('base64'), isBase64Encoded: true })],
  ])('%s is verified, and the handler gets it with the context', async (_, event) => {
    const { verifier } = setUp();
    const given: unknown[] = [];
    const receive = webhookHandler(verifier, (webhook, ...more) => {
      given.push(webhook.text(), ...more);
    });
    expect((await receive(event, CONTEXT)).statusCode).toBe(204);
    expect(given).toEqual([BODY, event, CONTEXT]);
    expect((await receive(event, CONTEXT)).statusCode).toBe(200);
    expect(given).toHaveLength(3);
  });

  it.each([
    ['format 1.0', rest({ headers: {}, multiValueHeaders: repeated() })],
    ['a load balancer', loadBalanced({ headers: undefined, multiValueHeaders: repeated() })],
  ])('of %s shows a repeated header', async (_, event) => {
    const { verifier, codes } = setUp();
    await webhookHandler(verifier, () => 204)(event, CONTEXT);
    expect(codes).toEqual(['ERR_WEBHOOK_HEADER_INVALID']);
  });

  function repeated() {
    const [name = '', value = ''] =
      Object.entries(signedHeaders()).find(([key]) => /signature/i.test(key)) ?? [];
    return { [name]: [value, value] };
  }

  it.each<[string, unknown, RegExp]>([
    ['of a queue', { Records: [{ body: SECRET }] }, /has the fields: Records\./],
    ['of a WebSocket API', { requestContext: { connectionId: '1' } }, /has the fields: requestContext\./],
    ['with a method alone', { httpMethod: 'POST', body: SECRET }, /has the fields: httpMethod, body\./],
    ['with a path alone', { path: '/', body: SECRET }, /has the fields: path, body\./],
    [
      'with many fields',
      Object.fromEntries([...'abcdefghijkl'].map((name) => [name, 1])),
      /: a, b, c, d, e, f, g, h, i, j\./,
    ],
    ['without fields', {}, /has the fields: none\./],
    ['that is null', null, /is null\./],
    ['that is missing', undefined, /is undefined\./],
    ['that is text', SECRET, /is string\./],
  ])('%s is refused by an error that names the known formats, and what it is', async (_, event, seen) => {
    const { verifier } = setUp();
    const receive = webhookHandler(verifier, () => 204);
    const error = await receive(event as LambdaEvent, CONTEXT).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'WebhookError', code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    for (const known of ['payload format 1.0', 'payload format 2.0', 'function URL', 'Load Balancer', seen])
      expect(error.message).toMatch(known);
    expect(error.message).not.toContain(SECRET);
  });

  it.each<[string, LambdaEvent, string]>([
    ['format 2.0', http({ rawQueryString: 'a=%20+&a=2&b' }), 'POST /hook?a=%20+&a=2&b'],
    ['format 2.0 without a query', http(), 'POST /hook'],
    [
      'format 2.0 without rawPath',
      http({
        rawPath: undefined,
        rawQueryString: undefined,
        requestContext: { http: { method: 'PUT', path: '/p' } },
      }),
      'PUT /p',
    ],
    [
      'format 1.0, decoded',
      rest({
        multiValueQueryStringParameters: { 'a b': ['1&2', '%'], c: ['é'] },
        queryStringParameters: { c: 'x' },
      }),
      'POST /hook?a%20b=1%262&a%20b=%25&c=%C3%A9',
    ],
    ['format 1.0 with single values', rest({ queryStringParameters: { a: '=' } }), 'POST /hook?a=%3D'],
    [
      'format 1.0 with a stage',
      rest({ requestContext: { path: '/prod/hook' }, queryStringParameters: null }),
      'POST /prod/hook',
    ],
    [
      'a load balancer, as received',
      loadBalanced({ queryStringParameters: { 'a%20b': '1%26+', c: undefined } }),
      'POST /hook?a%20b=1%26+',
    ],
    [
      'a load balancer with lists',
      loadBalanced({ multiValueQueryStringParameters: { a: ['%31', '2'], c: undefined } }),
      'POST /hook?a=%31&a=2',
    ],
  ])('of %s tells the scheme the method and the address', async (_, event, wanted) => {
    const real = github();
    const told: string[] = [];
    const parseHead: typeof real.parseHead = (head) => {
      told.push(`${head.method} ${head.url}`);
      return real.parseHead(head);
    };
    const { verifier } = setUp({ scheme: { ...real, parseHead } });
    await webhookHandler(verifier, () => 204)(event, CONTEXT);
    expect(told).toEqual([wanted]);
  });

  it('of a sender that signs the address with its query is verified', async () => {
    const publicUrl = 'https://example.com/prod/hook';
    const scheme = hubspot();
    const { headers, body } = sign(scheme, {
      secret: SECRET,
      body: BODY,
      method: 'POST',
      url: `${publicUrl}?tenant=a%20b&tenant=c`,
    });
    const tenant = ['a b', 'c'];
    for (const event of [
      http({ rawPath: '/prod/hook', rawQueryString: 'tenant=a%20b&tenant=c' }),
      rest({ multiValueQueryStringParameters: { tenant } }),
      loadBalanced({ multiValueQueryStringParameters: { tenant: ['a%20b', 'c'] } }),
    ]) {
      const { verifier, codes } = setUp({ scheme, publicUrl });
      const receive = webhookHandler(verifier, () => 204);
      const { statusCode } = await receive(
        { ...event, headers, body: Buffer.from(body).toString() },
        CONTEXT,
      );
      expect(statusCode, codes.join()).toBe(204);
    }
  });
});

describe('a body', () => {
  it.each([null, undefined])('that is %s is empty', async (body) => {
    const { verifier } = setUp();
    const { headers } = sign(github(), { secret: SECRET, body: '' });
    const receive = webhookHandler(verifier, (webhook) => (webhook.body.byteLength === 0 ? 204 : 500));
    expect((await receive(http({ headers, body }), CONTEXT)).statusCode).toBe(204);
  });

  it('that something has parsed gets 500, unless rawBody has the bytes', async () => {
    const { verifier, codes } = setUp();
    const event = http({ body: JSON.parse(BODY), rawBody: BODY });
    expect((await webhookHandler(verifier, () => 204)(event, CONTEXT)).statusCode).toBe(500);
    expect(codes).toEqual(['ERR_WEBHOOK_BODY_CONSUMED']);
    const receive = webhookHandler<LambdaEvent & { rawBody?: string }>(verifier, () => 204, {
      rawBody: async ({ rawBody }, context) =>
        context === CONTEXT && rawBody !== undefined ? Buffer.from(rawBody) : undefined,
    });
    expect((await receive(event, CONTEXT)).statusCode).toBe(204);
  });

  it.each([
    ['text', BODY, false],
    ['base64', Buffer.from(BODY).toString('base64'), true],
  ])('of %s is measured in bytes', async (_, body, isBase64Encoded) => {
    const { verifier } = setUp();
    const statuses: number[] = [];
    for (const maxBodyBytes of [BODY.length - 1, BODY.length]) {
      const receive = webhookHandler(verifier, () => 204, { maxBodyBytes });
      statuses.push((await receive(http({ body, isBase64Encoded }), CONTEXT)).statusCode);
    }
    expect(statuses).toEqual([413, 204]);
  });

  it.each([
    ['Content-Encoding', http()],
    ['content-encoding', rest()],
  ])('with %s is refused', async (name, event) => {
    const { verifier, codes } = setUp();
    const headers = { ...event.headers, [name]: 'gzip' };
    const { statusCode } = await webhookHandler(verifier, () => 204)({ ...event, headers }, CONTEXT);
    expect([statusCode, codes]).toEqual([415, ['ERR_WEBHOOK_BODY_ENCODED']]);
  });
});

it('a compressed body is decompressed if the options say so', async () => {
  const { verifier } = setUp();
  const receive = webhookHandler(verifier, (webhook) => new Response(webhook.text()), {
    contentEncoding: 'decompress',
  });
  const headers = { ...signedHeaders(), 'content-encoding': 'gzip' };
  const body = gzipSync(BODY).toString('base64');
  expect((await receive(http({ headers, body, isBase64Encoded: true }), CONTEXT)).body).toBe(BODY);
});

describe('what a handler returns', () => {
  it.each<[string, unknown, Partial<LambdaResult>, string]>([
    ['nothing', undefined, { statusCode: 204, headers: {}, body: '' }, 'committed'],
    ['null', null, { statusCode: 204, headers: {}, body: '' }, 'committed'],
    ['bytes', new Blob(['ok']), { statusCode: 204, headers: {}, body: '' }, 'committed'],
    ['the last status', { statusCode: 599 }, { statusCode: 599, body: '' }, 'released'],
    ['a status', 202, { statusCode: 202, headers: {}, body: '' }, 'committed'],
    ['a status of failure', 503, { statusCode: 503, headers: {}, body: '' }, 'released'],
    [
      'a result',
      { statusCode: 201, headers: { 'x-a': 1 }, cookies: ['a=1'], body: 'made' },
      { statusCode: 201, headers: { 'x-a': 1 }, cookies: ['a=1'], body: 'made' },
      'committed',
    ],
    ['a result without a body', { statusCode: 200, body: null }, { statusCode: 200, body: '' }, 'committed'],
    [
      'a result in base64 with lists',
      { statusCode: 200, multiValueHeaders: { a: ['1', '2'] }, body: 'AP8=', isBase64Encoded: true },
      { statusCode: 200, headers: { a: '1, 2' }, body: 'AP8=', isBase64Encoded: true },
      'committed',
    ],
    ['a result of failure', { statusCode: 500 }, { statusCode: 500, body: '' }, 'released'],
    [
      'a result of a class',
      new (class {
        get statusCode() {
          return 500;
        }
      })(),
      { statusCode: 500, body: '' },
      'released',
    ],
    [
      'a Response',
      new Response('ok', { status: 201, headers: { 'x-a': '1' } }),
      { statusCode: 201, headers: expect.objectContaining({ 'x-a': '1' }), body: 'ok' },
      'committed',
    ],
    [
      'a Response of bytes that are not text',
      new Response(Uint8Array.of(0, 255)),
      { statusCode: 200, headers: {}, body: 'AP8=', isBase64Encoded: true },
      'committed',
    ],
    [
      "a verifier's response",
      { status: 200, headers: { a: '1' }, body: Uint8Array.of(0, 255) },
      { statusCode: 200, headers: { a: '1' }, body: 'AP8=', isBase64Encoded: true },
      'committed',
    ],
  ])('%s is the result', async (_, returned, wanted, settled) => {
    expect(await resultOf(returned)).toEqual({ result: { isBase64Encoded: false, ...wanted }, settled });
  });

  it.each<[string, unknown]>([
    ['a status as text', { statusCode: '200' }],
    ['a status that ends no request', { statusCode: 101 }],
    ['a status above 599', { statusCode: 600 }],
    ['a fraction', { statusCode: 200.5 }],
    ['a body that is not text', { statusCode: 200, body: { a: 1 } }],
    ['Response.error()', Response.error()],
    ['an error', Object.assign(new Error('not thrown'), { statusCode: 200 })],
  ])(
    'as %s would be 502 although the delivery is committed: it is released, with 500',
    async (_, returned) => {
      const { result, settled } = await resultOf(returned);
      expect([result.statusCode, settled]).toEqual([500, 'released']);
    },
  );

  it.each<[string, unknown, object, object]>([
    ['a status', 200, { headers: {} }, { multiValueHeaders: {} }],
    [
      'a result',
      { statusCode: 200, headers: { a: 1, b: 'x' }, multiValueHeaders: { b: ['y', 'z'], c: ['1'] } },
      { headers: { a: 1, b: 'x', c: '1' } },
      { multiValueHeaders: { a: [1], b: ['y', 'z'], c: ['1'] } },
    ],
  ])('as %s has the kind of headers that the load balancer wants', async (_, returned, single, lists) => {
    const common = { statusCode: 200, statusDescription: '200 OK', body: '', isBase64Encoded: false };
    for (const event of [loadBalanced(), loadBalanced({ multiValueHeaders: null })])
      expect((await resultOf(returned, event)).result).toEqual({ ...common, ...single });
    const event = loadBalanced({ headers: undefined, multiValueHeaders: asLists(signedHeaders()) });
    expect((await resultOf(returned, event)).result).toEqual({ ...common, ...lists });
  });

  describe.each(Object.keys(LAMBDA_HOSTS) as LambdaHostName[])('behind a %s', (host) => {
    const many = { 'X-A': ['1', '2'], 'Set-Cookie': ['a=1', 'b=2; Expires=Wed, 21 Oct 2015 07:28:00 GMT'] };
    const cookies = many['Set-Cookie'];
    it.each<[string, () => unknown]>([
      ['a Response', () => new Response('', { headers: pairsOf(many) })],
      ['a result with lists', () => ({ statusCode: 200, multiValueHeaders: many })],
      [
        'a result with cookies of their own',
        () => ({ statusCode: 200, headers: { 'x-a': '1, 2' }, cookies: many['Set-Cookie'] }),
      ],
    ])('%s keeps every value of its headers', async (_, returned) => {
      const { verifier } = setUp();
      const server = await listen(emulator(LAMBDA_HOSTS[host], webhookHandler(verifier, returned) as never));
      onTestFinished(() => server.close());
      const { headers } = await fetch(`http://127.0.0.1:${server.port}/`, {
        ...{
          method: 'POST',
          body: BODY,
          headers: { ...signedHeaders(), 'content-type': 'application/json' },
        },
      });
      expect(headers.get('x-a')).toBe('1, 2');
      // A load balancer has no way to send two, unless multi-value headers are on.
      expect(headers.getSetCookie()).toEqual(host === 'load balancer' ? cookies.slice(-1) : cookies);
    });
  });

  function pairsOf(lists: Record<string, string[]>): [string, string][] {
    return Object.entries(lists).flatMap(([name, values]) =>
      values.map((value): [string, string] => [name, value]),
    );
  }

  it('keeps its own description, and has one for a status without a name', async () => {
    const described = { statusCode: 200, statusDescription: '200 Fine' };
    expect((await resultOf(described, loadBalanced())).result.statusDescription).toBe('200 Fine');
    expect((await resultOf(299, loadBalanced())).result.statusDescription).toBe('299');
  });
});

describe('a refusal', () => {
  it('is a result of Lambda, for the wrong tenant too', async () => {
    const refused = { statusCode: 401, body: '{"error":"webhook refused"}', isBase64Encoded: false };
    const { verifier } = setUp();
    expect(await webhookHandler(verifier, () => 204)(http({ headers: {} }), CONTEXT)).toMatchObject(refused);
    const codes: string[] = [];
    const receive = webhookHandler(
      async (event) => (event.rawPath === '/known' ? verifier : undefined),
      () => 204,
      {
        observe: ({ type }) => codes.push(type),
      },
    );
    expect(await receive(http(), CONTEXT)).toMatchObject(refused);
    expect(codes).toEqual(['unrouted']);
    expect((await receive(http({ rawPath: '/known' }), CONTEXT)).statusCode).toBe(204);
  });

  it('is not what a function that picks a verifier throws', async () => {
    const receive = webhookHandler(
      (_, { awsRequestId }) => {
        throw new Error(awsRequestId);
      },
      () => 204,
    );
    await expect(receive(http(), CONTEXT)).rejects.toThrow('request-1');
  });
});

describe('options', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'an unknown one',
      () => webhookHandler(setUp().verifier, () => 204, { setle: 'x' } as object),
      /"settle"/,
    ],
    ['no object', () => webhookHandler(setUp().verifier, () => 204, null as never), /object of options/],
    ['no verifier', () => webhookHandler(undefined as never, () => 204), /needs a verifier/],
    ['no handler', () => webhookHandler(setUp().verifier, undefined as never), /must be a function/],
  ])('with %s are refused', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it("claim: 'manual' leaves the delivery to the handler", async () => {
    const { verifier, codes } = setUp();
    const receive = webhookHandler(verifier, () => 204, { claim: 'manual' });
    expect((await receive(http(), CONTEXT)).statusCode).toBe(204);
    expect(codes).not.toContain('claimed');
  });
});

describe('settle', () => {
  function slowStore() {
    const store = memoryReplayStore();
    let confirm: () => void = () => undefined;
    const confirmed = new Promise<void>((resolve) => {
      confirm = resolve;
    });
    const replay: ReplayStore = {
      claim: (...args) => store.claim(...args),
      renew: (...args) => store.renew(...args),
      commit: async (...args) => {
        await confirmed;
        return store.commit(...args);
      },
      release: (...args) => store.release(...args),
      forget: (...args) => store.forget(...args),
    };
    return { replay, confirm };
  }

  it.each<[string, WebhookOptions | undefined]>([
    ['by default', undefined],
    ['where it is undefined', { settle: undefined } as unknown as WebhookOptions],
    ["as 'before-response'", { settle: 'before-response' }],
  ])('%s returns when the store has confirmed', async (_, options) => {
    const { replay, confirm } = slowStore();
    const { verifier, codes } = setUp({ replay });
    const order: string[] = [];
    const result = webhookHandler(verifier, () => 204, options)(http(), CONTEXT);
    void result.then(() => order.push('returned'));
    await expect.poll(() => codes).toContain('claimed');
    await new Promise((resolve) => setImmediate(resolve));
    order.push('confirmed');
    confirm();
    expect((await result).statusCode).toBe(204);
    expect(order).toEqual(['confirmed', 'returned']);
    expect(codes).toContain('committed');
  });

  it("as 'after-response' returns before", async () => {
    const { replay, confirm } = slowStore();
    const { verifier, codes } = setUp({ replay });
    const receive = webhookHandler(verifier, () => 204, { settle: 'after-response' });
    expect((await receive(http(), CONTEXT)).statusCode).toBe(204);
    expect(codes).not.toContain('committed');
    confirm();
    await verifier.close();
    expect(codes).toContain('committed');
  });
});
