import { createHmac, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import {
  createKeyring,
  createVerifier,
  type DefinedScheme,
  type DeliveryRules,
  defineScheme,
  type HeadersInput,
  memoryReplayStore,
  type ReplayStore,
  replayRecord,
  type Scheme,
  type SchemeDefinition,
  type SecretSetInput,
  staticSecrets,
  type VerifierOptions,
  WebhookError,
  type WebhookEvent,
} from '@countersign/core';
import type { Match } from '@countersign/core/extend';
import { stripe } from '@countersign/schemes';
import { manualClock, sign, tamper } from '@countersign/testing';
import { describe, expect, it } from 'vitest';

const secret = 'a-signing-secret-of-32-characters';
const other = 'another-secret-of-32-characters!!';
const body = '{"id":"evt_1","n":1}';
const retried: DeliveryRules = {
  retries: 'any-failure',
  idStableOverRetries: true,
  retrySignature: 'renewed',
  retrySpanSeconds: 3600,
};

const timed = {
  name: 'timed',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' },
    timestamp: { entry: 't', unit: 's' },
    id: { header: 'x-id' },
    content: '{id}.{timestamp}.{body}',
  },
  identity: 'id',
  delivery: retried,
} as const satisfies SchemeDefinition;

const plain = {
  ...timed,
  name: 'plain',
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: { bodyField: 'id' },
  unsignedHeaders: { event: 'x-event' },
} as const satisfies SchemeDefinition;

function setUp(options: Partial<VerifierOptions> & { delivery?: DeliveryRules } = {}) {
  const { delivery = retried, ...rest } = options;
  const clock = manualClock();
  const events: WebhookEvent[] = [];
  const scheme = (rest.scheme as DefinedScheme | undefined) ?? defineScheme({ ...timed, delivery });
  const verifier = createVerifier({
    secrets: secret,
    clock,
    observe: (event) => events.push(event),
    ...rest,
    scheme,
  });
  const signed = (input: Partial<Parameters<typeof sign>[1]> = {}) =>
    sign(scheme, { secret, body, id: 'msg_1', timestamp: clock.now() / 1000, ...input });
  return { clock, events, scheme, verifier, signed };
}

/** The error that a promise ends with, which must be one of ours. */
async function refusal(promise: Promise<unknown>): Promise<WebhookError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof WebhookError) return error;
  throw new Error(`Expected a WebhookError, got ${inspect(error)}`);
}

describe('verify', () => {
  it('returns the delivery and says which key matched', async () => {
    const { verifier, signed, clock } = setUp();
    const webhook = await verifier.verify(signed());
    expect(webhook).toMatchObject({
      id: 'msg_1',
      scheme: 'timed',
      endpoint: 'timed',
      bodyAuthenticated: true,
    });
    expect(webhook.key.role).toBe('current');
    expect(webhook.signedAt?.getTime()).toBe(Math.floor(clock.now() / 1000) * 1000);
    expect(Buffer.from(webhook.body).toString()).toBe(body);
    expect(webhook.text()).toBe(body);
    expect(webhook.json()).toEqual({ id: 'evt_1', n: 1 });
    expect(webhook.json()).toBe(webhook.json());
  });

  it('shows unsigned headers as labels and an id of the signed body', async () => {
    const { verifier, signed } = setUp({ scheme: defineScheme(plain) });
    const webhook = await verifier.verify(signed({ headers: { 'x-event': 'paid' } }));
    expect(webhook.unsignedHeaders).toEqual({ event: 'paid' });
    expect(webhook.id).toBe('evt_1');
    expect(webhook.signedAt).toBeUndefined();
  });

  it('says that a body is missing, and does not mention a parser', async () => {
    const { verifier, signed } = setUp();
    for (const missing of [undefined, null]) {
      const error = await refusal(verifier.verify({ headers: signed().headers, body: missing as never }));
      expect(error).toMatchObject({ code: 'ERR_WEBHOOK_BODY_CONSUMED', status: 500 });
      expect(error.message).toMatch(`The body is ${missing}.`);
    }
    const parsed = await refusal(verifier.verify({ headers: signed().headers, body: { id: 1 } as never }));
    expect(parsed.message).toMatch(/something has parsed/);
  });

  it('responds with 400, which most senders do not retry, if the handler reads JSON that is not there', async () => {
    const { verifier, signed, events } = setUp();
    const notJson = signed({ body: 'a=1&b=2' });
    const notText = signed({ body: Buffer.from([0xff, 0xfe]), id: 'msg_2' });
    expect((await verifier.handle(notJson, (webhook) => void webhook.json())).status).toBe(400);
    expect((await verifier.handle(notText, (webhook) => void webhook.text())).status).toBe(400);
    expect(events.filter(({ type }) => type === 'handler-failed')).toHaveLength(2);
    // Released: when the handler can read it, a redelivery runs.
    expect((await verifier.handle(notJson, (webhook) => void webhook.text())).status).toBe(204);
  });

  it('names a delivery by its body if nothing else is signed', async () => {
    const { verifier, signed } = setUp({ scheme: defineScheme({ ...plain, identity: 'body' }) });
    const webhook = await verifier.verify(signed());

    expect(webhook.id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('asks for the body only when the headers are good', async () => {
    const { verifier, signed } = setUp();
    const { headers } = signed({ timestamp: 1 });
    let read = 0;
    const count = async () => {
      read += 1;
      return Buffer.from(body);
    };
    expect((await refusal(verifier.verify({ headers, body: count }))).code).toBe(
      'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
    );
    expect((await refusal(verifier.verify({ headers: {}, body: count }))).code).toBe(
      'ERR_WEBHOOK_SIGNATURE_MISSING',
    );
    expect(read).toBe(0);
    await verifier.verify({ headers: signed().headers, body: count });
    expect(read).toBe(1);
  });

  it('writes nothing to the replay store', async () => {
    const calls: string[] = [];
    const spy = new Proxy(memoryReplayStore(), {
      get: (store, name: keyof ReplayStore) => {
        calls.push(name);
        return store[name]?.bind(store);
      },
    });
    const { verifier, signed } = setUp({ replay: spy });
    calls.length = 0;
    await verifier.verify(signed());
    await refusal(verifier.verify(tamper(signed())));
    expect(calls).toEqual([]);
  });
});

describe('freshness', () => {
  it.each([
    [-300, undefined, undefined],
    [-301, 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD', /signed 301 s ago; 300 s are accepted/],
    [300, undefined, undefined],
    [301, 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW', /signed 301 s in the future; 300 s are accepted/],
  ])('of a time %i s from now: %s', async (offset, code, message) => {
    const { verifier, signed, clock } = setUp();
    const request = signed({ timestamp: Math.floor(clock.now() / 1000) + offset });
    if (code === undefined) await verifier.verify(request);
    else
      expect(await refusal(verifier.verify(request))).toMatchObject({
        code,
        message: expect.stringMatching(message as RegExp),
      });
  });

  it('has a tolerance of its own for each direction', async () => {
    const { verifier, signed, clock } = setUp({ toleranceSeconds: { past: 10, future: 20 } });
    const now = Math.floor(clock.now() / 1000);
    await verifier.verify(signed({ timestamp: now - 10 }));
    await verifier.verify(signed({ timestamp: now + 20 }));
    expect((await refusal(verifier.verify(signed({ timestamp: now - 11 })))).code).toBe(
      'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
    );
    expect((await refusal(verifier.verify(signed({ timestamp: now + 21 })))).code).toBe(
      'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
    );
  });

  it('is checked once more when the body has been read, so that one held back outlives no memory of it', async () => {
    const { verifier, signed, clock } = setUp();
    const { headers, body: bytes } = signed();
    const heldBack = async () => {
      await clock.advance(301_000);
      return bytes;
    };
    const error = await refusal(verifier.verify({ headers, body: heldBack }));
    expect(error.code).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
  });

  const created = defineScheme({
    ...plain,
    bodyTimestamp: { field: 'meta.created', unit: 's', past: 3600, future: 60 },
  });

  it.each([
    ['a fresh time', (now: number) => ({ created: now - 3600 }), undefined],
    ['an old time', (now: number) => ({ created: now - 3601 }), 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    ['a future time', (now: number) => ({ created: now + 61 }), 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW'],
    ['no time', () => ({}), 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    ['a fractional time', (now: number) => ({ created: now + 0.5 }), 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    ['a time in words', () => ({ created: 'today' }), 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    [
      'a time on the prototype',
      (now: number) => ({ ['__proto__']: { created: now } }),
      'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
    ],
  ])('judges %s in the signed body right after the match', async (_, meta, code) => {
    const { verifier, signed, clock } = setUp({ scheme: created });
    const request = signed({ body: JSON.stringify({ meta: meta(Math.floor(clock.now() / 1000)) }) });
    if (code === undefined) await verifier.verify(request);
    else expect((await refusal(verifier.verify(request))).code).toBe(code);
    expect((await refusal(verifier.verify(tamper(request)))).code).toBe('ERR_WEBHOOK_SIGNATURE_MISMATCH');
  });

  it('says that the signed body has no time, which is not a matter of clocks', async () => {
    const { verifier, signed } = setUp({ scheme: created });
    expect((await refusal(verifier.verify(signed({ body: '{}' })))).message).toMatch(/no readable timestamp/);
  });

  it('never forgets a delivery while its body time is still fresh', async () => {
    const { verifier, signed, clock } = setUp({ scheme: created });
    const request = signed({
      body: JSON.stringify({ id: 'e', meta: { created: Math.floor(clock.now() / 1000) + 60 } }),
    });
    const first = await verifier.receive(request);
    if (first.state === 'claimed') await first.claim.commit();
    for (let hour = 0; hour < 26; hour++) {
      const again = await verifier.receive(request).catch((error: WebhookError) => error.code);
      expect(
        again === 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD' || (again as { state: string }).state === 'duplicate',
      ).toBe(true);
      await clock.advance(600_000);
    }
  });
});

describe('a signed content', () => {
  const written = (content: string) =>
    defineScheme({
      ...timed,
      signed: { ...timed.signed, timestamp: { header: 'x-time', unit: 's' }, content },
    });

  it.each<[string, string, [string, string], [string, string]]>([
    ['an id before the body', '{timestamp}.{id}--{body}', ['evt-', '{"a":1}'], ['evt', '-{"a":1}']],
    [
      'an id behind the body',
      '{timestamp}.{body}.{id}',
      ['evt', '{"pay":"1.50"}'],
      ['50"}.evt', '{"pay":"1'],
    ],
  ])('with %s reads in one way only', async (_, content, [id, text], [otherId, otherText]) => {
    const { verifier, signed } = setUp({ scheme: written(content) });
    const genuine = signed({ id, body: text });
    const other = { headers: { ...genuine.headers, 'x-id': otherId }, body: Buffer.from(otherText) };
    const results = await Promise.allSettled([verifier.verify(genuine), verifier.verify(other)]);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(2);
  });

  it('that ends with body and time does not let zeros move from one to the other', async () => {
    const { id: _, ...rest } = timed.signed;
    const timestamp = { header: 'x-time', unit: 's' } as const;
    const scheme = defineScheme({
      ...timed,
      identity: 'body',
      signed: { ...rest, timestamp, content: '{body}{timestamp}' },
    });
    const { verifier, signed } = setUp({ scheme });
    const genuine = signed({ body: 'amount=100' });
    await verifier.verify(genuine);
    const headers = { ...genuine.headers, 'x-time': `0${genuine.headers['x-time']}` };
    const error = await refusal(verifier.verify({ headers, body: Buffer.from('amount=10') }));
    expect(error.code).toBe('ERR_WEBHOOK_HEADER_INVALID');
  });
});

describe('malformed requests', () => {
  const { signed } = setUp();
  const { headers: good } = signed();
  const signature = good['x-signature'] ?? '';
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));

  it.each<[string, HeadersInput, string]>([
    ['no signature', without('x-signature'), 'ERR_WEBHOOK_SIGNATURE_MISSING'],
    ['an empty signature', { ...good, 'x-signature': '' }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['no id', without('x-id'), 'ERR_WEBHOOK_HEADER_INVALID'],
    ['an empty id', { ...good, 'x-id': '' }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['an id with a space', { ...good, 'x-id': 'a b' }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['an id of 4 KiB', { ...good, 'x-id': 'a'.repeat(4096) }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['an id with the separator', { ...good, 'x-id': 'msg_1.2' }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['an id outside ASCII', { ...good, 'x-id': 'msgé' }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['a repeated id', { ...good, 'X-Id': 'msg_1' }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['a repeated signature', { ...good, 'X-Signature': signature }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['no time', { ...good, 'x-signature': signature.replace(/^t=\d+,/, '') }, 'ERR_WEBHOOK_HEADER_INVALID'],
    ['two times', { ...good, 'x-signature': `t=1,${signature}` }, 'ERR_WEBHOOK_HEADER_INVALID'],
    [
      'a huge header',
      { ...good, 'x-signature': `${signature},${'v1=,'.repeat(2000)}` },
      'ERR_WEBHOOK_HEADER_INVALID',
    ],
    [
      'seventeen signatures',
      { ...good, 'x-signature': `${signature},${'v1=0,'.repeat(16)}` },
      'ERR_WEBHOOK_HEADER_INVALID',
    ],
    ...['12abc', '1.5', '0x10', '1e3', ' 1', '-1', '', '1'.repeat(16)].map(
      (time): [string, HeadersInput, string] => [
        `the time "${time}"`,
        { ...good, 'x-signature': signature.replace(/t=\d+/, `t=${time}`) },
        'ERR_WEBHOOK_HEADER_INVALID',
      ],
    ),
    [
      'milliseconds for seconds',
      { ...good, 'x-signature': signature.replace(/t=(\d+)/, 't=$1000') },
      'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
    ],
  ])('with %s are refused with a code', async (_, headers, code) => {
    const { verifier, events } = setUp();
    const error = await refusal(verifier.verify({ headers, body: Buffer.from(body) }));
    expect(error.code).toBe(code);
    expect(events).toContainEqual(expect.objectContaining({ type: 'refused', code, status: error.status }));
  });

  it.each([
    ['parsed JSON', { id: 'evt_1' }],
    ['text', body],
    ['nothing', undefined],
    ['a function that returns text', async () => body],
  ])("with %s for a body are the receiver's own mistake", async (_, given) => {
    const { verifier } = setUp();
    const error = await refusal(verifier.verify({ headers: good, body: given as unknown as Uint8Array }));
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_BODY_CONSUMED', status: 500 });
  });

  it("whose body can't be read to its end are incomplete", async () => {
    const { verifier } = setUp();
    const cause = new Error('socket hang up');
    const body = () => Promise.reject(cause);
    expect(await refusal(verifier.verify({ headers: good, body }))).toMatchObject({
      code: 'ERR_WEBHOOK_BODY_INCOMPLETE',
      status: 400,
      cause,
    });
  });

  it("are refused even if a scheme of one's own fails", async () => {
    const scheme = {
      ...defineScheme(timed),
      parseHead: () => {
        throw new TypeError('bug');
      },
    };
    const { verifier } = setUp({ scheme });
    expect((await refusal(verifier.verify({ headers: good, body: Buffer.from(body) }))).code).toBe(
      'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    );
  });
});

describe('a time span that a scheme reads wrongly', () => {
  // Every comparison with NaN is false: a check that asks "is it over?" would accept it.
  it.each([
    [{ notAfter: Number.NaN }, 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    [{ notBefore: Number.NaN }, 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW'],
  ])('is refused: %o', async (span, code) => {
    const real = defineScheme({ ...timed, delivery: retried });
    const inHead: Scheme = { ...real, parseHead: (head) => ({ ...real.parseHead(head), ...span }) };
    const inMatch: Scheme = {
      ...real,
      parseHead(head) {
        const parsed = real.parseHead(head);
        const match = (bytes: Uint8Array, keys: Parameters<typeof parsed.match>[1]) => {
          const found = parsed.match(bytes, keys) as Match | undefined;
          return found && { ...facts(found), ...span };
        };
        return { ...parsed, match };
      },
    };
    for (const scheme of [inHead, inMatch]) {
      const { clock, verifier } = setUp({ scheme });
      const request = sign(real, { secret, body, id: 'msg_1', timestamp: clock.now() / 1000 });
      expect((await refusal(verifier.verify(request))).code).toBe(code);
    }
  });

  /** A match's own fields: some are getters of its class. */
  function facts({ key, id, identity, signedAt, bodyAuthenticated, unsignedHeaders }: Match): Match {
    return { key, id, identity, signedAt, bodyAuthenticated, unsignedHeaders };
  }
});

describe('the replay key', () => {
  const keyOf = async (endpoint: string, name: string) => {
    const { verifier, signed } = setUp({ endpoint, deliveryKey: () => name });
    return replayRecord(await verifier.verify(signed())).key;
  };

  it('differs if the same text is split in another way', async () => {
    expect(await keyOf('a', 'x\0custom\0y')).not.toBe(await keyOf('a\0custom\0x', 'y'));
    expect(await keyOf('a', 'xcustomy')).not.toBe(await keyOf('acustomx', 'y'));
    expect(await keyOf('a', '1:x\x006:custom\x001:y')).not.toBe(await keyOf('a\x006:custom\x001:x', 'y'));
    expect(await keyOf('a', 'x')).toBe(await keyOf('a', 'x'));
  });
});

describe('the refusal status', () => {
  const rules = (retries: DeliveryRules['retries'], rest: Partial<DeliveryRules> = {}): DeliveryRules => ({
    ...retried,
    ...rest,
    retries,
  });

  it.each<[string, DeliveryRules, number]>([
    ['any failure is retried', rules('any-failure'), 401],
    ['nothing is retried', rules('never'), 401],
    ['401 is retried', rules([401, 429]), 401],
    ['401 is demanded', rules(['5xx'], { demands401: true }), 401],
    ['429 is retried', rules([408, 429, '5xx']), 429],
    ['only 5xx is retried', rules(['5xx']), 503],
    ['nobody knows', rules('unknown'), 503],
  ])('if %s', async (_, delivery, status) => {
    const { verifier, signed } = setUp({ delivery });
    const anHourAgo = manualClock().now() / 1000 - 3600;
    for (const request of [tamper(signed()), signed({ timestamp: anHourAgo }), signed({ timestamp: 9e9 })]) {
      const error = await refusal(verifier.verify(request));
      expect(error.status).toBe(status);
      if (status === 401) expect(error.retryAfterSeconds).toBeUndefined();
      else {
        expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(5);
        expect(error.retryAfterSeconds).toBeLessThanOrEqual(30);
      }
    }
  });

  it('of 503 has a budget of 60 a minute, then is 401', async () => {
    const { verifier, signed, clock } = setUp({ delivery: rules(['5xx']) });
    const statusOf = async () => (await refusal(verifier.verify(tamper(signed())))).status;
    const minute = await Promise.all(Array.from({ length: 70 }, statusOf));
    expect(minute.filter((status) => status === 503)).toHaveLength(60);
    expect(minute.filter((status) => status === 401)).toHaveLength(10);
    await clock.advance(59_999);
    expect(await statusOf()).toBe(401);
    await clock.advance(1);
    expect(await statusOf()).toBe(503);
  });

  it.each(['never', 'any-failure', [401, 429]] as const)(
    'is never 401 for a sender that switches off what responds with it, and retries %j',
    async (retries) => {
      const { verifier, signed, clock } = setUp({ delivery: { ...rules(retries), suspendsOn4xx: true } });
      const statusOf = async () => (await refusal(verifier.verify(tamper(signed())))).status;
      const minute = await Promise.all(Array.from({ length: 70 }, statusOf));
      expect(minute.filter((status) => status === 503)).toHaveLength(60);
      expect(minute.filter((status) => status === 429)).toHaveLength(10);
      const old = signed({ timestamp: clock.now() / 1000 - 2 * 86_400 });
      expect((await refusal(verifier.verify(old))).status).toBe(429);
    },
  );

  it('takes null for no match, as schemes in JavaScript may return it', async () => {
    const { verifier, signed } = setUp({});
    const none = { ...verifier.scheme, parseHead: () => ({ match: () => null }) } as unknown as Scheme;
    const other = createVerifier({ scheme: none, secrets: secret });
    await other.ready();
    expect(await refusal(other.verify(signed()))).toMatchObject({ code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH' });
    await other.close();
  });

  it('spends nothing on requests that are older than any clock fault', async () => {
    const { verifier, signed, clock } = setUp({ delivery: rules(['5xx']) });
    const twoDaysAgo = signed({ timestamp: clock.now() / 1000 - 2 * 86_400 });
    for (let n = 0; n < 100; n++) expect((await refusal(verifier.verify(twoDaysAgo))).status).toBe(401);
    const genuineButUnknown = signed({ secret: other });
    expect(await refusal(verifier.verify(genuineButUnknown))).toMatchObject({
      code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      status: 503,
    });
    // A clock that is a whole day off can still be the reason.
    const almostADayAgo = signed({ timestamp: clock.now() / 1000 - 86_000 });
    expect((await refusal(verifier.verify(almostADayAgo))).status).toBe(503);
  });

  it('has no way round that budget through the reload that forged traffic causes itself', async () => {
    let load = async () => ({ current: secret });
    const { verifier, signed, clock } = setUp({ delivery: rules(['5xx']), secrets: () => load() });
    await verifier.ready();
    load = () => new Promise(() => undefined);
    await clock.advance(11_000);
    const results = Array.from({ length: 100 }, () => refusal(verifier.verify(tamper(signed()))));
    await clock.advance(1_001);
    const statuses = (await Promise.all(results)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 503)).toHaveLength(60);
  });

  it('does not spend that budget while the secrets themselves are in doubt', async () => {
    const secrets = {
      current: secret,
      rotating: { until: new Date(manualClock().now() + 600_000).toISOString() },
    };
    const { verifier, signed } = setUp({ delivery: rules(['5xx']), secrets });
    for (let n = 0; n < 100; n++) {
      expect(await refusal(verifier.verify(tamper(signed())))).toMatchObject({
        code: 'ERR_WEBHOOK_SECRETS_UNCERTAIN',
        status: 503,
      });
    }
  });

  it('does not spend it either if the reload that a miss caused brings the announcement, with other keys', async () => {
    const until = new Date(manualClock().now() + 600_000).toISOString();
    let set: SecretSetInput = { current: secret };
    const { verifier, signed, clock } = setUp({ delivery: rules(['5xx']), secrets: async () => set });
    await verifier.ready();
    const spent = Array.from({ length: 61 }, () => refusal(verifier.verify(tamper(signed()))));
    await clock.advance(1_001);
    await Promise.all(spent);
    set = { current: `${secret}-after-it`, previous: secret, rotating: { until } };
    // Longer than the cooldown of misses, whatever its jitter.
    await clock.advance(30_000);
    const last = refusal(verifier.verify(tamper(signed())));
    await clock.advance(1_001);
    expect(await last).toMatchObject({
      code: 'ERR_WEBHOOK_SECRETS_UNCERTAIN',
      status: 503,
    });
  });

  it('accepts a match that a reload brings from any thenable', async () => {
    const inner = stripe();
    const scheme: DefinedScheme = {
      ...inner,
      parseHead(head) {
        const opened = inner.parseHead(head);
        return {
          ...opened,
          match(bytes, keys) {
            const match = opened.match(bytes, keys);
            // Calls back and returns nothing: all that a thenable has to do.
            // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
            return { then: (done: (value: typeof match) => void) => void done(match) } as never;
          },
        };
      },
    };
    let current = `${secret}-of-before`;
    const clock = manualClock();
    const verifier = createVerifier({ scheme, secrets: async () => ({ current }), clock });
    await verifier.ready();
    current = secret;
    // Longer than the cooldown of misses.
    await clock.advance(30_000);
    const request = sign(inner, { secret, body: '{"id":"evt_1"}', timestamp: clock.now() / 1000 });
    const { key } = await verifier.verify(request);
    expect(key.role).toBe('current');
    await verifier.close();
  });

  it('never touches a missing signature or a malformed header', async () => {
    const { verifier, signed } = setUp({ delivery: rules([429]) });
    expect((await refusal(verifier.verify({ headers: {}, body: Buffer.from(body) }))).status).toBe(401);
    const headers = { ...signed().headers, 'x-id': '' };
    expect((await refusal(verifier.verify({ headers, body: Buffer.from(body) }))).status).toBe(400);
  });
});

describe('keys', () => {
  it('of every role verify, and the delivery says which', async () => {
    const third = randomBytes(32);
    const { verifier, signed } = setUp({
      secrets: { current: secret, previous: { secret: other, id: 'old' }, next: third },
    });
    expect((await verifier.verify(signed())).key.role).toBe('current');
    expect((await verifier.verify(signed({ secret: other }))).key).toEqual({ id: 'old', role: 'previous' });
    expect((await verifier.verify(signed({ secret: third }))).key.role).toBe('next');
  });

  it('verify in any order in the header', async () => {
    const { verifier, signed } = setUp({ secrets: { current: secret, previous: other } });
    const stranger = 'a-secret-that-nobody-here-knows!!';
    expect((await verifier.verify(signed({ secret: [stranger, other, stranger] }))).key.role).toBe(
      'previous',
    );
    expect((await verifier.verify(signed({ secret: [other, secret] }))).key.role).toBe('current');
  });

  it('past their notAfter no longer do', async () => {
    const clock = manualClock();
    const notAfter = new Date(clock.now() + 60_000);
    const {
      verifier,
      signed,
      clock: verifierClock,
    } = setUp({ secrets: { current: secret, previous: { secret: other, notAfter } } });
    await verifier.verify(signed({ secret: other }));
    await verifierClock.advance(60_001);
    expect((await refusal(verifier.verify(signed({ secret: other })))).code).toBe(
      'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    );
    await verifier.verify(signed());
  });

  it('that are revoked no longer do, and with none left nothing is ready', async () => {
    const { verifier, signed } = setUp({
      secrets: { current: secret, previous: { secret: other, id: 'old' } },
    });
    await verifier.revoke('old');
    expect((await refusal(verifier.verify(signed({ secret: other })))).code).toBe(
      'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    );
    await verifier.revoke((await verifier.verify(signed())).key.id);
    expect(await refusal(verifier.verify(signed()))).toMatchObject({
      code: 'ERR_WEBHOOK_NOT_READY',
      status: 503,
    });
  });

  it('that a miss brings are tried at once', async () => {
    let set: SecretSetInput = { current: secret };
    const { verifier, signed, clock } = setUp({ secrets: async () => set });
    await verifier.ready();
    await clock.advance(60_000);
    set = { current: other, previous: secret };
    const webhook = await verifier.verify(signed({ secret: other }));
    expect(webhook.key.role).toBe('current');
  });

  it("are never asked of a scheme of one's own before there are any", async () => {
    const real = defineScheme(timed);
    const asked: number[] = [];
    const scheme = {
      ...real,
      parseHead(head: Parameters<typeof real.parseHead>[0]) {
        const parsed = real.parseHead(head);
        return {
          ...parsed,
          match(bytes: Uint8Array, keys: Parameters<typeof parsed.match>[1]) {
            asked.push(keys.length);
            return parsed.match(bytes, keys);
          },
        };
      },
    } as DefinedScheme;
    const { verifier, signed } = setUp({
      scheme,
      secrets: () => Promise.reject(new Error('source is down')),
    });
    expect(await refusal(verifier.verify(signed()))).toMatchObject({
      code: 'ERR_WEBHOOK_NOT_READY',
      status: 503,
    });
    expect(asked).toEqual([]);
  });

  it('not loaded yet are waited for', async () => {
    let load: (set: SecretSetInput) => void = () => undefined;
    const { verifier, signed } = setUp({
      secrets: () =>
        new Promise<SecretSetInput>((resolve) => {
          load = resolve;
        }),
    });
    const verified = verifier.verify(signed());
    load({ current: secret });
    expect((await verified).key.role).toBe('current');
  });
});

describe('the end of a verifier', () => {
  it('ends the keyring that it made, and no other', async () => {
    const scheme = defineScheme(timed);
    const owned = createVerifier({ scheme, secrets: secret });
    await owned.ready();
    await owned.close();
    await expect(owned.reload()).rejects.toThrow(/closed/);
    const keyring = createKeyring(staticSecrets(secret), { scheme });
    const sharing = createVerifier({ scheme, secrets: keyring });
    await sharing.ready();
    await sharing.close();
    await keyring.reload();
    await keyring.close();
    await expect(keyring.reload()).rejects.toThrow(/closed/);
  });

  it('comes with `await using`', async () => {
    const { verifier, signed } = setUp();
    await verifier[Symbol.asyncDispose]();
    expect((await refusal(verifier.verify(signed()))).code).toBe('ERR_WEBHOOK_NOT_READY');
  });
});

describe('the health of a verifier', () => {
  it('is what a reload returns', async () => {
    let version = 1;
    const { verifier } = setUp({ secrets: async () => ({ current: secret, version: String(version++) }) });
    await verifier.ready();
    const before = verifier.health();
    const after = await verifier.reload();
    expect(after).toEqual(verifier.health());
    expect(after.secrets).not.toEqual(before.secrets);
  });

  it('has nothing to say of replay if that is off', async () => {
    const { verifier } = setUp({ replay: false });
    await verifier.ready();
    expect(verifier.health()).toMatchObject({ endpoint: 'timed', replay: undefined });
  });
});

describe('options', () => {
  const make = (options: object) => () =>
    createVerifier({ scheme: defineScheme(timed), secrets: secret, ...options } as VerifierOptions);

  it.each<[string, object, RegExp]>([
    ['an unknown option', { tolerance: 5 }, /"tolerance".*"toleranceSeconds"/],
    ['a tolerance of zero', { toleranceSeconds: 0 }, /toleranceSeconds/],
    ['a negative tolerance', { toleranceSeconds: -1 }, /toleranceSeconds/],
    ['a tolerance that is NaN', { toleranceSeconds: Number.NaN }, /toleranceSeconds/],
    ['an infinite tolerance', { toleranceSeconds: Number.POSITIVE_INFINITY }, /toleranceSeconds/],
    ['a tolerance in words', { toleranceSeconds: '300' }, /toleranceSeconds/],
    [
      'a one-sided tolerance of zero',
      { toleranceSeconds: { past: 300, future: 0 } },
      /toleranceSeconds\.future/,
    ],
    ['a lease of zero', { leaseSeconds: 0 }, /leaseSeconds/],
    ['a handler timeout that is NaN', { handlerTimeoutSeconds: Number.NaN }, /handlerTimeoutSeconds/],
    ['an empty endpoint', { endpoint: '' }, /endpoint/],
    ['a public address without a scheme', { publicUrl: 'example.com/hooks' }, /publicUrl/],
    [
      'a public address that is not percent-encoded',
      { publicUrl: 'https://example.com/España' },
      /publicUrl/,
    ],
    ['an invalid store', { replay: true }, /"replay"/],
    ['a factory for a scheme', { scheme: () => defineScheme(timed) }, /Call it/],
    ['no scheme', { scheme: undefined }, /"scheme"/],
    ['no secrets', { secrets: undefined }, /"secrets"/],
    ['an observer that is not a function', { observe: 7 }, /"observe"/],
  ])('refuse %s', (_, options, message) => {
    expect(make(options)).toThrow(message);
    expect(make(options)).toThrow(expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }));
  });

  it('refuse a tolerance if no time is signed', () => {
    expect(make({ scheme: defineScheme(plain), toleranceSeconds: 60 })).toThrow(/does not sign a timestamp/);
  });

  it.each(['', '   ', 'changeme', 'short', `${secret}\n`, ['$', '{WEBHOOK_SECRET}'].join(''), 'undefined'])(
    'refuse the secret %j without quoting it',
    (value) => {
      expect(make({ secrets: value })).toThrow(
        expect.objectContaining({ code: 'ERR_WEBHOOK_SECRETS_INVALID' }),
      );
      if (value.trim().length > 3) expect(make({ secrets: value })).not.toThrow(value);
    },
  );

  it("refuse a scheme of one's own that does not say how fresh or how retried a delivery is", () => {
    for (const missing of ['freshness', 'delivery']) {
      expect(make({ scheme: { ...defineScheme(timed), [missing]: undefined } })).toThrow(/"scheme"/);
    }
  });

  it('refuse a shared keyring that admits shorter keys', () => {
    const weak = defineScheme({ ...timed, secret: { encoding: 'utf8', minBytes: 1 } });
    const keyring = createKeyring(staticSecrets('k1k1'), { scheme: weak });
    expect(make({ secrets: keyring })).toThrow(/format/);
  });

  it('have no way to switch verification off', () => {
    expect(make({ skip: true })).toThrow(/has no option/);
    expect(make({ verify: false })).toThrow(/has no option/);
  });
});

describe('what an observer sees', () => {
  it('is the key, the size, the skew and the time of every delivery', async () => {
    const { verifier, signed, clock, events } = setUp();
    const slow = (request: ReturnType<typeof signed>) => ({
      headers: request.headers,
      body: async () => {
        await clock.advance(2500);
        return request.body;
      },
    });
    // What went before must not count.
    await clock.advance(60_000);
    await verifier.verify(slow(signed({ timestamp: clock.now() / 1000 - 10 })));
    await refusal(verifier.verify(slow(tamper(signed()))));
    const [verified, refused] = events.filter(({ type }) => type === 'verified' || type === 'refused');
    expect(verified).toMatchObject({
      endpoint: 'timed',
      scheme: 'timed',
      key: { role: 'current' },
      bodyBytes: body.length,
      skewSeconds: 12.5,
      durationMs: 2500,
    });
    expect(refused).toMatchObject({ code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH', status: 401 });
    expect((refused as { durationMs: number }).durationMs).toBeGreaterThanOrEqual(2500);
    expect((refused as { durationMs: number }).durationMs).toBeLessThan(60_000);
  });

  it('has no skew if no time is signed', async () => {
    const { verifier, signed, events } = setUp({ scheme: defineScheme(plain) });
    await verifier.verify(signed());
    expect(events).toContainEqual(expect.objectContaining({ type: 'verified', skewSeconds: undefined }));
  });

  it('contains neither secrets nor computed signatures nor bodies', async () => {
    const { verifier, signed, events } = setUp();
    await verifier.verify(signed());
    const error = await refusal(verifier.verify(tamper(signed())));
    const expected = createHmac('sha256', secret).update(body).digest('hex');
    const seen =
      inspect([events, error, verifier, verifier.health()], { depth: 9, showHidden: true }) +
      JSON.stringify([events, error, verifier]);
    for (const canary of [secret, Buffer.from(secret).toString('base64'), expected, 'evt_1'])
      expect(seen).not.toContain(canary);
  });

  it('does not quote a body that is not JSON', async () => {
    const { verifier, signed } = setUp();
    const webhook = await verifier.verify(signed({ body: 'card4242424242' }));
    expect(() => webhook.json()).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_BODY_INVALID', status: 400 }),
    );
    expect(() => webhook.json()).not.toThrow(/card/);
  });

  it("can't disturb a delivery by throwing or rejecting", async () => {
    const broken = [
      () => {
        throw new Error('observer');
      },
      () => Promise.reject(new Error('observer')),
    ];
    for (const observe of broken) {
      const { verifier, signed } = setUp({ observe });
      await verifier.verify(signed());
    }
  });
});
