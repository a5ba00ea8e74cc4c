import { createKeyring } from '@countersign/core';
import { KEYRING } from '@countersign/core/extend';
import { polyai } from '@countersign/schemes';
import { type GcpSecretsClient, type GcpSecretsOptions, gcpSecrets } from '@countersign/secrets/gcp';
import { secretProviderCases } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fieldCases } from '../../../test/support/secrets/field-cases.ts';
import {
  type GcpServer,
  SECRET,
  startGrpcServer,
  startRestServer,
} from '../../../test/support/secrets/gcp-server.ts';
import type { GcpStore } from '../../../test/support/secrets/gcp-store.ts';
import { failureOf, loadSet, rolesOf } from '../../../test/support/secrets/load.ts';

const [A, B, C] = ['the-first-secret-of-all', 'the-second-secret-here', 'the-third-secret-to-sign'];

describe.each([
  ['gRPC', startGrpcServer],
  ['REST', startRestServer],
])('Google Cloud Secret Manager, through its client, by %s', (_, start) => {
  const make = async () => {
    const { client, store, close } = await start();
    return {
      provider: gcpSecrets({ client, secret: SECRET }),
      async put(secret: string) {
        store.put(secret);
      },
      fail(fault: GcpStore['fault']) {
        store.fault = fault;
      },
      close,
    };
  };
  for (const { name, run } of secretProviderCases(make)) it(name, run);
});

let server: GcpServer;
let store: GcpStore;
beforeEach(async () => {
  server = await startGrpcServer();
  store = server.store;
});
afterEach(() => server.close());

const secrets = (options: Partial<GcpSecretsOptions> = {}) =>
  gcpSecrets({ client: server.client, secret: SECRET, ...options });

describe('the versions', () => {
  it.each([false, true])(
    'are ordered by number, over every page of the list, oldest first: %s',
    async (isReversed) => {
      store.isReversed = isReversed;
      for (let count = 1; count <= 11; count++) store.put(`secret-number-${count}-of-many`);
      expect(rolesOf(await loadSet(secrets()))).toEqual({
        current: ['secret-number-11-of-many'],
        previous: ['secret-number-10-of-many'],
      });
    },
  );

  it('that are not enabled are passed over', async () => {
    const [first, second, third] = [store.put(A), store.put(B), store.put(C)];
    second.state = 'DISABLED';
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [C], previous: [A] });
    third.state = 'DESTROYED';
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [A] });
    second.state = 'ENABLED';
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [B], previous: [A] });
    for (const version of [first, second]) version.state = 'DISABLED';
    expect((await failureOf(secrets())).message).toMatch(/Add a version, or enable one/);
  });

  it('are asked for by number, never by the alias "latest"', async () => {
    for (const secret of [A, B, C]) store.put(secret);
    await loadSet(secrets());
    expect(store.asked).toEqual([SECRET, `${SECRET}/versions/3`, `${SECRET}/versions/2`]);
  });

  it('of a list that goes back in time are stale, not a rollback', async () => {
    store.put(A);
    store.put(B);
    await using keyring = createKeyring(secrets(), { scheme: polyai() });
    await keyring.ready();
    const [ahead] = keyring[KEYRING].keys().keys;
    for (const lag of [1, 2]) {
      store.lag = lag;
      await expect(keyring.reload()).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_PROVIDER_FAILED',
        message: expect.stringMatching(/version 2 .*stale/),
      });
      expect(keyring[KEYRING].keys().keys[0]).toBe(ahead);
    }
    store.lag = 0;
    await keyring.reload();
    expect(keyring.health().state).toBe('ready');
  });

  it('go back by disabling the newest one, which is a rollback', async () => {
    store.put(A);
    const second = store.put(B);
    const provider = secrets();
    await loadSet(provider);
    second.state = 'DISABLED';
    expect(rolesOf(await loadSet(provider))).toEqual({ current: [A] });
  });

  it('that are disabled while they are read make the load fail, and the next one returns the set', async () => {
    store.put(A);
    const second = store.put(B);
    store.onList = () => {
      second.state = 'DISABLED';
    };
    await using keyring = createKeyring(secrets(), { scheme: polyai() });
    await expect(keyring.ready()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    await keyring.reload();
    expect(keyring[KEYRING].keys().keys).toHaveLength(1);
  });
});

it('the state may be a number, as some clients return it', async () => {
  for (const secret of [A, B, C]) store.put(secret);
  const third = store.versions[2];
  if (third !== undefined) third.state = 'DISABLED';
  const STATES = ['STATE_UNSPECIFIED', 'ENABLED', 'DISABLED', 'DESTROYED'];
  const client: GcpSecretsClient = {
    accessSecretVersion: (request) => server.client.accessSecretVersion(request),
    async listSecretVersions(request) {
      const [versions] = await server.client.listSecretVersions(request);
      return [versions.map((version) => ({ ...version, state: STATES.indexOf(String(version.state)) }))];
    },
  };
  expect(rolesOf(await loadSet(secrets({ client })))).toEqual({ current: [B], previous: [A] });
});

describe('the time of the replaced secret', () => {
  it('counts from when the version that replaced it was made', async () => {
    store.put(A);
    store.now = new Date('2030-01-02T00:00:00Z');
    store.put(B);
    const previous = { secret: A, notAfter: new Date('2030-01-02T00:10:00Z') };
    expect(await loadSet(secrets({ retainPreviousSeconds: 600 }))).toMatchObject({ previous });
    expect(rolesOf(await loadSet(secrets({ retainPreviousSeconds: 0 })))).toEqual({ current: [B] });
  });
});

describe('the payload', () => {
  it('is a set as JSON', async () => {
    const set = { current: B, previous: [{ secret: A, notAfter: '2031-01-01T00:00:00Z' }], version: 'one' };
    store.put(A);
    store.put(JSON.stringify(set));
    expect(await loadSet(secrets())).toEqual(set);
  });

  it.each([
    ['bytes that are not text', Buffer.from([0xff, 0xfe, ...Buffer.from(A)]), 'SECRETS_INVALID', /UTF-8/],
    ['white space before the secret', ` ${A}`, 'SECRETS_INVALID', /white space/],
    ['nothing', '', 'SECRETS_INVALID', /is empty/],
  ])('of %s is refused, and not quoted', async (_, data, code, message) => {
    store.put(data);
    const error = await failureOf(secrets());
    expect(error).toMatchObject({ code: `ERR_WEBHOOK_${code}`, message: expect.stringMatching(message) });
    expect(error.message).not.toContain(A);
  });

  it('that a client returns as text is refused: it may be base64', async () => {
    store.put(A);
    const client: GcpSecretsClient = {
      listSecretVersions: (request) => server.client.listSecretVersions(request),
      accessSecretVersion: async () => [{ payload: { data: Buffer.from(A).toString('base64') } }],
    };
    expect((await failureOf(secrets({ client }))).message).toMatch(/must return bytes/);
  });
});

describe('key/value pairs as JSON', () => {
  fieldCases({ put: (value) => store.put(value), secrets });
});

describe('a failure says what to do', () => {
  it.each<[GcpStore['fault'], RegExp]>([
    ['missing', /does not exist.*"secret"/],
    ['forbidden', /secretmanager\.versions\.list and secretmanager\.versions\.access/],
  ])('%s', async (fault, message) => {
    store.put(A);
    store.fault = fault;
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
    [{ client: undefined }, /SecretManagerServiceClient\(\)/],
    [{ client: {} }, /SecretManagerServiceClient\(\)/],
    [{ secret: 'polyai' }, /projects\/acme\/secrets\/polyai/],
    [{ secret: `${SECRET}/versions/latest` }, /without a version/],
    [{ secret: undefined }, /projects\/acme\/secrets\/polyai/],
    [{ format: 'yaml' }, /"format"/],
    [{ project: 'acme' }, /has no option "project"/],
  ])('%o', (wrong, message) => {
    expect(() => secrets(wrong as Partial<GcpSecretsOptions>)).toThrow(
      expect.objectContaining({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringMatching(message),
      }),
    );
  });
});
