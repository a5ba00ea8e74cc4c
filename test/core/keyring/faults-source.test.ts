import { randomInt } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { A, B, type FaultFixture, FORGED, startFaultFixture } from '../../support/keyring/fixture.ts';

const CANARY = 'canary-5f2b9c3e7a-5f2b9c3e7a';
const READY = { state: 'ready', secrets: { lastReload: { error: undefined } } };

let fixture: FaultFixture;

beforeEach(async () => {
  fixture = await startFaultFixture({ intervalSeconds: 100_000, mismatchWaitMs: 0 });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await fixture.close();
  expect(fixture.clock.pending()).toBe(0);
});

/** The error of a reload whose response the test's faults have in hand. */
async function failure(reload: Promise<unknown>): Promise<Error> {
  const error = await reload.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof Error ? error : expect.fail('The reload succeeded.');
}

/** The set from before is in use, operators are told, and a delivery that matches no key is retried. */
async function expectLastGoodSet(message: RegExp, code = 'ERR_WEBHOOK_PROVIDER_FAILED'): Promise<void> {
  const { verifier, events, deliver } = fixture;
  expect(await deliver(A)).toBe('current');
  expect(await deliver(FORGED)).toBe('SECRETS_UNCERTAIN');
  expect(verifier.health()).toMatchObject({
    state: 'degraded',
    secrets: { version: '1', lastReload: { error: { code, message: expect.stringMatching(message) } } },
    warnings: [{ code: 'reload-failed', message: expect.stringMatching(message) }],
  });
  expect(events.find(({ type }) => type === 'secrets-failed')).toMatchObject({ error: { code } });
}

/** Once the source works again, the next load is as good as any. */
async function expectRecovery(): Promise<void> {
  const { service, verifier, deliver } = fixture;
  await service.proxy.heal();
  service.refuse = undefined;
  service.content = { current: B, previous: A, version: '2' };
  expect(await verifier.reload()).toMatchObject(READY);
  expect([await deliver(B), await deliver(A)]).toEqual(['current', 'previous']);
}

describe('a source that hangs', () => {
  it('holding the call: known keys verify meanwhile, and the call is given up with its connection', async () => {
    const { service, verifier, clock, deliver } = fixture;
    service.hold = true;
    const reload = failure(verifier.reload());
    await vi.waitFor(() => expect(service.held).toHaveLength(1));
    // The clock is stopped: a request that waited for the load would wait for ever.
    for (let count = 0; count < 100; count++) expect(await deliver(A)).toBe('current');
    await clock.advance(2999);
    expect(service.held[0]?.isGone).toBe(false);
    await clock.advance(1);
    expect(String(await reload)).toMatch(/no response within 3 s/);
    await vi.waitFor(() => expect(service.held[0]?.isGone).toBe(true));
    await service.settled();
    await expectLastGoodSet(/no response within 3 s/);
    service.hold = false;
    await expectRecovery();
  });

  it.each(['requests', 'replies'] as const)('behind a network that swallows the %s', async (direction) => {
    const { service, verifier, clock } = fixture;
    service.proxy.fault(direction, { type: 'black-hole' });
    const reload = failure(verifier.reload());
    await vi.waitFor(() => expect(service.proxy.stats().swallowedBytes[direction]).toBeGreaterThan(0));
    await clock.advance(3000);
    await reload;
    await service.settled();
    await expectLastGoodSet(/no response within 3 s/);
    service.proxy.cut();
    await expectRecovery();
  });
});

describe('a source that refuses', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['the connection', () => fixture.service.proxy.refuse(), /ECONNREFUSED/],
    ['the call', () => Object.assign(fixture.service, { refuse: () => 503 }), /code 503/],
    ['the call for good', () => Object.assign(fixture.service, { refuse: () => 403 }), /code 403/],
    [
      'before the call arrives',
      () => fixture.service.proxy.fault('requests', { type: 'cut' }),
      /ECONNRESET|SOCKET/,
    ],
    ['to answer', () => fixture.service.proxy.fault('replies', { type: 'cut', how: 'end' }), /SOCKET/],
    [
      'to go on in the middle of the response',
      () => fixture.service.proxy.fault('replies', { type: 'cut', afterBytes: 150 }),
      /ECONNRESET|SOCKET|TypeError|SyntaxError/,
    ],
  ])('%s', async (_what, refuse, message) => {
    await refuse();
    expect(String(await failure(fixture.verifier.reload()))).toMatch(message);
    await expectLastGoodSet(message);
    await expectRecovery();
  });
});

describe('a source that responds slowly', () => {
  it('in time, at the last moment: its set counts', async () => {
    const { service, verifier, clock, deliver } = fixture;
    service.hold = true;
    const reload = verifier.reload();
    await vi.waitFor(() => expect(service.held).toHaveLength(1));
    await clock.advance(2999);
    service.held[0]?.answer(JSON.stringify({ current: B }));
    expect(await reload).toMatchObject(READY);
    expect(await deliver(B)).toBe('current');
  });

  it.each([
    ['later than the timeout', { type: 'delay', delayMs: 3001 }],
    ['byte for byte, longer than the timeout in all', { type: 'trickle', bytes: 1, intervalMs: 50 }],
  ] as const)('%s: its set does not count', async (_what, fault) => {
    const { service, verifier, clock } = fixture;
    service.content = { current: B };
    service.proxy.fault('replies', fault);
    const calls = service.calls.length;
    const reload = failure(verifier.reload());
    await vi.waitFor(() => expect(service.calls.length).toBeGreaterThan(calls));
    await clock.advance(3000);
    expect(String(await reload)).toMatch(/no response within 3 s/);
    await service.settled();
    await expectLastGoodSet(/no response/);
    await expectRecovery();
  });
});

it('a source that responds out of order: of ten responses the newest counts, whenever the others come', async () => {
  await fixture.close();
  fixture = await startFaultFixture({ intervalSeconds: 100_000, mismatchWaitMs: 0, isDeaf: true });
  const { service, verifier, clock, deliver } = fixture;
  service.hold = true;
  void verifier.reload();
  for (let load = 1; load < 10; load++) {
    await vi.waitFor(() => expect(service.held).toHaveLength(load));
    await clock.advance(3000);
    void verifier.reload();
  }
  await vi.waitFor(() => expect(service.held).toHaveLength(10));
  const calls = [...service.held];
  calls.pop()?.answer(JSON.stringify({ current: B, version: 'newest' }));
  await service.settled(9);
  await clock.advance(0);
  while (calls.length > 0) {
    expect(await deliver(B)).toBe('current');
    expect(verifier.health()).toMatchObject({ state: 'ready', secrets: { version: 'newest' } });
    const [late] = calls.splice(randomInt(calls.length), 1);
    late?.answer(JSON.stringify({ current: A, version: `late-${calls.length}` }));
    await service.settled(calls.length);
    await clock.advance(0);
  }
  expect(await deliver(B)).toBe('current');
});

const set = (more: object): string => JSON.stringify({ current: CANARY, ...more });
const GARBAGE: [what: string, body: string | Buffer, headers?: Record<string, string>][] = [
  ['nothing', ''],
  ['white space', ' \n'],
  ['null', 'null'],
  ['a list', `["${CANARY}"]`],
  ['a text that is too short', '"canary"'],
  ['a number', '42'],
  ['half a set', set({}).slice(0, -2)],
  ['two sets', set({}) + set({})],
  ['a page of a proxy', `<html><body>${CANARY}</body></html>`],
  ['a set that says it is packed', set({}), { 'Content-Encoding': 'gzip' }],
  ['bytes that are not text', Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x00])],
  ['an envelope around the set', `{"data":${set({})}}`],
  ['no current secret', `{"previous":"${CANARY}"}`],
  ['an empty secret', '{"current":""}'],
  ['a list without secrets', '{"current":[]}'],
  ['a blank secret', `{"current":"${' '.repeat(32)}"}`],
  ['a placeholder', '{"current":"changeme"}'],
  ['a short secret', '{"current":"canary"}'],
  ['a secret that is not text', '{"current":{"secret":12345678901234567890}}'],
  ['a bad previous secret beside a good one', set({ previous: 'short' })],
  ['a misspelt name', set({ previuos: CANARY })],
  ['an end that is not a time', set({ previous: { secret: `${CANARY}-2`, notAfter: 'tomorrow' } })],
  ['secrets that are all over', `{"current":{"secret":"${CANARY}","notAfter":"2001-01-01T00:00:00Z"}}`],
  ['nine keys', JSON.stringify({ current: Array.from({ length: 9 }, (_, n) => `${CANARY}-${n}`) })],
  ['one id for two keys', set({ current: ['1', '2'].map((n) => ({ secret: CANARY + n, id: 'one' })) })],
  ['a rotation without an end', set({ rotating: { until: 'soon' } })],
];

describe('a source that responds garbage', () => {
  it.each(GARBAGE)('%s', async (_what, body, headers = {}) => {
    const { service, verifier, events } = fixture;
    service.content = body;
    Object.assign(service.headers, headers);
    const error = await failure(verifier.reload());
    await expectLastGoodSet(/secret service/, (error as Error & { code: string }).code);
    const shown = inspect([error, verifier.health(), events], { depth: 9, showHidden: true });
    expect(shown.includes('canary'), 'what the source answered was shown').toBe(false);
    delete service.headers['Content-Encoding'];
    await expectRecovery();
  });
});
