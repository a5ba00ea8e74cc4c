import { createSecretKey } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { KeyringEvent } from '../../src/events.ts';
import type { Scheme } from '../../src/scheme/scheme.ts';
import { createKeyring } from '../../src/secrets/create-keyring.ts';
import { KEYRING, type Keyring, type KeyringOptions, type KeySet } from '../../src/secrets/keyring.ts';
import {
  functionSecrets,
  type SecretProvider,
  type SecretSetInput,
  staticSecrets,
} from '../../src/secrets/secrets.ts';
import { WebhookError } from '../../src/webhook-error.ts';

const A = 'first-3f9a1c77e0b24d5d';
const B = 'second-8c41d2ab90ff77e3';
const C = 'third-51e0c93a7bd64f20';

const scheme: Scheme = {
  name: 'plain',
  keyFormat: 'utf8',
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
  freshness: { signed: 'none' },
  importKey(secret) {
    const bytes = Buffer.from(secret);
    if (bytes.length < 16)
      throw new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', 'the key is shorter than 16 bytes');
    return createSecretKey(bytes);
  },
  parseHead() {
    throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', 'not used here');
  },
};

const opened: Keyring[] = [];

afterEach(async () => {
  for (const keyring of opened.splice(0)) await keyring.close();
});

function open(
  provider: SecretProvider | SecretSetInput | string,
  options: KeyringOptions & { observe?: (event: KeyringEvent) => void } = {},
): Keyring {
  const isProvider = typeof provider === 'object' && 'load' in provider;
  const keyring = createKeyring(isProvider ? provider : staticSecrets(provider), { scheme, ...options });
  opened.push(keyring);
  // As a first request would: nothing is loaded before.
  keyring[KEYRING].keys();
  return keyring;
}

/** A provider whose loads get a response by the test. */
function manual() {
  const loads: {
    answer(set: unknown): void;
    fail(error: unknown): void;
    signal: AbortSignal;
    reason: string;
  }[] = [];
  const provider: SecretProvider = {
    name: 'manual',
    load: ({ signal, reason }) =>
      new Promise<SecretSetInput>((resolve, fail) => {
        loads.push({ answer: (set) => resolve(set as SecretSetInput), fail, signal, reason });
      }),
  };
  return { provider, loads };
}

function texts(set: KeySet): string[] {
  return set.keys.map(({ role, key }) => `${role}:${key.export()}`);
}

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

describe('createKeyring()', () => {
  it.each([
    ['an unknown option', { intervalSecond: 5 }, /Did you mean "intervalSeconds"\?/],
    ['a reload of zero', { intervalSeconds: 0 }, /"intervalSeconds"/],
    ['a reload that is not a number', { intervalSeconds: '5' }, /"intervalSeconds"/],
    ['a timeout of NaN', { timeoutSeconds: Number.NaN }, /"timeoutSeconds"/],
    [
      'an infinite cooldown',
      { mismatchCooldownSeconds: Number.POSITIVE_INFINITY },
      /"mismatchCooldownSeconds"/,
    ],
    ['a cooldown of zero', { mismatchCooldownSeconds: 0 }, /"mismatchCooldownSeconds"/],
    ['a negative wait', { mismatchWaitMs: -1 }, /"mismatchWaitMs"/],
    ['a negative retention', { retainPreviousSeconds: -1 }, /"retainPreviousSeconds"/],
    ["an age that the timer can't keep", { intervalSeconds: 100, maxStaleSeconds: 110 }, /at least 123/],
    ['an observer that is not a function', { observe: 'log' }, /"observe"/],
  ])('refuses %s', (_name, options, message) => {
    expect(errorOf(() => open(A, options as KeyringOptions))).toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['a provider without load', { name: 'x' }, scheme],
    ['a provider without a name', { load: () => ({ current: A }) }, scheme],
    ['no provider', undefined, scheme],
    ['no scheme', staticSecrets(A), undefined],
    ['a scheme that was not called', staticSecrets(A), () => scheme],
  ])('refuses %s', (_name, provider, wrong) => {
    const make = () => createKeyring(provider as SecretProvider, { scheme: wrong as Scheme });
    expect(errorOf(make)).toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
  });

  it('has static secrets ready at once', () => {
    expect(texts(open({ current: A, previous: B })[KEYRING].keys())).toEqual([
      `current:${A}`,
      `previous:${B}`,
    ]);
  });

  it('has the set of any provider that returns synchronously ready at once', () => {
    expect(texts(open(functionSecrets(() => ({ current: A })))[KEYRING].keys())).toEqual([`current:${A}`]);
  });

  it("throws if static secrets can't be used", () => {
    expect(errorOf(() => open('changeme'))).toMatchObject({ code: 'ERR_WEBHOOK_SECRETS_INVALID' });
  });

  it('loads nothing and watches nothing until it is used', async () => {
    const calls: string[] = [];
    const provider: SecretProvider = {
      name: 'lazy',
      load: ({ reason }) => {
        calls.push(reason);
        return { current: 'changeme' };
      },
      watch: () => {
        calls.push('watch');
        return () => undefined;
      },
    };
    const keyring = createKeyring(provider, { scheme });
    opened.push(keyring);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual([]);
    await expect(keyring.ready()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_SECRETS_INVALID' });
    expect(calls).toEqual(['watch', 'start']);
  });

  it.each<[string, (keyring: Keyring) => unknown]>([
    ['a request', (keyring) => keyring[KEYRING].keys()],
    ['ready()', (keyring) => keyring.ready()],
    ['health()', (keyring) => keyring.health()],
    ['reload()', (keyring) => keyring.reload()],
    ['revoke()', (keyring) => keyring.revoke('a')],
  ])('loads when it is used by %s', (_name, use) => {
    let loads = 0;
    const provider = functionSecrets(() => {
      loads++;
      return { current: { secret: A, id: 'a' } };
    });
    const keyring = createKeyring(provider, { scheme });
    opened.push(keyring);
    void use(keyring);
    expect(loads).toBe(1);
  });

  it('uses text or bytes from a function as the current secret', () => {
    for (const loaded of [A, Buffer.from(A)]) {
      expect(texts(open(functionSecrets(() => loaded))[KEYRING].keys())).toEqual([`current:${A}`]);
    }
  });

  it("throws if static secrets can't be loaded, since nothing will load them again", () => {
    const load = () => {
      throw new Error(`no ${A}`);
    };
    const error = errorOf(() => open({ name: 'broken', static: true, load }));
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(A);
  });

  it("does not throw if a source that may recover can't be read", async () => {
    const keyring = open(
      functionSecrets(() => {
        throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      }),
    );
    await expect(keyring.ready()).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining('(ENOENT)'),
    });
  });

  it('waits for nothing and is not ready if the provider takes time', () => {
    expect(open(manual().provider)[KEYRING].keys()).toEqual({ sequence: 0, keys: [] });
  });

  it('shows the key format of its scheme', () => {
    expect(open(A).keyFormat).toBe('utf8');
  });
});

describe('ready()', () => {
  it('resolves with the first good set', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    const ready = keyring.ready();
    loads[0]?.answer({ current: A });
    await ready;
    expect(texts(keyring[KEYRING].keys())).toEqual([`current:${A}`]);
  });

  it("rejects with why the first set can't be used", async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    const ready = keyring.ready();
    loads[0]?.answer({ current: [] });
    await expect(ready).rejects.toMatchObject({ code: 'ERR_WEBHOOK_SECRETS_INVALID' });
    await expect(keyring.ready()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_SECRETS_INVALID' });
  });

  it('rejects without what the provider said when the first load fails', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    const cause = new SyntaxError(`Unexpected token in "${A}"`);
    loads[0]?.fail(Object.assign(cause, { code: 'ERR_PARSE', input: A }));
    const error = await keyring.ready().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    expect((error as Error).message).toContain('(SyntaxError, ERR_PARSE)');
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(A);
  });

  it.each([
    ['undefined', undefined],
    ['text', A],
    ['names and codes that may be secrets', { name: A, code: A }],
    ["a thing that can't be read", new Proxy({}, { get: () => errorOf(() => JSON.parse(A)) })],
  ])('rejects cleanly when the provider throws %s', async (_name, thrown) => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    loads[0]?.fail(thrown);
    const error = await keyring.ready().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(A);
  });

  it('passes on what a provider of this package found', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    loads[0]?.fail(new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', 'the file is not JSON', { cause: A }));
    const error = await keyring.ready().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_SECRETS_INVALID',
      message: 'manual: the file is not JSON',
    });
    expect((error as Error).cause).toBeUndefined();
  });

  it('causes no unhandled rejection if nothing waits for it', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    try {
      const { provider, loads } = manual();
      const keyring = open(provider);
      void keyring.ready();
      void keyring.reload();
      loads[0]?.fail(new Error('down'));
      await expect.poll(() => loads.length).toBe(2);
      loads[1]?.fail(new Error('down'));
      await expect.poll(() => keyring.health().lastReload?.reason).toBe('manual');
      void keyring.ready();
      await keyring.close();
      void keyring.ready();
      void keyring.reload();
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('reload()', () => {
  it('swaps the whole set, and refuses what is no longer listed', async () => {
    let set: SecretSetInput = { current: A, previous: B };
    const keyring = open(functionSecrets(async () => set));
    await keyring.ready();
    const taken = keyring[KEYRING].keys();
    set = { current: C };
    await keyring.reload();
    expect(texts(keyring[KEYRING].keys())).toEqual([`current:${C}`]);
    expect(texts(taken)).toEqual([`current:${A}`, `previous:${B}`]);
  });

  it('loads static secrets again', async () => {
    const set = { current: A };
    const keyring = open(staticSecrets(set));
    set.current = B;
    await keyring.reload();
    expect(texts(keyring[KEYRING].keys())).toEqual([`current:${B}`]);
  });

  it('resolves with the health after it', async () => {
    const keyring = open(functionSecrets(() => ({ current: A, version: '7' })));
    expect(await keyring.reload()).toMatchObject({
      state: 'ready',
      version: '7',
      lastReload: { reason: 'manual' },
    });
  });

  it.each([
    ['nothing', undefined],
    ['no current', {}],
    ['an empty secret', { current: '' }],
    ['a placeholder', { current: 'changeme' }],
    ['a truncated secret', { current: A.slice(0, 9) }],
    ['one bad secret among good ones', { current: C, next: [A, ''] }],
    ['only expired secrets', { current: { secret: C, notAfter: '2001-01-01T00:00:00Z' } }],
  ])('rejects a set with %s whole, and keeps the last good one', async (_name, bad) => {
    let set: unknown = { current: A, previous: B };
    const keyring = open(functionSecrets(async () => set as SecretSetInput));
    await keyring.ready();
    const before = keyring[KEYRING].keys();
    set = bad;
    await expect(keyring.reload()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_SECRETS_INVALID' });
    expect(keyring[KEYRING].keys()).toBe(before);
    expect(keyring.health()).toMatchObject({
      state: 'degraded',
      lastReload: { reason: 'manual', error: { code: 'ERR_WEBHOOK_SECRETS_INVALID' } },
      warnings: expect.arrayContaining([expect.objectContaining({ code: 'reload-failed' })]),
    });
    await keyring.ready();
  });

  it('is over only when a load that began after the call has been applied', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    const order: string[] = [];
    const reload = keyring.reload().then(() => order.push(`reloaded ${texts(keyring[KEYRING].keys())}`));
    loads[0]?.answer({ current: A });
    await keyring.ready();
    order.push(`ready ${texts(keyring[KEYRING].keys())}`);
    expect(loads).toHaveLength(2);
    loads[1]?.answer({ current: B });
    await reload;
    expect(order).toEqual([`ready current:${A}`, `reloaded current:${B}`]);
  });

  it('shares the load that follows among all who asked during one', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    const reloads = [keyring.reload(), keyring.reload(), keyring.reload()];
    loads[0]?.answer({ current: A });
    await keyring.ready();
    loads[1]?.answer({ current: B });
    await Promise.all(reloads);
    expect(loads.map(({ reason }) => reason)).toEqual(['start', 'manual']);
  });

  it('rejects with the error of its own load, not of the one before', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    const reload = keyring.reload();
    loads[0]?.fail(new Error('down'));
    await expect(keyring.ready()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    loads[1]?.answer({ current: A });
    expect((await reload).state).toBe('ready');
  });
});

describe('keys()', () => {
  it('is the same object for as long as nothing changes', () => {
    const keyring = open({ current: A, previous: B });
    expect(keyring[KEYRING].keys()).toBe(keyring[KEYRING].keys());
  });

  it('has a higher sequence when the accepted keys change, and only then', async () => {
    const sets: SecretSetInput[] = [
      { current: A },
      { current: A, version: '2' },
      { current: Buffer.from(A), previous: [] },
      { current: A, next: B },
      { current: B, previous: A },
      { current: B },
      { current: { secret: B, id: 'renamed' } },
    ];
    const last = { current: { secret: B, id: 'renamed' }, version: 'last' };
    const keyring = open(functionSecrets(() => sets.shift() ?? last));
    const sequences = [keyring[KEYRING].keys().sequence];
    for (let count = 0; count < 7; count++) {
      await keyring.reload();
      sequences.push(keyring[KEYRING].keys().sequence);
    }
    expect(sequences).toEqual([1, 1, 1, 2, 2, 3, 4, 4]);
  });

  it('shows no secret when printed, nor do health, events and errors', async () => {
    const events: KeyringEvent[] = [];
    let set: unknown = { current: { secret: A, id: 'blue' }, previous: B };
    const load = async () => set as SecretSetInput;
    const keyring = open(functionSecrets(load), { observe: (event) => events.push(event) });
    await keyring.ready();
    set = { current: ` ${C}` };
    const error = await keyring.reload().catch((thrown: unknown) => thrown);
    const miss = await keyring[KEYRING].reloadForMismatch(keyring[KEYRING].keys());
    const shown = [keyring, keyring[KEYRING].keys(), keyring.health(), events, error, miss].flatMap(
      (thing) => [inspect(thing, { depth: 9, showHidden: true }), JSON.stringify(thing)],
    );
    expect(shown.join('\n')).toContain('blue');
    for (const secret of [A, B, C]) {
      for (const form of ['utf8', 'hex', 'base64'] as const) {
        expect(shown.join('\n')).not.toContain(Buffer.from(secret).toString(form));
      }
    }
  });
});

describe('miss()', () => {
  it('is final at once for static secrets', () => {
    const keyring = open(A);
    expect(keyring[KEYRING].reloadForMismatch(keyring[KEYRING].keys())).toEqual({ state: 'unchanged' });
  });

  it('is uncertain at once for static secrets that announce a rotation', () => {
    const until = new Date(Date.now() + 600_000).toISOString();
    const keyring = open({ current: A, rotating: { until } });
    expect(keyring[KEYRING].reloadForMismatch(keyring[KEYRING].keys())).toMatchObject({
      state: 'uncertain',
      message: expect.stringContaining(until),
    });
  });

  it('returns at once if the set is newer than the one tried', async () => {
    let set = { current: A };
    const keyring = open(functionSecrets(async () => set));
    await keyring.ready();
    const tried = keyring[KEYRING].keys();
    set = { current: B };
    await keyring.reload();
    expect(keyring[KEYRING].reloadForMismatch(tried)).toEqual({
      state: 'changed',
      set: keyring[KEYRING].keys(),
    });
  });

  it('waits for the load under way', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    const miss = keyring[KEYRING].reloadForMismatch(keyring[KEYRING].keys());
    loads[0]?.answer({ current: A });
    expect(await miss).toEqual({ state: 'changed', set: keyring[KEYRING].keys() });
  });
});

describe('revoke()', () => {
  it('removes a key at once, before its promise is settled', () => {
    const keyring = open({ current: { secret: A, id: 'a' }, previous: { secret: B, id: 'b' } });
    const before = keyring[KEYRING].keys();
    void keyring.revoke('b');
    expect(texts(keyring[KEYRING].keys())).toEqual([`current:${A}`]);
    expect(keyring[KEYRING].keys().sequence).toBeGreaterThan(before.sequence);
  });

  it('applies to later sets, with any id and role for the same material', async () => {
    let set: SecretSetInput = { current: { secret: A, id: 'a' } };
    const keyring = open(functionSecrets(() => set));
    await keyring.revoke('a');
    expect(keyring[KEYRING].keys().keys).toEqual([]);
    expect(keyring.health()).toMatchObject({ state: 'not-ready', keys: [], revoked: ['a'] });
    set = { current: B, previous: { secret: Buffer.from(A), id: 'other' }, next: A };
    await keyring.reload();
    expect(texts(keyring[KEYRING].keys())).toEqual([`current:${B}`]);
  });

  it('leaves no key if the set lists nothing else', async () => {
    const keyring = open(functionSecrets(() => ({ current: { secret: A, id: 'a' } })));
    await keyring.revoke('a');
    await keyring.reload();
    expect(keyring[KEYRING].keys().keys).toEqual([]);
    expect(keyring.health().lastReload?.error).toBeUndefined();
  });

  it('bans a default id before any set lists the key', async () => {
    const id = open(B)[KEYRING].keys().keys[0]?.id ?? '';
    let set: SecretSetInput = { current: A };
    const keyring = open(functionSecrets(() => set));
    await keyring.revoke(id);
    set = { current: A, next: { secret: B, id: 'renamed' } };
    await keyring.reload();
    expect(texts(keyring[KEYRING].keys())).toEqual([`current:${A}`]);
  });

  it('refuses an id that no key has, naming those that there are', async () => {
    const keyring = open({ current: { secret: A, id: 'blue' } });
    await expect(keyring.revoke(B)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: 'No loaded key has this id. Known ids: blue.',
    });
  });

  it('can be repeated', async () => {
    const events: string[] = [];
    const keyring = open({ current: { secret: A, id: 'a' } }, { observe: ({ type }) => events.push(type) });
    await keyring.revoke('a');
    await keyring.revoke('a');
    expect(events).toEqual(['secrets-loaded', 'key-revoked']);
  });

  it('of an id that was given to another secret since bans that one too', async () => {
    let set: SecretSetInput = { current: { secret: A, id: 'main' } };
    const keyring = open(functionSecrets(() => set));
    await keyring.revoke('main');
    set = { current: { secret: B, id: 'main' } };
    await keyring.reload();
    await keyring.revoke('main');
    expect(keyring[KEYRING].keys().keys).toEqual([]);
  });
});

describe('health()', () => {
  it('is ready and without warnings for a good set', () => {
    const keyring = open({ current: { secret: A.repeat(2), id: 'a' }, version: '7' });
    expect(keyring.health()).toEqual({
      state: 'ready',
      provider: 'static secrets',
      version: '7',
      loadedAt: expect.any(Date),
      lastReload: { at: expect.any(Date), reason: 'start', error: undefined },
      rotatingUntil: undefined,
      keys: [
        {
          id: 'a',
          role: 'current',
          notBefore: undefined,
          notAfter: undefined,
          matches: 0,
          lastMatchAt: undefined,
          listedSince: expect.any(Date),
        },
      ],
      revoked: [],
      warnings: [],
    });
  });

  it('warns of a previous key without an end', () => {
    const warnings = open({ current: A.repeat(2), previous: B.repeat(2) }).health().warnings;
    expect(warnings.map(({ code }) => code)).toEqual(['previous-without-expiry']);
  });

  it('warns of a key past its end', () => {
    const previous = { secret: B.repeat(2), id: 'old', notAfter: '2001-01-01T00:00:00Z' };
    const warnings = open({ current: A.repeat(2), previous }).health().warnings;
    expect(warnings).toEqual([{ code: 'key-expired', message: expect.stringContaining('old') }]);
  });

  it.each([
    [16, ['secret-short']],
    [23, ['secret-short']],
    [24, []],
  ])('judges a secret of %i bytes by its length', (length, codes) => {
    const warnings = open(A.repeat(2).slice(0, length)).health().warnings;
    expect(warnings.map(({ code }) => code)).toEqual(codes);
  });

  it('counts matches per key over reloads and changes of role', async () => {
    let set: SecretSetInput = { current: { secret: A, id: 'a' } };
    const keyring = open(functionSecrets(() => set));
    keyring[KEYRING].matched('a');
    keyring[KEYRING].matched('a');
    keyring[KEYRING].matched('unknown');
    set = { current: { secret: B, id: 'b' }, previous: { secret: A, id: 'a' } };
    await keyring.reload();
    keyring[KEYRING].matched('a');
    const seen = keyring.health().keys.map(({ id, matches, lastMatchAt }) => [id, matches, lastMatchAt]);
    expect(seen).toEqual([
      ['b', 0, undefined],
      ['a', 3, expect.any(Date)],
    ]);
  });

  it('starts counting from 0 again when an id is reused for another secret', async () => {
    let set: SecretSetInput = { current: { secret: A, id: 'main' } };
    const keyring = open(functionSecrets(() => set));
    keyring[KEYRING].matched('main');
    set = { current: { secret: B, id: 'main' } };
    await keyring.reload();
    expect(keyring.health().keys[0]?.matches).toBe(0);
  });

  it('says when no set was ever loaded', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    expect(keyring.health()).toMatchObject({
      state: 'not-ready',
      lastReload: undefined,
      loadedAt: undefined,
    });
    loads[0]?.fail(new Error('down'));
    await keyring.ready().catch(() => undefined);
    expect(keyring.health()).toMatchObject({ state: 'not-ready', warnings: [{ code: 'reload-failed' }] });
  });
});

describe('observers', () => {
  it('see every load with the ids of its keys', async () => {
    const events: KeyringEvent[] = [];
    const sets: unknown[] = [{ current: { secret: A, id: 'a' }, version: '1' }, { current: '' }];
    const load = () => (sets.shift() ?? { current: { secret: A, id: 'a' } }) as SecretSetInput;
    const keyring = open(functionSecrets(load, 'fn'), { observe: (event) => events.push(event) });
    await keyring.reload().catch(() => undefined);
    await keyring.reload();
    const loaded = { type: 'secrets-loaded', provider: 'fn', keys: [{ id: 'a', role: 'current' }] };
    expect(events).toEqual([
      { ...loaded, reason: 'start', changed: true, version: '1' },
      {
        type: 'secrets-failed',
        provider: 'fn',
        reason: 'manual',
        error: expect.objectContaining({ code: 'ERR_WEBHOOK_SECRETS_INVALID' }),
      },
      { ...loaded, reason: 'manual', changed: false, version: undefined },
    ]);
  });

  it('change nothing by throwing', async () => {
    const observe = () => {
      throw new Error('observer');
    };
    const keyring = open(
      functionSecrets(() => ({ current: A })),
      { observe },
    );
    await keyring.reload();
    expect(texts(keyring[KEYRING].keys())).toEqual([`current:${A}`]);
  });

  it('may ask for a reload themselves', async () => {
    const reloads: Promise<unknown>[] = [];
    const reasons: string[] = [];
    const keyring: Keyring = open(
      functionSecrets(() => ({ current: A })),
      {
        observe: (event) => {
          if (event.type !== 'secrets-loaded') return;
          reasons.push(event.reason);
          if (reasons.length === 2) reloads.push(keyring.reload());
        },
      },
    );
    await keyring.reload();
    await Promise.all(reloads);
    expect(reasons).toEqual(['start', 'manual', 'manual']);
  });
});

describe('close()', () => {
  it('forgets the keys and ends the load under way', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    loads[0]?.answer({ current: A });
    await keyring.ready();
    const reload = keyring.reload();
    const miss = keyring[KEYRING].reloadForMismatch(keyring[KEYRING].keys());
    await keyring.close();
    expect(keyring[KEYRING].keys().keys).toEqual([]);
    expect(loads[1]?.signal.aborted).toBe(true);
    await expect(reload).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    expect(await miss).toMatchObject({ state: 'uncertain' });
  });

  it('ignores a response that comes later', async () => {
    const { provider, loads } = manual();
    const keyring = open(provider);
    const ready = keyring.ready();
    await keyring.close();
    loads[0]?.answer({ current: A });
    await expect(ready).rejects.toMatchObject({ message: expect.stringContaining('closed') });
    expect(keyring[KEYRING].keys().keys).toEqual([]);
    expect(keyring.health()).toMatchObject({ state: 'not-ready', keys: [] });
  });

  it('leaves nothing that can be asked for', async () => {
    const keyring = open(A);
    await keyring.close();
    await keyring.close();
    for (const call of [keyring.ready(), keyring.reload(), keyring.revoke('x')]) {
      await expect(call).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringContaining('closed'),
      });
    }
    expect(keyring[KEYRING].reloadForMismatch(keyring[KEYRING].keys())).toMatchObject({ state: 'uncertain' });
  });

  it('is what `await using` calls', async () => {
    const keyring = open(A);
    await keyring[Symbol.asyncDispose]();
    expect(keyring[KEYRING].keys().keys).toEqual([]);
  });
});

describe('a provider that watches', () => {
  it('is not listened to for a set that is static', () => {
    let watched = 0;
    const watch = () => {
      watched++;
      return () => undefined;
    };
    open({ name: 'fixed', static: true, load: () => ({ current: A }), watch });
    expect(watched).toBe(0);
  });

  it('is harmless when watching fails', () => {
    const watch = () => {
      throw new Error('too many watchers');
    };
    const keyring = open({ name: 'files', load: () => ({ current: A }), watch });
    expect(texts(keyring[KEYRING].keys())).toEqual([`current:${A}`]);
  });

  it('is harmless when it calls back at once, returns nothing to call, or fails to end', async () => {
    const reasons: string[] = [];
    const load: SecretProvider['load'] = ({ reason }) => {
      reasons.push(reason);
      return { current: A };
    };
    const ends = [
      () => {
        throw new Error('no such watcher');
      },
      undefined as unknown as () => void,
    ];
    for (const end of ends) {
      const watch = (changed: () => void) => {
        changed();
        return end;
      };
      await open({ name: 'files', load, watch }).close();
    }
    expect(reasons).toEqual(['start', 'start']);
  });

  it.each([0, 1])('is ended by close(), and not heard after it (%i hints before)', async (hints) => {
    const calls: string[] = [];
    let changed: () => void = () => undefined;
    const keyring = open({
      name: 'files',
      load: ({ reason }) => {
        calls.push(reason);
        return { current: A };
      },
      watch: (hint) => {
        changed = hint;
        return () => calls.push('ended');
      },
    });
    for (let count = 0; count < hints; count++) changed();
    await keyring.close();
    changed();
    expect(calls).toEqual(['start', ...(hints === 0 ? [] : ['change']), 'ended']);
  });
});

describe('keys of another kind than KeyObject', () => {
  it('pass through as the scheme made them', () => {
    interface OwnKey {
      readonly text: string;
    }
    const own: Scheme<OwnKey> = {
      ...(scheme as unknown as Scheme<OwnKey>),
      importKey: (secret) => ({ text: `own ${secret}` }),
    };
    const keyring = createKeyring<OwnKey>(staticSecrets({ current: A }), { scheme: own });
    expect(keyring[KEYRING].keys().keys[0]?.key).toEqual({ text: `own ${A}` });
    expect(keyring.health().warnings).toEqual([]);
    expect(inspect(keyring[KEYRING].keys(), { depth: 9, showHidden: true })).not.toContain(A);
  });
});
