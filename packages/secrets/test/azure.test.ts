import { createKeyring } from '@countersign/core';
import { KEYRING } from '@countersign/core/extend';
import { polyai } from '@countersign/schemes';
import { type AzureSecretsClient, type AzureSecretsOptions, azureSecrets } from '@countersign/secrets/azure';
import { manualClock, secretProviderCases } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AzureServer, SECRET, startAzureServer } from '../../../test/support/secrets/azure-server.ts';
import { fieldCases } from '../../../test/support/secrets/field-cases.ts';
import { failureOf, loadSet, rolesOf } from '../../../test/support/secrets/load.ts';

const [A, B, C, D] = [
  'the-first-secret-of-all',
  'the-second-secret-here',
  'the-third-secret-to-sign',
  'the-fourth-secret-ahead',
];

describe('Azure Key Vault, through its client', () => {
  const make = async () => {
    const server = await startAzureServer();
    return {
      provider: azureSecrets({ client: server.client, secret: SECRET }),
      async put(secret: string) {
        server.put(secret);
      },
      fail(fault: AzureServer['fault']) {
        server.fault = fault;
      },
      close: () => server.close(),
    };
  };
  for (const { name, run } of secretProviderCases(make)) it(name, run);
});

let server: AzureServer;
beforeEach(async () => {
  server = await startAzureServer();
});
afterEach(() => server.close());

const clock = { ...manualClock(), now: () => server.now.getTime() };
const secrets = (options: Partial<AzureSecretsOptions> = {}) =>
  azureSecrets({ client: server.client, secret: SECRET, clock, ...options });
const later = (seconds: number): Date => new Date(server.now.getTime() + seconds * 1000);

describe('the versions', () => {
  it('are ordered by when they were made, over every page of a list in no order', async () => {
    for (let count = 1; count <= 7; count++) server.put(`secret-number-${count}-of-many`);
    expect(rolesOf(await loadSet(secrets()))).toEqual({
      current: ['secret-number-7-of-many'],
      previous: ['secret-number-6-of-many'],
    });
  });

  it('that are disabled are passed over, and not read', async () => {
    const [, second, third] = [server.put(A), server.put(B), server.put(C)];
    second.enabled = false;
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [C], previous: [A] });
    third.enabled = false;
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [A] });
    second.enabled = true;
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [B], previous: [A] });
    for (const version of server.versions) version.enabled = false;
    expect((await failureOf(secrets())).message).toMatch(/Add a version, or enable one/);
  });

  it('that have expired are passed over; the others end when they expire', async () => {
    server.put(A, { expires: later(100) });
    server.put(B);
    server.put(C, { expires: later(500) });
    expect(await loadSet(secrets())).toMatchObject({
      current: { secret: C, notAfter: server.versions[2]?.expires },
      previous: { secret: B },
    });
    server.now = later(500);
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [B] });
    expect((await loadSet(secrets())).current).not.toHaveProperty('notAfter');
  });

  it('whose time has not come are next, and current from then on', async () => {
    server.put(A);
    server.put(B);
    server.put(C, { notBefore: later(1000) });
    const notBefore = server.versions[2]?.notBefore;
    expect(await loadSet(secrets())).toMatchObject({ next: { secret: C, notBefore } });
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [B], previous: [A], next: [C] });
    server.now = notBefore ?? server.now;
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [C], previous: [B] });
  });

  it('that are ahead: the one whose time comes first is next', async () => {
    server.put(A);
    server.put(B, { notBefore: later(3000) });
    server.put(C, { notBefore: later(1000) });
    server.put(D, { notBefore: later(2000) });
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [A], next: [C] });
  });

  it('that are ahead, and were made before the current one, are neither', async () => {
    server.put(A);
    server.put(B, { notBefore: later(1000) });
    server.put(C);
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [C], previous: [A] });
  });

  it('that are all ahead are none yet', async () => {
    server.put(A, { notBefore: later(1000) });
    expect(await failureOf(secrets())).toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
  });

  it('of a list that goes back in time are stale, not a rollback', async () => {
    server.put(A);
    server.put(B);
    await using keyring = createKeyring(secrets(), { scheme: polyai() });
    await keyring.ready();
    const [ahead] = keyring[KEYRING].keys().keys;
    server.lag = 1;
    await expect(keyring.reload()).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringMatching(/stale/),
    });
    expect(keyring[KEYRING].keys().keys[0]).toBe(ahead);
    server.lag = 0;
    await keyring.reload();
    expect(keyring.health().state).toBe('ready');
  });
});

describe('the time of the replaced secret', () => {
  it('counts from when the one that replaced it was made', async () => {
    server.put(A);
    server.put(B);
    const previous = { secret: A, notAfter: later(600) };
    expect(await loadSet(secrets({ retainPreviousSeconds: 600 }))).toMatchObject({ previous });
    expect(rolesOf(await loadSet(secrets({ retainPreviousSeconds: 0 })))).toEqual({ current: [B] });
  });

  it('counts from its notBefore, if the one that replaced it was made ahead', async () => {
    server.put(A);
    server.put(B, { notBefore: later(1000) });
    server.now = later(2000);
    const { notBefore } = server.versions[1] ?? {};
    const previous = { secret: A, notAfter: new Date(Number(notBefore) + 600_000) };
    expect(await loadSet(secrets({ retainPreviousSeconds: 600 }))).toMatchObject({ previous });
  });

  it('ends when it expires, if that is earlier', async () => {
    server.put(A, { expires: later(100) });
    server.put(B);
    expect(await loadSet(secrets({ retainPreviousSeconds: 600 }))).toMatchObject({
      previous: { secret: A, notAfter: server.versions[0]?.expires },
    });
  });
});

it('contains a set as JSON', async () => {
  const set = { current: B, previous: [{ secret: A, notAfter: '2031-01-01T00:00:00Z' }], version: 'one' };
  server.put(A);
  server.put(JSON.stringify(set));
  expect(await loadSet(secrets())).toEqual(set);
});

it('a set that is ahead is accepted from when its time comes', async () => {
  server.put(A);
  server.put(JSON.stringify({ current: [B, C] }), { notBefore: later(1000) });
  const { notBefore } = server.versions[1] ?? {};
  expect((await loadSet(secrets())).next).toEqual([
    { secret: B, notBefore },
    { secret: C, notBefore },
  ]);
});

it('answers the challenge of the vault with a token for it', async () => {
  server.put(A);
  await loadSet(secrets());
  expect(new Set(server.scopes)).toEqual(new Set(['https://vault.azure.net/.default']));
});

it.each([1, 3])('call number %i ends with the signal', async (calls) => {
  server.put(A);
  const given = new AbortController();
  if (calls === 1) server.fault = 'hanging';
  const provider = secrets();
  // The challenge, the list, the version.
  server.onCall = () => {
    if (server.asked.length === calls - 1) server.fault = 'hanging';
  };
  const failed = expect(provider.load({ signal: given.signal, reason: 'timer' })).rejects.toThrow(/abort/i);
  await expect.poll(() => server.asked).toHaveLength(calls);
  given.abort();
  await failed;
});

describe('key/value pairs as JSON', () => {
  fieldCases({ put: (value) => server.put(value), secrets });
});

describe('a failure says what to do', () => {
  it.each<[AzureServer['fault'], RegExp]>([
    ['missing', /does not exist.*URL of the vault/],
    ['forbidden', /Key Vault Secrets User.*"get" and "list"/],
  ])('%s', async (fault, message) => {
    server.put(A);
    server.fault = fault;
    const error = await failureOf(secrets());
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringMatching(message),
    });
    expect(error.message).toContain(SECRET);
  });
});

describe('wrong options', () => {
  it.each<[Record<string, unknown>, RegExp]>([
    [{ client: undefined }, /SecretClient\(vaultUrl, credential\)/],
    [{ client: {} as AzureSecretsClient }, /SecretClient\(vaultUrl, credential\)/],
    [{ secret: 'web/hooks' }, /"secret"/],
    [{ secret: '' }, /"secret"/],
    [{ clock: {} }, /"clock"/],
    [{ format: 'yaml' }, /"format"/],
    [{ name: SECRET }, /has no option "name"/],
  ])('%o', (wrong, message) => {
    expect(() => secrets(wrong as Partial<AzureSecretsOptions>)).toThrow(
      expect.objectContaining({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringMatching(message),
      }),
    );
  });
});
