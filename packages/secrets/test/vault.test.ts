import { createKeyring } from '@countersign/core';
import { KEYRING } from '@countersign/core/extend';
import { vaultTarget } from '@countersign/rotation';
import { polyai } from '@countersign/schemes';
import { type VaultSecretsOptions, vaultSecrets } from '@countersign/secrets/vault';
import { manualClock, secretProviderCases } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf, loadSet, rolesOf } from '../../../test/support/secrets/load.ts';
import { PATH, startVaultServer, type VaultServer } from '../../../test/support/secrets/vault-server.ts';

const [A, B, C] = ['the-first-secret-of-all', 'the-second-secret-here', 'the-third-secret-to-sign'];
const HOUR_MS = 3_600_000;

describe('Vault, through node-vault', () => {
  const make = async () => {
    const server = await startVaultServer();
    return {
      provider: vaultSecrets({ client: server.client, path: PATH }),
      async put(secret: string) {
        server.put({ secret, owner: 'team-a' });
      },
      fail(fault: VaultServer['fault']) {
        server.fault = fault;
      },
      close: () => server.close(),
    };
  };
  for (const { name, run } of secretProviderCases(make)) it(name, run);
});

let server: VaultServer;
beforeEach(async () => {
  server = await startVaultServer();
});
afterEach(() => server.close());

const secrets = (options: Partial<VaultSecretsOptions> = {}) =>
  vaultSecrets({
    client: server.client,
    path: PATH,
    clock: { ...manualClock(), now: () => +server.now },
    ...options,
  });

describe('the versions', () => {
  it('are ordered by number, past the ninth too', async () => {
    for (let count = 1; count <= 11; count++) server.put({ secret: `secret-number-${count}-of-many` });
    expect(rolesOf(await loadSet(secrets()))).toEqual({
      current: ['secret-number-11-of-many'],
      previous: ['secret-number-10-of-many'],
    });
  });

  it('that are deleted or destroyed are passed over', async () => {
    const [first, second, third] = [
      server.put({ secret: A }),
      server.put({ secret: B }),
      server.put({ secret: C }),
    ];
    third.deletedAt = '2029-12-31T00:00:00Z';
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [B], previous: [A] });
    second.destroyed = true;
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [A] });
    third.deletedAt = '';
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [C], previous: [A] });
    for (const version of [first, third]) version.destroyed = true;
    expect((await failureOf(secrets())).message).toMatch(/Every version is deleted/);
  });

  it('that will be deleted by themselves are accepted until then', async () => {
    server.deleteAfterMs = HOUR_MS;
    server.put({ secret: A });
    server.now = new Date(+server.now + HOUR_MS / 2);
    server.put({ secret: B });
    expect(await loadSet(secrets())).toMatchObject({
      current: { secret: B, notAfter: new Date(+server.now + HOUR_MS) },
      previous: { secret: A, notAfter: new Date(+server.now + HOUR_MS / 2) },
    });
    server.now = new Date(+server.now + HOUR_MS / 2);
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [B] });
  });

  it('that the server has dropped are not missed', async () => {
    server.maxVersions = 1;
    const provider = secrets();
    for (const secret of [A, B, C]) {
      server.put({ secret });
      expect(rolesOf(await loadSet(provider))).toEqual({ current: [secret] });
    }
  });

  it('of a replica that lags behind are stale, not a rollback', async () => {
    const provider = secrets();
    server.put({ secret: A });
    server.put({ secret: B });
    await using keyring = createKeyring(provider, { scheme: polyai() });
    await keyring.ready();
    const [ahead] = keyring[KEYRING].keys().keys;
    const second = server.versions.get(2);
    server.versions.delete(2);
    await expect(keyring.reload()).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringMatching(/stale/),
    });
    expect(keyring[KEYRING].keys().keys[0]).toBe(ahead);
    if (second !== undefined) server.versions.set(2, second);
    await keyring.reload();
    expect(keyring.health().state).toBe('ready');
  });

  it('that become fewer while they are read make the load fail, and the next one returns the set', async () => {
    server.put({ secret: A });
    const second = server.put({ secret: B });
    server.onRead = (path) => {
      if (path.includes('metadata')) second.deletedAt = '2029-12-31T00:00:00Z';
    };
    const provider = secrets();
    expect(await failureOf(provider)).toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    expect(rolesOf(await loadSet(provider))).toEqual({ current: [A] });
  });
});

describe('the time of the replaced secret', () => {
  it('counts from when the one that replaced it was written', async () => {
    server.put({ secret: A });
    server.now = new Date(+server.now + HOUR_MS);
    server.put({ secret: B });
    const retained = secrets({ retainPreviousSeconds: 600 });
    expect(await loadSet(retained)).toMatchObject({
      previous: { secret: A, notAfter: new Date(+server.now + 600_000) },
    });
    expect(rolesOf(await loadSet(secrets({ retainPreviousSeconds: 0 })))).toEqual({ current: [B] });
  });

  it('ends with the version, if that is earlier', async () => {
    server.deleteAfterMs = HOUR_MS;
    server.put({ secret: A });
    const end = new Date(+server.now + HOUR_MS);
    server.put({ secret: B });
    expect(await loadSet(secrets({ retainPreviousSeconds: 86_400 }))).toMatchObject({
      previous: { notAfter: end },
    });
  });
});

describe('the field', () => {
  it('contains a set, as rotation writes it, in addition to other fields', async () => {
    const set = { current: B, previous: [{ secret: A, notAfter: '2031-01-01T00:00:00Z' }], version: 'one' };
    server.put({ secret: A, owner: 'team-a' });
    await vaultTarget({ client: server.client, path: PATH }).write(set);
    expect(await loadSet(secrets())).toEqual(set);
    expect(await loadSet(secrets({ field: 'set', format: 'json' }))).toEqual(set);
  });

  it('may have another name', async () => {
    server.put({ secret: A, polyai: B });
    expect(rolesOf(await loadSet(secrets({ field: 'polyai' })))).toEqual({ current: [B] });
    expect((await failureOf(secrets({ field: 'anchor' }))).message).toMatch(/field "anchor".*Check "field"/);
  });

  it('is new: the version before it contained something else, which is not a secret', async () => {
    server.put({ password: A });
    server.put({ secret: B });
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [B] });
  });

  it('that contains no text is refused, and not quoted', async () => {
    server.put({ secret: { value: A } });
    const error = await failureOf(secrets());
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringMatching(/as text/),
    });
    expect(error.message).not.toContain(A);
  });
});

describe('the token', () => {
  it('is the client’s to renew: with a new one the next load works', async () => {
    server.put({ secret: A });
    const provider = secrets();
    await loadSet(provider);
    server.token = 'hvs.renewed';
    expect(await failureOf(provider)).toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringMatching(/"read" on this path.*token has expired/),
    });
    server.client.token = 'hvs.renewed';
    expect(rolesOf(await loadSet(provider))).toEqual({ current: [A] });
  });
});

it('asks the two paths that its permission is for, each version by its number', async () => {
  server.put({ secret: A });
  server.put({ secret: B });
  await loadSet(secrets());
  expect(server.asked).toEqual([
    '/v1/secret/metadata/webhooks/anchor',
    '/v1/secret/data/webhooks/anchor?version=2',
    '/v1/secret/data/webhooks/anchor?version=1',
  ]);
});

describe('a failure names its cause and what to do', () => {
  const failing =
    (statusCode: number, body: object = {}, headers: object = {}) =>
    async () => {
      throw Object.assign(new Error(`it shows ${A}`), { response: { statusCode, body, headers } });
    };
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['throttled', failing(429), /Vault throttles this client \(429\).*createKeyring/],
    ['sealed', failing(503), /sealed or in maintenance \(503\)/],
    ['not initialized', failing(501), /not initialized/],
    ['a standby', failing(473), /standby.*active node/],
    ['no token', failing(400), /Check that the client has a token/],
    [
      'another mount',
      failing(404, { errors: ['no handler for route "kv"'] }),
      /no secrets engine at its mount/,
    ],
    ['KV version 1', async () => ({ data: { secret: A } }), /mount is KV version 1/],
    ['a proxy', async () => `<html>${A}</html>`, /not one of Vault's API.*proxy/],
  ])('%s', async (_what, read, message) => {
    const error = await failureOf(vaultSecrets({ client: { read }, path: PATH }));
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringMatching(message),
    });
    expect(Reflect.get(error, 'secretsGone'), 'the last good set stays').toBeUndefined();
    expect(error.message).not.toContain(A);
  });

  it('passes on when it may be asked again', async () => {
    const client = { read: failing(429, {}, { 'retry-after': '17' }) };
    expect(await failureOf(vaultSecrets({ client, path: PATH }))).toMatchObject({ retryAfterSeconds: 17 });
  });
});

it('a secret that was deleted and created again is followed', async () => {
  server.put({ secret: A });
  server.put({ secret: B });
  const provider = secrets();
  await loadSet(provider);
  server.versions.clear();
  const error = await failureOf(provider);
  expect(Reflect.get(error, 'secretsGone')).toBe(true);
  server.now = new Date(server.now.getTime() + 60_000);
  server.put({ secret: C });
  expect(rolesOf(await loadSet(provider))).toEqual({ current: [C] });
});

it('a secret whose versions are all deleted is gone', async () => {
  const version = server.put({ secret: A });
  version.destroyed = true;
  expect(Reflect.get(await failureOf(secrets()), 'secretsGone')).toBe(true);
});

describe('wrong options', () => {
  it.each<[Record<string, unknown>, RegExp]>([
    [{ client: undefined }, /read\(\)/],
    [{ client: {} }, /read\(\)/],
    [{ path: '' }, /secret\/data\/webhooks/],
    [{ path: 'secret/webhooks/anchor' }, /secret\/data\/webhooks/],
    [{ path: '/secret/data/anchor' }, /secret\/data\/webhooks/],
    [{ path: 'secret/data/' }, /secret\/data\/webhooks/],
    [{ path: 'secret/data/anchor?version=1' }, /secret\/data\/webhooks/],
    [{ field: '' }, /"field"/],
    [{ format: 'yaml' }, /"format"/],
    [{ clock: 1 }, /"clock"/],
    [{ mount: 'secret' }, /option "mount"/],
  ])('%o', (wrong, message) => {
    expect(() => secrets(wrong as Partial<VaultSecretsOptions>)).toThrow(
      expect.objectContaining({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringMatching(message),
      }),
    );
  });
});
