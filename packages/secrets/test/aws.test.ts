import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createKeyring } from '@countersign/core';
import { awsTarget } from '@countersign/rotation';
import { polyai } from '@countersign/schemes';
import { type AwsSecretsClient, type AwsSecretsOptions, awsSecrets } from '@countersign/secrets/aws';
import { manualClock, secretProviderCases } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AwsServer, SECRET_ID, startAwsServer } from '../../../test/support/secrets/aws-server.ts';
import { fieldCases } from '../../../test/support/secrets/field-cases.ts';
import { failureOf, loadSet, rolesOf } from '../../../test/support/secrets/load.ts';

const [A, B, C] = ['the-first-secret-of-all', 'the-second-secret-here', 'the-third-secret-to-sign'];

describe('AWS Secrets Manager, through its client', () => {
  const make = async () => {
    const server = await startAwsServer();
    return {
      provider: awsSecrets({ client: server.client, secretId: SECRET_ID }),
      async put(secret: string) {
        server.put(secret);
      },
      fail(fault: AwsServer['fault']) {
        server.fault = fault;
      },
      close: () => server.close(),
    };
  };
  for (const { name, run } of secretProviderCases(make)) it(name, run);
});

let server: AwsServer;
beforeEach(async () => {
  server = await startAwsServer();
});
afterEach(() => server.close());

const secrets = (options: Partial<AwsSecretsOptions> = {}) =>
  awsSecrets({ client: server.client, secretId: SECRET_ID, ...options });

describe('the labels', () => {
  it('AWSPREVIOUS is missing if there is one version, which is normal', async () => {
    server.put(A);
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [A] });
    expect(rolesOf(await loadSet(secrets({ pending: true })))).toEqual({ current: [A] });
  });

  /** Takes one step of AWS's four after the other, and loads after each. */
  async function rotate(load: () => Promise<unknown>): Promise<Record<string, unknown>> {
    const seen: Record<string, unknown> = {};
    server.put(A);
    server.put(B);
    seen.before = await load();
    const pending = server.startRotation();
    seen.started = await load();
    pending.value = C;
    seen.createSecret = await load();
    // Both only speak to the vendor.
    seen.setSecret = await load();
    seen.testSecret = await load();
    server.move('AWSCURRENT', pending);
    seen.finishSecret = await load();
    pending.labels.delete('AWSPENDING');
    seen.after = await load();
    return seen;
  }

  it('at each of the four steps of a rotation, with "pending"', async () => {
    const provider = secrets({ pending: true });
    const [old, announced, done] = [
      { current: [B], previous: [A] },
      { current: [B], previous: [A], next: [C] },
      { current: [C], previous: [B] },
    ];
    expect(await rotate(async () => rolesOf(await loadSet(provider)))).toEqual({
      before: old,
      started: old,
      createSecret: announced,
      setSecret: announced,
      testSecret: announced,
      finishSecret: done,
      after: done,
    });
  });

  it('at each of the four steps of a rotation, without "pending"', async () => {
    const provider = secrets();
    const [old, done] = [
      { current: [B], previous: [A] },
      { current: [C], previous: [B] },
    ];
    expect(await rotate(async () => rolesOf(await loadSet(provider)))).toEqual({
      before: old,
      started: old,
      createSecret: old,
      setSecret: old,
      testSecret: old,
      finishSecret: done,
      after: done,
    });
  });

  it('are moved back: the version before is current again', async () => {
    const first = server.put(A);
    server.put(B);
    const provider = secrets();
    await loadSet(provider);
    server.move('AWSCURRENT', first);
    expect(rolesOf(await loadSet(provider))).toEqual({ current: [A], previous: [B] });
  });

  it.each(['AWSCURRENT', 'AWSPREVIOUS', 'AWSPENDING'])(
    'move after %s was read: no set is given that is missing the key that signs',
    async (read) => {
      server.put(A);
      server.put(B);
      const pending = server.startRotation();
      pending.value = C;
      let isMoved = false;
      server.onCall = (_, label) => {
        if (isMoved || label !== read) return;
        isMoved = true;
        server.move('AWSCURRENT', pending);
        pending.labels.delete('AWSPENDING');
      };
      const { current = [], next = [] } = rolesOf(await loadSet(secrets({ pending: true })));
      expect(isMoved).toBe(true);
      expect([...current, ...next]).toContain(C);
    },
  );

  it('keep moving: the load fails, and names no secret', async () => {
    const [first, second] = [server.put(A), server.put(B)];
    server.onCall = (_, label) => {
      if (label === 'AWSCURRENT') server.move('AWSCURRENT', first.labels.has('AWSCURRENT') ? second : first);
    };
    const error = await failureOf(secrets());
    expect(error.code).toBe('ERR_WEBHOOK_PROVIDER_FAILED');
    expect(error.message).toMatch(/kept changing/);
  });
});

describe('the time of the replaced secret', () => {
  it('has no end if none is asked for, and health warns', async () => {
    server.put(A);
    server.put(B);
    await using keyring = createKeyring(secrets(), { scheme: polyai() });
    await keyring.ready();
    expect(keyring.health().keys.map(({ notAfter }) => notAfter)).toEqual([undefined, undefined]);
    expect(keyring.health().warnings.map(({ code }) => code)).toContain('previous-without-expiry');
  });

  it('counts from when the version that replaced it was made', async () => {
    server.put(A);
    server.now += 500;
    server.put(B);
    expect(await loadSet(secrets({ retainPreviousSeconds: 600 }))).toMatchObject({
      previous: { secret: A, notAfter: new Date((server.now + 600) * 1000) },
    });
  });

  it('counts from when the label was seen to move, if the version was made long before', async () => {
    const clock = manualClock(server.now * 1000);
    const provider = secrets({ pending: true, retainPreviousSeconds: 600, clock });
    server.put(A);
    const pending = server.startRotation();
    pending.value = B;
    await loadSet(provider);
    await clock.advance(86_400_000);
    server.move('AWSCURRENT', pending);
    const previous = { secret: A, notAfter: new Date(clock.now() + 600_000) };
    expect(await loadSet(provider)).toMatchObject({ previous });
    await clock.advance(60_000);
    expect(await loadSet(provider)).toMatchObject({ previous });
  });

  it('counts from when the version was made in a process that starts later', async () => {
    server.put(A);
    server.put(B);
    const clock = manualClock((server.now + 300) * 1000);
    const notAfter = new Date((server.now + 600) * 1000);
    expect(await loadSet(secrets({ retainPreviousSeconds: 600, clock }))).toMatchObject({
      previous: { notAfter },
    });
  });

  it('may be none: the label is not asked for', async () => {
    server.put(A);
    server.put(B);
    let calls = 0;
    server.onCall = () => calls++;
    expect(rolesOf(await loadSet(secrets({ retainPreviousSeconds: 0 })))).toEqual({ current: [B] });
    expect(calls).toBe(1);
  });
});

describe('the value', () => {
  it('is a set, as rotation writes it', async () => {
    const set = { current: B, previous: [{ secret: A, notAfter: '2031-01-01T00:00:00Z' }], version: 'one' };
    server.put(A);
    await awsTarget({ client: server.client, secretId: SECRET_ID }).write(set);
    expect(await loadSet(secrets())).toEqual(set);
    expect(await loadSet(secrets({ format: 'json' }))).toEqual(set);
  });

  it('is a set without a version, which has that of the store then', async () => {
    const { id } = server.put(JSON.stringify({ current: A }));
    expect(await loadSet(secrets())).toEqual({ current: A, version: id });
  });

  it('is missing from the response', async () => {
    const client: AwsSecretsClient = { getSecretValue: async () => ({ VersionId: '1' }) };
    expect((await failureOf(secrets({ client }))).message).toMatch(/does not exist/);
  });

  it('was one secret before it was a set, and a set before it was one secret', async () => {
    server.put(JSON.stringify({ current: [{ secret: A, notAfter: '2031-01-01T00:00:00Z' }, C] }));
    server.put(B);
    expect(await loadSet(secrets({ retainPreviousSeconds: 600 }))).toMatchObject({
      current: { secret: B },
      previous: [A, C].map((secret) => ({ secret, notAfter: new Date((server.now + 600) * 1000) })),
    });
    server.put(JSON.stringify({ current: C }));
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [C] });
  });

  it('of the replaced set keeps its own end if that comes first', async () => {
    server.put(JSON.stringify({ current: { secret: A, notAfter: '2030-01-01T00:00:00Z' } }));
    server.put(B);
    expect(await loadSet(secrets({ retainPreviousSeconds: 31_000_000 }))).toMatchObject({
      previous: [{ secret: A, notAfter: '2030-01-01T00:00:00Z' }],
    });
  });

  it('begins with a brace and is one secret, with format "text"', async () => {
    server.put('{a secret in braces, of sorts}');
    expect((await failureOf(secrets())).message).toMatch(/format: "text"/);
    expect(rolesOf(await loadSet(secrets({ format: 'text' })))).toEqual({
      current: ['{a secret in braces, of sorts}'],
    });
  });

  it('is bytes: the key itself', async () => {
    const key = new Uint8Array([0, 1, 255, 10, 13, 10, ...Buffer.from('and twenty more bytes')]);
    server.put(key);
    const { current } = await loadSet(secrets());
    expect(current).toEqual({ secret: key });
  });

  it('loses one line break at its end, and is refused with other white space', async () => {
    server.put(`${A}\n`);
    expect(rolesOf(await loadSet(secrets()))).toEqual({ current: [A] });
    server.put(` ${A}`);
    expect(await failureOf(secrets())).toMatchObject({ code: 'ERR_WEBHOOK_SECRETS_INVALID' });
  });
});

it('a call ends with the signal', async () => {
  server.put(A);
  server.fault = 'hanging';
  const given = new AbortController();
  const failed = expect(secrets().load({ signal: given.signal, reason: 'timer' })).rejects.toThrow(/abort/i);
  await expect.poll(() => server.asked).toHaveLength(1);
  given.abort();
  await failed;
});

describe('a failure says what to do', () => {
  it.each([
    ['ResourceNotFoundException', /does not exist.*region/],
    ['InvalidRequestException', /deletion: restore it/],
    ['AccessDeniedException', /secretsmanager:GetSecretValue.*kms:Decrypt/],
    ['DecryptionFailure', /kms:Decrypt/],
    ['ExpiredTokenException', /refuses the credentials.*not expired/],
    ['UnrecognizedClientException', /refuses the credentials/],
  ])('%s', async (type, message) => {
    server.put(A);
    server.refuse('GetSecretValue', type, 1);
    const error = await failureOf(secrets());
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringMatching(message),
    });
    expect(error.message).toContain(SECRET_ID);
  });
});

it('a throttled client gets an error that says so, after its own retries', async () => {
  server.put(A);
  server.refuse('GetSecretValue', 'ThrottlingException', 1);
  const client: AwsSecretsClient = {
    getSecretValue: (input, options) => server.client.getSecretValue(input, options),
  };
  server.client.config.maxAttempts = async () => 1;
  const error = await failureOf(secrets({ client }));
  expect(error.message).toMatch(/AWS throttles this client.*createKeyring/);
});

describe('key/value pairs, as the console stores them', () => {
  fieldCases({ put: (value) => server.put(value), secrets });

  it('are not expected in the version from before the secret was stored in the field', async () => {
    server.put(A);
    server.put(JSON.stringify({ STRIPE_SECRET: B }));
    expect(rolesOf(await loadSet(secrets({ field: 'STRIPE_SECRET' })))).toEqual({ current: [B] });
  });

  it.each([
    ['no such field', JSON.stringify({ other: A }), /has no field "secret"/],
    ['a name of every object', JSON.stringify({ a: A }), /has no field "secret"/],
    ['no object', A, /is not a JSON object/],
    ['a field that is not text', JSON.stringify({ secret: { current: A } }), /"secret" that is not text/],
  ])('with %s are refused', async (_what, value, message) => {
    server.put(value);
    const error = await failureOf(secrets({ field: 'secret' }));
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_SECRETS_INVALID',
      message: expect.stringMatching(message),
    });
    expect(error.message).not.toContain(A);
  });
});

it('works with a client that leaves out the ids of versions', async () => {
  const client: AwsSecretsClient = {
    getSecretValue: async ({ VersionStage }) => ({ SecretString: VersionStage === 'AWSCURRENT' ? A : B }),
  };
  expect(rolesOf(await loadSet(secrets({ client })))).toEqual({ current: [A], previous: [B] });
});

describe('wrong options', () => {
  const client = {} as AwsSecretsClient;
  it.each<[Record<string, unknown>, RegExp]>([
    [{ client: new SecretsManagerClient({ region: 'eu-central-1' }) }, /new SecretsManager\(\)/],
    [{ client: undefined }, /new SecretsManager\(\)/],
    [{ client }, /new SecretsManager\(\)/],
    [{ secretId: '' }, /"secretId"/],
    [{ secretId: undefined }, /"secretId"/],
    [{ pending: 'yes' }, /"pending"/],
    [{ pending: true, format: 'json' }, /"pending" has no effect/],
    [{ format: 'yaml' }, /"format"/],
    [{ retainPreviousSeconds: -1 }, /"retainPreviousSeconds"/],
    [{ retainPreviousSeconds: Number.NaN }, /"retainPreviousSeconds"/],
    [{ retainPreviousSeconds: 60, format: 'json' }, /notAfter/],
    [{ retainPrevious: 60 }, /Did you mean "retainPreviousSeconds"/],
    [{ clock: {} }, /"clock"/],
  ])('%o', (wrong, message) => {
    expect(() => secrets(wrong as Partial<AwsSecretsOptions>)).toThrow(
      expect.objectContaining({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringMatching(message),
      }),
    );
  });
});
