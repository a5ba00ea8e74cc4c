import {
  type AttemptAnswer,
  type AttemptEvent,
  type CommonSenderOptions,
  type SimulatedSender,
  sequenceOf,
  simulateSender,
  type VendorName,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedReceiver, type Step, StoppedClock } from '../../support/scripted-receiver.ts';

const VENDORS: VendorName[] = ['langsmith', 'agentMessage', 'polyai', 'ada', 'anchorBrowser'];
const signWith = (secret: string, id: string, at: Date, body: string): string =>
  new Webhook(secret).sign(id, at, body);

let receiver: ScriptedReceiver;
let senders: SimulatedSender[];

beforeEach(async () => {
  senders = [];
  receiver = await ScriptedReceiver.start(200);
});

afterEach(async () => {
  await Promise.all(senders.map((sender) => sender.close()));
  await receiver.close();
});

type Settings = Partial<CommonSenderOptions>;

async function start(vendor: VendorName, settings: Settings = {}): Promise<SimulatedSender> {
  const common = { receiverUrl: receiver.url, timeScale: 1e-9, minRetryDelayMs: 0, ...settings };
  const sender = await simulateSender(
    vendor === 'ada' ? { vendor, signWith, ...common } : { vendor, ...common },
  );
  senders.push(sender);
  return sender;
}

function body(index: number): Buffer {
  const received = receiver.received[index];
  if (received === undefined) throw new Error(`request ${index} never came`);
  return received.body;
}

function header(index: number, name: string): string {
  const value = receiver.received[index]?.headers[name];
  if (typeof value !== 'string') throw new Error(`request ${index} has no ${name}`);
  return value;
}

describe('the formulas', () => {
  // Computed by hand from the vendors' documentation, with no code of this project.
  const event = {
    id: 'msg_1',
    type: 'task.completed',
    sequence: undefined,
    body: Buffer.from('{"id":"evt_1","type":"task.completed","text":"✅ ok"}'),
  };

  async function signed(vendor: VendorName, secret: string, seconds: number): Promise<string | undefined> {
    const { account } = await start(vendor, { initialSecret: secret });
    return account.headers(event, seconds, [account.digest(secret, event, seconds)])[account.signatureHeader];
  }

  it('signs for LangSmith the body alone', async () => {
    expect(await signed('langsmith', 'ls_secret_example', 0)).toBe(
      'sha256=df0de3f0824bd12d9e214f858832bf3a84594bee102aaf6ff2d96de8bd8896fe',
    );
  });

  it('signs for PolyAI the time, a dot and the body', async () => {
    expect(await signed('polyai', 'poly_secret_example', 1731705121)).toBe(
      'c96a4570d70389d967ed03a5d1c2898aa2314e6ecfecc30d2ecbf1db40cbad02',
    );
  });

  it('signs for Anchor with the text of the secret, not with the bytes it looks like', async () => {
    const secret = '36da51b166a69268a59a8d5ee0b32c9f5e5aaee7d301c7a5a36844318e116fc6';
    expect(await signed('anchorBrowser', secret, 1716544084)).toBe(
      't=1716544084,v1=3f1055a5eff3e511fe0ca1a286aea036cb8d7f86149effd02014cc1881b097a8',
    );
  });

  it('signs for AgentMessage with the decoded secret, over the time, a newline and the body', async () => {
    const secret = 'BU3aA56KLn/gYzL+2yE0kZ9wD3jA2QAnLaWKkjNl8Z0=';
    expect(await signed('agentMessage', secret, 1716544084)).toBe(
      't=1716544084,v1=d986753e25912d299d6cd5a000e0bcf11bcf92ead6c9fda7d4210401e8e853b3',
    );
  });

  it('signs for Ada with the Svix library', async () => {
    expect(await signed('ada', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', 1716544084)).toBe(
      'v1,M0VBJk3XImdjK9a/1m07rh9HZ7xnzPzLwSqPztBnE84=',
    );
  });

  it('sends for Ada what the Svix library verifies', async () => {
    const sender = await start('ada');
    sender.emit();
    await sender.idle();
    const { headers, body: raw } = receiver.last;
    const text = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    expect(new Webhook(sender.secrets().endpoint).verify(raw, text)).toMatchObject({
      type: 'v1.conversation.message',
      data: { sequence: 1 },
    });
  });

  it('sends for Ada the white-label header names if asked to', async () => {
    const sender = await simulateSender({
      vendor: 'ada',
      signWith,
      headerPrefix: 'webhook',
      receiverUrl: receiver.url,
    });
    senders.push(sender);
    sender.emit();
    await sender.idle();
    expect(receiver.last.headers).toMatchObject({ 'webhook-signature': expect.stringMatching(/^v1,/) });
    expect(receiver.last.headers).not.toHaveProperty('svix-signature');
  });
});

describe('the envelopes', () => {
  it.each(VENDORS)('%s numbers its events from 1, each with an id of its own', async (vendor) => {
    const sender = await start(vendor);
    sender.emit(3);
    await sender.idle();
    expect(receiver.received.map(({ body: raw }) => sequenceOf(raw)).sort()).toEqual([1, 2, 3]);
    expect(new Set(sender.events().map(({ id }) => id)).size).toBe(3);
  });

  it.each(VENDORS)('%s sends JSON', async (vendor) => {
    const sender = await start(vendor);
    sender.emit();
    await sender.idle();
    expect(header(0, 'content-type')).toBe('application/json');
    expect(JSON.parse(receiver.last.body.toString())).toBeTypeOf('object');
  });

  it('LangSmith puts the id and whole seconds into the body', async () => {
    const clock = new StoppedClock(1_747_238_400_900);
    const sender = await start('langsmith', { clock });
    sender.emit();
    await sender.idle();
    expect(JSON.parse(receiver.last.body.toString())).toMatchObject({
      id: sender.events()[0]?.id,
      type: 'issue.created',
      created: 1_747_238_400,
    });
  });

  it('PolyAI puts the id only into a header', async () => {
    const sender = await start('polyai');
    sender.emit();
    await sender.idle();
    const id = sender.events()[0]?.id ?? '';
    expect(header(0, 'x-polyai-event-id')).toBe(id);
    expect(receiver.last.body.toString()).not.toContain(id);
  });

  it('Anchor sends an emoji, its own headers and the id in the body', async () => {
    const sender = await start('anchorBrowser');
    sender.emit();
    await sender.idle();
    const id = sender.events()[0]?.id;
    expect(JSON.parse(receiver.last.body.toString())).toMatchObject({
      id,
      text: expect.stringContaining('✅'),
    });
    expect(receiver.last.headers).toMatchObject({
      'user-agent': 'Anchor-Webhooks/1.0',
      'anchor-event': 'task.completed',
    });
    expect(header(0, 'anchor-signature')).toContain(`t=${header(0, 'anchor-timestamp')},`);
  });
});

describe('what a response means', () => {
  const RETRIED: Record<VendorName, Step[]> = {
    langsmith: [408, 425, 429, 500, 503, 599, 'cut'],
    agentMessage: [408, 429, 500, 503, 'cut'],
    polyai: [408, 429, 500, 503, 599, 'cut'],
    ada: [301, 400, 401, 403, 404, 409, 410, 429, 500, 503, 'cut'],
    anchorBrowser: [302, 400, 401, 403, 404, 410, 429, 500, 503, 'cut'],
  };
  const FINAL: Record<VendorName, number[]> = {
    langsmith: [400, 401, 403, 404, 409, 410, 413],
    agentMessage: [302, 400, 401, 403, 404, 409, 410, 425],
    polyai: [302, 400, 401, 403, 404, 409, 410, 425],
    ada: [],
    anchorBrowser: [],
  };
  const DELIVERED: Record<VendorName, number[]> = {
    langsmith: [200, 204, 299, 302, 304],
    agentMessage: [200, 204, 299],
    polyai: [200, 204, 299],
    ada: [200, 204, 299],
    anchorBrowser: [200, 204, 299],
  };
  const cases = <T>(table: Record<VendorName, T[]>): [VendorName, T][] =>
    VENDORS.flatMap((vendor) => table[vendor].map((step): [VendorName, T] => [vendor, step]));

  it.each(cases(RETRIED))('%s tries again after %s', async (vendor, step) => {
    receiver.script(step, 200);
    const sender = await start(vendor);
    sender.emit();
    await sender.idle();
    const answer = step === 'cut' ? 'transport-error' : step;
    expect(sender.events()[0]).toMatchObject({ state: 'delivered', answers: [answer, 200] });
  });

  it.each(cases(FINAL))('%s drops the event for good after %s', async (vendor, status) => {
    receiver.script(status, 200);
    const sender = await start(vendor);
    sender.emit();
    await sender.idle();
    expect(sender.events()[0]).toMatchObject({ state: 'lost', answers: [status] });
  });

  it.each(cases(DELIVERED))('%s takes %s for a success', async (vendor, status) => {
    receiver.script(status, 500);
    const sender = await start(vendor);
    sender.emit();
    await sender.idle();
    expect(sender.events()[0]).toMatchObject({ state: 'delivered', answers: [status] });
  });

  it.each(VENDORS)('%s tries again when no one listens', async (vendor) => {
    const sender = await start(vendor, { receiverUrl: 'http://127.0.0.1:1/hooks' });
    sender.emit();
    await sender.idle();
    const attempts = sender.account.delivery.attemptsAfterSeconds.length;
    expect(sender.events()[0]?.answers).toEqual(Array(attempts).fill('transport-error'));
  });

  const TIMEOUT_SECONDS: Record<VendorName, number> = {
    langsmith: 20,
    agentMessage: 10,
    polyai: 5,
    ada: 15,
    anchorBrowser: 10,
  };
  it.each(VENDORS)('%s waits as long as documented for a response, then tries again', async (vendor) => {
    receiver.script('hang', 200);
    const clock = new StoppedClock();
    const sender = await start(vendor, { clock, attemptsAfterSeconds: [0, 1] });
    sender.emit();
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(clock.waits()).toEqual([TIMEOUT_SECONDS[vendor] * 1000]);
    clock.advance(TIMEOUT_SECONDS[vendor] * 1000);
    await expect.poll(() => sender.stats().attempts).toBe(1);
    clock.advance(1000);
    await sender.idle();
    expect(sender.events()[0]).toMatchObject({ state: 'delivered', answers: ['timeout', 200] });
  });

  it('ignores Retry-After, which none of the vendors documents', async () => {
    receiver.script({ status: 503, headers: { 'Retry-After': '1' } });
    const clock = new StoppedClock();
    const sender = await start('polyai', { clock, timeScale: 1 });
    sender.emit();
    await expect.poll(() => sender.stats().attempts).toBe(1);
    expect(clock.waits()).toEqual([60_000]);
  });
});

describe('the schedule', () => {
  const MINUTE = 60_000;
  const HOUR = 60 * MINUTE;
  const WAITS: Record<VendorName, number[]> = {
    langsmith: [30_000, MINUTE, 2 * MINUTE],
    agentMessage: [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR],
    polyai: [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR],
    ada: [5000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR],
    anchorBrowser: [5000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR],
  };

  it.each(VENDORS)('%s keeps to its waits, then drops the event', async (vendor) => {
    receiver.script(503);
    const clock = new StoppedClock();
    const sender = await start(vendor, { clock, timeScale: 1 });
    sender.emit();
    for (const [index, wait] of WAITS[vendor].entries()) {
      await expect.poll(() => sender.stats().attempts).toBe(index + 1);
      expect(clock.waits()).toEqual([wait]);
      clock.advance(wait);
    }
    await sender.idle();
    expect(clock.waits()).toEqual([]);
    expect(sender.stats()).toMatchObject({ sent: 1, attempts: WAITS[vendor].length + 1, lost: 1 });
  });

  it('is shortened by timeScale, down to the floor', async () => {
    receiver.script(503);
    const clock = new StoppedClock();
    const sender = await start('polyai', { clock, timeScale: 1 / 3000, minRetryDelayMs: 50 });
    sender.emit();
    for (const [index, wait] of [50, 100, 300, 1200, 4800].entries()) {
      await expect.poll(() => sender.stats().attempts).toBe(index + 1);
      expect(clock.waits()[0]).toBeCloseTo(wait, 6);
      clock.advance(Math.ceil(wait));
    }
    await sender.idle();
  });

  it.each(VENDORS)('%s sends the same body in every attempt', async (vendor) => {
    receiver.script(503, 503, 200);
    const sender = await start(vendor);
    sender.emit();
    await sender.idle();
    expect(body(1)).toEqual(body(0));
    expect(body(2)).toEqual(body(0));
  });

  it.each([
    ['polyai', 'x-polyai-event-id'],
    ['ada', 'svix-id'],
  ] as const)('%s sends the same id in the header of every attempt', async (vendor, name) => {
    receiver.script(503, 200);
    const sender = await start(vendor);
    sender.emit();
    await sender.idle();
    expect(header(1, name)).toBe(header(0, name));
  });

  it('Anchor sends another delivery id in every attempt', async () => {
    receiver.script(503, 200);
    const sender = await start('anchorBrowser');
    sender.emit();
    await sender.idle();
    expect(header(1, 'anchor-delivery-id')).not.toBe(header(0, 'anchor-delivery-id'));
  });

  const TIMESTAMP: Partial<Record<VendorName, (index: number) => number>> = {
    agentMessage: (index) => Number(/^t=(\d+),/.exec(header(index, 'x-amcore-signature'))?.[1]),
    polyai: (index) => Number(header(index, 'x-polyai-timestamp')),
    ada: (index) => Number(header(index, 'svix-timestamp')),
    anchorBrowser: (index) => Number(header(index, 'anchor-timestamp')),
  };
  it.each(Object.entries(TIMESTAMP))('%s signs a retry with its own time', async (name, timestamp) => {
    receiver.script(503, 200);
    const clock = new StoppedClock();
    const vendor = VENDORS.find((one) => one === name) ?? 'polyai';
    const sender = await start(vendor, { clock, timeScale: 1, attemptsAfterSeconds: [0, 90] });
    sender.emit();
    await expect.poll(() => sender.stats().attempts).toBe(1);
    clock.advance(90_000);
    await sender.idle();
    expect(timestamp(0)).toBe(Date.UTC(2026, 10, 20, 12) / 1000);
    expect(timestamp(1)).toBe(timestamp(0) + 90);
    const { account } = sender;
    const signature = header(1, account.signatureHeader.toLowerCase());
    const event = { id: sender.events()[0]?.id ?? '', body: body(1) };
    expect(signature).toContain(account.digest(sender.secrets().endpoint, event, timestamp(1)));
  });

  it('repeats time and signature in a retry if told to', async () => {
    receiver.script(503, 200);
    const clock = new StoppedClock();
    const sender = await start('polyai', {
      clock,
      attemptsAfterSeconds: [0, 90],
      timeScale: 1,
      retrySignature: 'repeated',
    });
    sender.emit();
    await expect.poll(() => sender.stats().attempts).toBe(1);
    clock.advance(90_000);
    await sender.idle();
    expect(receiver.received[1]?.headers).toEqual(receiver.received[0]?.headers);
  });
});

describe('the account of deliveries', () => {
  it('counts what was sent, tried, delivered, retried and lost', async () => {
    receiver.script(200, 503, 503, 401, 200);
    const sender = await start('langsmith');
    sender.emit();
    await sender.idle();
    sender.emit();
    await sender.idle();
    sender.emit();
    await sender.idle();
    expect(sender.stats()).toEqual({
      sent: 3,
      attempts: 5,
      delivered: 2,
      retried: 1,
      lost: 1,
      pending: 0,
      answers: { 200: 2, 401: 1, 503: 2 },
    });
  });

  it('counts an event as pending until its outcome is known', async () => {
    receiver.script('hang');
    const sender = await start('langsmith');
    sender.emit(2);
    expect(sender.stats()).toMatchObject({ sent: 2, pending: 2, attempts: 0 });
  });

  it('keeps the time of the first success', async () => {
    const clock = new StoppedClock();
    const sender = await start('langsmith', { clock });
    sender.emit();
    await sender.idle();
    expect(sender.events()[0]?.deliveredAt).toEqual(new Date(clock.now()));
  });

  it('tells onAttempt of every attempt, and which one was the last', async () => {
    receiver.script(503, 200);
    const seen: AttemptEvent[] = [];
    const sender = await start('polyai', { onAttempt: (attempt) => seen.push(attempt) });
    sender.emit();
    await sender.idle();
    const eventId = sender.events()[0]?.id;
    expect(seen).toEqual([
      { eventId, sequence: 1, attempt: 1, answer: 503, final: false },
      { eventId, sequence: 1, attempt: 2, answer: 200, final: true },
    ]);
  });

  it('calls an attempt final that lost the event', async () => {
    receiver.script(401);
    const seen: [AttemptAnswer, boolean][] = [];
    const sender = await start('polyai', { onAttempt: ({ answer, final }) => seen.push([answer, final]) });
    sender.emit();
    await sender.idle();
    expect(seen).toEqual([[401, true]]);
  });

  it('keeps a bounded record of requests that got a success', async () => {
    receiver.script(401, 200);
    const sender = await start('langsmith');
    sender.emit();
    await sender.idle();
    sender.emit(300);
    await sender.idle();
    const captured = sender.captured();
    expect(captured).toHaveLength(256);
    expect(captured.map(({ event }) => event.sequence)).not.toContain(1);
    expect(captured.at(-1)?.body).toEqual(captured.at(-1)?.event.body);
  });

  it('sends a steady load until it is stopped', async () => {
    const clock = new StoppedClock();
    const sender = await start('langsmith', { clock });
    const stop = sender.run({ perSecond: 100 });
    for (let step = 0; step < 50; step++) clock.advance(10);
    expect(sender.stats().sent).toBe(50);
    await stop();
    expect(sender.stats()).toMatchObject({ delivered: 50, pending: 0 });
    clock.advance(1000);
    expect(sender.stats().sent).toBe(50);
  });

  it('uses connections again', async () => {
    const sender = await start('langsmith');
    for (let event = 0; event < 5; event++) {
      sender.emit();
      await sender.idle();
    }
    expect(new Set(receiver.ports).size).toBe(1);
  });

  it('makes no retry after it is closed', async () => {
    receiver.script(503);
    const clock = new StoppedClock();
    const sender = await start('langsmith', { clock, timeScale: 1 });
    sender.emit();
    await expect.poll(() => clock.waits()).toEqual([30_000]);
    await sender.close();
    expect(clock.waits()).toEqual([]);
    sender.emit();
    expect(sender.stats().sent).toBe(1);
  });

  it('ends everything when it is closed', async () => {
    receiver.script('hang');
    const clock = new StoppedClock();
    const sender = await start('langsmith', { clock });
    sender.run({ perSecond: 10 });
    sender.emit(3);
    await expect.poll(() => receiver.received.length).toBe(3);
    const idle = sender.idle();
    await sender.close();
    await idle;
    expect(clock.waits()).toEqual([]);
    await expect(fetch(sender.apiUrl)).rejects.toThrow();
  });
});

describe('wrong options', () => {
  const code = 'ERR_WEBHOOK_CONFIG_INVALID';

  it.each([
    ['an invalid address', { receiverUrl: 'nonsense' }],
    ['https', { receiverUrl: 'https://127.0.0.1/hooks' }],
    ['a scale of 0', { timeScale: 0 }],
    ['a scale above 1', { timeScale: 2 }],
    ['a scale that is not a number', { timeScale: Number.NaN }],
    ['a timeout of 0', { timeoutSeconds: 0 }],
    ['a schedule without a first attempt', { attemptsAfterSeconds: [] }],
  ])('refuses %s', async (_what, settings) => {
    await expect(start('polyai', settings)).rejects.toMatchObject({ code });
  });

  it.each([
    ['agentMessage', 'not base64 of 32 bytes'],
    ['ada', 'whsec_short'],
    ['anchorBrowser', 'ABCDEF'],
    ['langsmith', 'two words'],
  ] as const)(
    'refuses for %s a first secret of another form, without naming it',
    async (vendor, initialSecret) => {
      const refused = start(vendor, { initialSecret });
      await expect(refused).rejects.toMatchObject({ code });
      await expect(refused).rejects.not.toThrow(initialSecret);
    },
  );

  it('refuses to start Ada without a signer', async () => {
    // @ts-expect-error: the signer is required, which callers from JavaScript only learn at run time.
    const started = simulateSender({ vendor: 'ada', receiverUrl: receiver.url });
    await expect(started).rejects.toMatchObject({ code, message: expect.stringContaining('signWith') });
  });

  it('refuses to start Ada with a signer that is not that of Svix', async () => {
    const started = simulateSender({ vendor: 'ada', receiverUrl: receiver.url, signWith: () => 'abc' });
    await expect(started).rejects.toMatchObject({ code });
  });

  it('refuses a vendor that it does not know', async () => {
    // @ts-expect-error: see above.
    await expect(simulateSender({ vendor: 'acme', receiverUrl: receiver.url })).rejects.toMatchObject({
      code,
    });
  });
});
