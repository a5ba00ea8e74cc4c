import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { SecretInput } from '@countersign/core';
import {
  assertHides,
  freshSecret,
  idsOf,
  load,
  refusalOf,
  type SecretProviderTarget,
  type SourceFault,
  TIMEOUT_SECONDS,
  textsOf,
  within,
  withKeyring,
} from './secret-provider-probe.ts';

export type { SecretProviderTarget, SourceFault };

/** What a source can't do: list the secret before the current one, contain a whole set as JSON, or fail in a certain way. */
export type SourceLimit = 'no-previous' | 'no-sets' | `no-${SourceFault}`;

/** Options of {@link secretProviderCases}. */
export interface SecretProviderCasesOptions {
  /** What the source can't do. Each limit replaces the cases that need it, and is part of their names. Default: none. */
  readonly limits?: readonly SourceLimit[];
  /** How long a case waits for a source that responds again, in milliseconds. Default: 10,000. */
  readonly patienceMs?: number;
}

interface ProviderCase {
  readonly name: string;
  readonly check: (target: SecretProviderTarget, patienceMs: number) => Promise<void>;
  /** What is checked instead if the source has such a limit. Default: nothing. */
  readonly limited?: Partial<Record<SourceLimit, ProviderCase['check']>>;
}

/**
 * What every provider of secrets must do, as cases for any test runner: a case throws if the provider under test is wrong.
 *
 * @param make Makes a provider and its source for one case. The source contains no secret yet. Called once per case.
 *
 * @example
 * ```ts
 * for (const { name, run } of secretProviderCases(makeMyProvider, { limits: ['no-previous'] })) test(name, run)
 * ```
 */
export function secretProviderCases(
  make: () => Promise<SecretProviderTarget>,
  options: SecretProviderCasesOptions = {},
): { name: string; run(): Promise<void> }[] {
  const { limits = [], patienceMs = 10_000 } = options;
  return CASES.map(({ name, check, limited = {} }) => {
    const limit = limits.find((one) => one in limited);
    return {
      name: limit === undefined ? name : `${name} [limit ${limit}]`,
      async run() {
        const target = await make();
        try {
          await (limit === undefined ? check : limited[limit])?.(target, patienceMs);
        } finally {
          await target.fail(undefined);
          await target.close?.();
        }
      },
    };
  });
}

const NOTHING = async (): Promise<void> => undefined;

const CASES: readonly ProviderCase[] = [
  {
    name: 'the secret at the source is the current one, and there is no other',
    async check(target) {
      const secret = freshSecret();
      await target.put(secret);
      assert.deepEqual(textsOf(await load(target)), { current: [secret], previous: [], next: [] });
    },
  },
  {
    name: 'a secret is used exactly, to the character',
    async check(target) {
      const secret = `whsec_+/=:"\\{}$& ü 🔑 ${randomUUID()}`;
      await target.put(secret);
      assert.deepEqual(textsOf(await load(target)).current, [secret]);
    },
  },
  {
    name: 'each load asks the source again',
    async check(target) {
      for (let count = 0; count < 3; count++) {
        const secret = freshSecret();
        await target.put(secret);
        assert.deepEqual(textsOf(await load(target)).current, [secret]);
      }
    },
  },
  {
    name: 'the replaced secret is the previous one, and an older one is not used',
    async check(target) {
      const secrets = [freshSecret(), freshSecret(), freshSecret()];
      for (const secret of secrets) await target.put(secret);
      const [, previous, current] = secrets;
      assert.deepEqual(textsOf(await load(target)), { current: [current], previous: [previous], next: [] });
    },
    limited: {
      // If the source no longer lists a secret, the keyring keeps it if its options say so.
      async 'no-previous'(target) {
        for (let count = 0; count < 3; count++) {
          await target.put(freshSecret());
          assert.deepEqual(textsOf(await load(target)).previous, []);
        }
      },
    },
  },
  {
    name: 'a set as JSON is read as a whole',
    async check(target) {
      const [current, previous, next] = [freshSecret(), freshSecret(), freshSecret()];
      const notAfter = '2031-01-01T00:00:00.000Z';
      await target.put(freshSecret());
      await target.put(
        JSON.stringify({ current, previous: [{ secret: previous, notAfter }], next, version: 'of the set' }),
      );
      const set = await load(target);
      assert.deepEqual(textsOf(set), { current: [current], previous: [previous], next: [next] });
      assert.equal(set.version, 'of the set');
      const [entry] = [set.previous].flat() as (SecretInput & { notAfter?: string | Date })[];
      assert.equal(new Date(entry?.notAfter ?? 0).toISOString(), notAfter);
    },
    limited: { 'no-sets': NOTHING },
  },
  {
    name: 'a set as JSON that is truncated or has another format is refused, and not quoted',
    async check(target) {
      const secret = freshSecret();
      for (const broken of [
        JSON.stringify({ current: secret }).slice(0, -2),
        JSON.stringify({ current: { secret, notafter: '2031-01-01T00:00:00.000Z' } }),
        JSON.stringify({ key: secret }),
      ]) {
        await target.put(broken);
        await refusalOf(load(target), secret);
      }
    },
    limited: { 'no-sets': NOTHING },
  },
  {
    name: 'another secret has another version, the same secret has the same version',
    async check(target) {
      await target.put(freshSecret());
      const first = await load(target);
      assert.equal((await load(target)).version, first.version);
      await target.put(freshSecret());
      const second = await load(target);
      if (first.version !== undefined) assert.notEqual(second.version, first.version);
    },
  },
  {
    name: 'parallel loads return the same',
    async check(target) {
      const secret = freshSecret();
      await target.put(secret);
      const sets = await Promise.all(Array.from({ length: 10 }, () => load(target)));
      for (const set of sets) assert.deepEqual(textsOf(set).current, [secret]);
    },
  },
  {
    name: 'the provider has a name and shows no secret',
    async check(target) {
      const secret = freshSecret();
      await target.put(secret);
      await load(target);
      assert.equal(typeof target.provider.name, 'string');
      assert.notEqual(target.provider.name.trim(), '');
      assertHides(target.provider, secret);
    },
  },
  {
    name: 'a keyring has the secret when it is ready, and the next one after a reload',
    check: reloadListing(true),
    limited: { 'no-previous': reloadListing(false) },
  },
  gone(),
  ...(['forbidden', 'broken', 'garbage'] as const).map(failing),
  {
    name: 'the provider distinguishes a missing secret from a missing permission',
    async check(target) {
      const secret = freshSecret();
      await target.put(secret);
      const messages = new Set<string>();
      for (const fault of ['missing', 'forbidden'] as const) {
        await target.fail(fault);
        messages.add(await refusalOf(load(target), secret));
      }
      assert.equal(messages.size, 2, 'both have the same message');
    },
    limited: { 'no-missing': NOTHING, 'no-forbidden': NOTHING },
  },
  {
    name: 'a source that does not respond delays nothing, and is asked again',
    async check(target, patienceMs) {
      await target.put(freshSecret());
      await withKeyring(target, async (keyring, clock) => {
        const before = idsOf(keyring);
        await target.fail('hanging');
        await Promise.all([
          assert.rejects(keyring.reload(), { code: 'ERR_WEBHOOK_PROVIDER_FAILED' }),
          clock.advance(TIMEOUT_SECONDS * 1000),
        ]);
        assert.deepEqual(idsOf(keyring), before);
        await target.fail(undefined);
        await within(patienceMs, keyring.reload());
        assert.equal(keyring.health().state, 'ready');
      });
    },
    limited: { 'no-hanging': NOTHING },
  },
  {
    name: 'an empty secret counts as no secret',
    async check(target) {
      await target.put(freshSecret());
      await withKeyring(target, async (keyring) => {
        const before = idsOf(keyring);
        // Some sources accept no empty secret.
        const isTaken = await target.put('').then(
          () => true,
          () => false,
        );
        if (isTaken) await refusalOf(keyring.reload(), before.join());
        else await keyring.reload();
        assert.deepEqual(idsOf(keyring), before);
      });
    },
  },
];

function reloadListing(previous: boolean): ProviderCase['check'] {
  return async (target) => {
    await target.put(freshSecret());
    await withKeyring(target, async (keyring) => {
      const [before = ''] = idsOf(keyring);
      await target.put(freshSecret());
      await keyring.reload();
      assert.notEqual(idsOf(keyring)[0], before);
      assert.equal(keyring.health().state, 'ready');
      assert.equal(idsOf(keyring).includes(before), previous);
    });
  };
}

function gone(): ProviderCase {
  return {
    name: 'if the secret is missing at the source, no key is left, the error says why without a secret, and the source is used again when the secret is back',
    async check(target) {
      const secret = freshSecret();
      await target.put(secret);
      await withKeyring(target, async (keyring) => {
        await target.fail('missing');
        await refusalOf(keyring.reload(), secret);
        assert.deepEqual(idsOf(keyring), [], 'no key is left');
        const { state, warnings } = keyring.health();
        assert.equal(state, 'not-ready');
        assert.deepEqual(
          warnings.map(({ code }) => code),
          ['secrets-gone'],
          'the load throws or returns secretsGone()',
        );
        assertHides(keyring.health(), secret);
        await target.fail(undefined);
        await keyring.reload();
        assert.equal(keyring.health().state, 'ready');
      });
    },
    limited: { 'no-missing': NOTHING },
  };
}

function failing(fault: Exclude<SourceFault, 'hanging' | 'missing'>): ProviderCase {
  return {
    name: `if the source fails (${fault}), the keys stay, the error says why without a secret, and the source is used again when it works`,
    async check(target) {
      const secret = freshSecret();
      await target.put(secret);
      await withKeyring(target, async (keyring) => {
        const before = idsOf(keyring);
        await target.fail(fault);
        await refusalOf(keyring.reload(), secret);
        assert.deepEqual(idsOf(keyring), before, 'the keys stay');
        assert.equal(keyring.health().state, 'degraded');
        assertHides(keyring.health(), secret);
        await target.fail(undefined);
        await keyring.reload();
        assert.equal(keyring.health().state, 'ready');
      });
    },
    limited: { [`no-${fault}`]: NOTHING },
  };
}
