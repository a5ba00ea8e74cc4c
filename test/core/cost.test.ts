import { createHash } from 'node:crypto';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  createVerifier,
  type DefinedScheme,
  memoryReplayStore,
  type ReplayStore,
  type Verifier,
} from '@countersign/core';
import { type ParsedHead, type RequestHead, systemClock } from '@countersign/core/extend';
import { github, standardWebhooks, stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { describe, expect, it } from 'vitest';
import { type Cost, CostMeter } from '../support/cost-meter.ts';

const secret = 'whsec_a-text-secret-of-some-length';
const foreign = 'whsec_one-that-nobody-here-knows';
const base64 = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const body = Buffer.from(JSON.stringify({ id: 'evt_1', pad: 'x'.repeat(5000) }));
const meter = new CostMeter(body.length);
/** So much that nothing else comes near it. */
const LARGE = 4 * 1024 * 1024;

/** What a request costs that touches nothing. */
const NOTHING = {
  hashes: 0,
  bodyHashes: 0,
  bodyCopies: 0,
  jsonParses: 0,
  headerScans: 0,
  promises: 0,
  storeCalls: 0,
};

interface Given {
  readonly scheme?: DefinedScheme;
  readonly secrets?: string | string[];
  readonly store?: ReplayStore | false;
  /** A store between the verifier and the counted store. */
  readonly before?: (store: ReplayStore) => ReplayStore;
  readonly signedWith?: string;
  readonly signedAt?: Date;
  readonly change?: (headers: Record<string, string>) => Record<string, string>;
  readonly run?: (verifier: Verifier, request: { headers: readonly string[]; body: Buffer }) => unknown;
}

/** Costs of one request of a verifier that has seen others. */
async function costOf(given: Given = {}): Promise<Cost> {
  const { scheme = stripe(), before = (each) => each, store = false, change = (headers) => headers } = given;
  const current = [given.secrets ?? secret].flat();
  const verifier = createVerifier({
    scheme,
    secrets: { current },
    replay: store && before(meter.store(store)),
    observe: () => undefined,
  });
  const signed = sign(scheme, {
    secret: given.signedWith ?? current[0] ?? '',
    body,
    timestamp: given.signedAt ?? new Date(),
  });
  const pairs = Object.entries(change(signed.headers)).flat();
  const run = given.run ?? ((each, request) => each.verify(request));
  try {
    await verifier.ready();
    return await meter.measure(() => run(verifier, { headers: meter.headers(pairs), body }));
  } finally {
    await verifier.close();
  }
}

const hourAgo = () => new Date(Date.now() - 3_600_000);
const stuff = (count: number) => (headers: Record<string, string>) => ({
  ...headers,
  'stripe-signature': `${headers['stripe-signature']?.split(',')[0]}${`,v1=${'0'.repeat(64)}`.repeat(count)}`,
});

const once = { ...NOTHING, hashes: 1, bodyHashes: 1, headerScans: 1, promises: 1 };
/** A refusal waits a turn: its promise is not rejected before the caller has it. */
const REFUSED = { promises: 3 };

describe('verify()', () => {
  it.each<[string, Given, Cost]>([
    ['Stripe', {}, once],
    ['Standard Webhooks', { scheme: standardWebhooks(), secrets: base64 }, { ...once, headerScans: 3 }],
    ['GitHub', { scheme: github() }, once],
    [
      'the second of two keys',
      { secrets: [foreign, secret], signedWith: secret },
      { ...once, hashes: 2, bodyHashes: 2 },
    ],
    // As expensive as the second one: how long a verification takes must not tell which key signed.
    [
      'the first of two keys',
      { secrets: [secret, foreign], signedWith: secret },
      { ...once, hashes: 2, bodyHashes: 2 },
    ],
  ])('hashes the body once for each key, and does nothing else: %s', async (_, given, expected) => {
    expect(await costOf(given)).toEqual(expected);
  });

  it.each<[string, Given]>([
    ['no signature', { change: () => ({ other: '1' }) }],
    ['a bad grammar', { change: () => ({ 'stripe-signature': 'v1:1' }) }],
    ['an old time', { signedAt: hourAgo() }],
    ['seventeen signatures', { change: stuff(17) }],
    ['a header that is too long', { change: stuff(400) }],
  ])('refuses by the headers without hashing: %s', async (_, given) => {
    expect(await costOf(given)).toEqual({ ...NOTHING, headerScans: 1, ...REFUSED });
  });

  it('refuses a wrong signature for the price of a right one, and sixteen for the price of one', async () => {
    expect(await costOf({ signedWith: foreign })).toEqual({ ...once, ...REFUSED });
    expect(await costOf({ change: stuff(16) })).toEqual({ ...once, ...REFUSED });
  });

  it('makes no copy of a body in any way', async () => {
    expect(await bytesTaken()).toBeLessThan(LARGE);
  });
});

describe('handle()', () => {
  const handle: Given['run'] = (verifier, request) => verifier.handle(request, () => undefined);

  it.each<[string, DefinedScheme, string, Partial<Cost>]>([
    // The MAC, the replay key, and its fingerprint at the claim and at the commit.
    ['a signed id', standardWebhooks(), base64, { hashes: 4, bodyHashes: 1, bodyCopies: 0, jsonParses: 0 }],
    // The text that JSON.parse needs is the one copy.
    ['a field of the body', stripe(), secret, { hashes: 4, bodyHashes: 1, bodyCopies: 1, jsonParses: 1 }],
    // The digest of the body is the identity.
    ['the body', github(), secret, { hashes: 5, bodyHashes: 2, bodyCopies: 0, jsonParses: 0 }],
  ])('claims and commits in two calls of the store; identity: %s', async (_, scheme, secrets, expected) => {
    const cost = await costOf({ scheme, secrets, store: memoryReplayStore(), run: handle });
    expect(cost).toMatchObject({ ...expected, storeCalls: 2 });
  });

  it('asks the store once for a duplicate, and never for a forgery', async () => {
    const store = memoryReplayStore();
    await costOf({ store, run: handle });
    expect(await costOf({ store, run: handle })).toMatchObject({ storeCalls: 1 });
    expect(await costOf({ store, run: handle, signedWith: foreign })).toMatchObject({ storeCalls: 0 });
    expect(await costOf({ store, run: handle, signedAt: hourAgo() })).toMatchObject({ storeCalls: 0 });
  });

  it('parses JSON once, no matter how often it is read', async () => {
    const asks: Given['run'] = (verifier, request) =>
      verifier.handle(request, (webhook) => {
        webhook.json();
        webhook.json();
      });
    expect(await costOf({ store: memoryReplayStore(), run: asks })).toMatchObject({ jsonParses: 1 });
  });
});

describe('events', () => {
  /** What a handled delivery costs: reads of the clock that only measure, hashes for ids, and events. */
  async function costOfHandling(observe?: (event: unknown) => void) {
    const counts = { clockReads: 0, published: 0 };
    const events = channel('countersign:webhook');
    const publish = Object.getPrototypeOf(events).publish as (event: unknown) => void;
    events.publish = (event) => {
      counts.published++;
      publish.call(events, event);
    };
    const clock = {
      ...{ now: systemClock.now, schedule: systemClock.schedule },
      monotonic() {
        counts.clockReads++;
        return systemClock.monotonic();
      },
    };
    const verifier = createVerifier({
      ...{ scheme: github(), secrets: secret, replay: false, clock },
      ...(observe === undefined ? {} : { observe }),
    });
    const { headers } = sign(github(), { secret, body });
    try {
      await verifier.ready();
      await verifier.handle({ headers, body }, () => undefined);
      counts.clockReads = 0;
      counts.published = 0;
      const cost = await meter.measure(() => verifier.handle({ headers, body }, () => undefined));
      return { ...counts, hashes: cost.hashes, promises: cost.promises };
    } finally {
      Reflect.deleteProperty(events, 'publish');
      await verifier.close();
    }
  }

  it('cost nothing without an observer and without a subscriber of the diagnostics channel', async () => {
    const silent = await costOfHandling();
    // The signature, and nothing else. The one look at the clock is for the handler's time limit.
    expect(silent).toMatchObject({ clockReads: 1, published: 0, hashes: 1 });

    const heard: unknown[] = [];
    const listener = (event: unknown) => void heard.push(event);
    subscribe('countersign:webhook', listener);
    const published = await costOfHandling();
    unsubscribe('countersign:webhook', listener);
    expect(published.published).toBe(3);
    expect(published.clockReads).toBeGreaterThan(silent.clockReads);
    // The id of GitHub's deliveries is a hash of the body, which only events need here.
    expect(published.hashes).toBe(2);
    expect(heard.length).toBeGreaterThanOrEqual(3);

    // After the subscriber has left, as before.
    expect(await costOfHandling()).toEqual(silent);
  });
});

describe('a count goes up when more is done', () => {
  const waste = (on: { open?: (head: RequestHead) => unknown; match?: (bytes: Uint8Array) => unknown }) => ({
    scheme: wasteful(stripe(), on),
  });
  const twice = (store: ReplayStore): ReplayStore => ({
    ...store,
    async claim(key, options) {
      const result = await store.claim(key, options);
      if (result.state === 'claimed') await store.renew(key, result.token, options.leaseMs);
      return result;
    },
  });
  const claims: Given['run'] = async (verifier, request) => verifier.claim(await verifier.verify(request));
  const match = (does: (bytes: Uint8Array) => unknown) => waste({ match: does });

  it.each<[keyof Cost, string, Given]>([
    ['headerScans', 'a header more', waste({ open: (head) => head.values('other') })],
    ['hashes', 'a hash more', match(() => createHash('sha256').update('short').digest())],
    ['bodyHashes', 'the body hashed again', match((bytes) => createHash('sha256').update(bytes).digest())],
    ['bodyCopies', 'Buffer.from()', match((bytes) => Buffer.from(bytes))],
    ['bodyCopies', 'Buffer.concat()', match((bytes) => Buffer.concat([bytes]))],
    ['bodyCopies', 'toString()', match((bytes) => (bytes as Buffer).toString())],
    ['bodyCopies', 'TextDecoder', match((bytes) => new TextDecoder().decode(bytes))],
    ['bodyCopies', 'slice()', match((bytes) => Uint8Array.prototype.slice.call(bytes))],
    ['bodyCopies', 'set()', match((bytes) => new Uint8Array(bytes.length).set(bytes))],
    ['bodyCopies', 'Uint8Array.from()', match((bytes) => Uint8Array.from(bytes))],
    ['jsonParses', 'JSON.parse()', match(() => JSON.parse('{}'))],
    ['promises', 'a promise', match(() => Promise.resolve())],
    ['storeCalls', 'a call more', { store: memoryReplayStore(), run: claims, before: twice }],
  ])('%s: %s', async (count, _, given) => {
    const { before, ...plain } = given;
    const usual = await costOf({
      ...plain,
      scheme: stripe(),
      ...(given.store === undefined ? {} : { store: memoryReplayStore() }),
    });
    expect((await costOf(given))[count]).toBe(usual[count] + 1);
  });

  it('memory: a copy by a constructor', async () => {
    const copies = wasteful(stripe(), { match: (bytes) => new Uint8Array(bytes) });
    expect(await bytesTaken(copies)).toBeGreaterThanOrEqual(LARGE);
  });
});

/** The same scheme, which does something more. */
function wasteful(
  scheme: DefinedScheme,
  { open, match }: { open?: (head: RequestHead) => unknown; match?: (bytes: Uint8Array) => unknown },
): DefinedScheme {
  return {
    ...scheme,
    parseHead(head) {
      open?.(head);
      const opened: ParsedHead = scheme.parseHead(head);
      return {
        ...opened,
        match(bytes, keys) {
          match?.(bytes);
          return opened.match(bytes, keys);
        },
      };
    },
  };
}

/** By how much the memory of all buffers grows while one large body is verified. A collection can only make it less. */
async function bytesTaken(scheme = stripe()): Promise<number> {
  const large = Buffer.alloc(LARGE, '{}');
  const verifier = createVerifier({ scheme, secrets: secret, replay: false });
  const { headers } = sign(stripe(), { secret, body: large });
  const before = process.memoryUsage().arrayBuffers;
  await verifier.verify({ headers, body: large });
  const after = process.memoryUsage().arrayBuffers;
  await verifier.close();
  return after - before;
}
