import { createVerifier, type KeyringOptions } from '@countersign/core';
import { readBody } from '@countersign/core/node';
import { ada } from '@countersign/schemes';
import { type AdaSecretsOptions, adaSecrets } from '@countersign/secrets/ada';
import { secretProviderCases, sign } from '@countersign/testing';
import { rotateThroughApi, simulateSender } from '@countersign-internal/simulator';
import { Webhook } from 'svix';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../../test/support/listen.ts';
import { type AdaServer, startAdaServer, WEBHOOK_ID } from '../../../test/support/secrets/ada-server.ts';
import { failureOf, loadSet, rolesOf } from '../../../test/support/secrets/load.ts';

const KEY = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const DAY_SECONDS = 86_400;

const providerOf = (server: AdaServer, options: Partial<AdaSecretsOptions> = {}) =>
  adaSecrets({ baseUrl: server.url, webhookId: WEBHOOK_ID, token: server.token, ...options });

describe("Ada's get-secret endpoint", () => {
  const make = async () => {
    const server = await startAdaServer();
    return {
      provider: providerOf(server),
      async put(secret: string) {
        server.key = secret;
      },
      fail(fault: AdaServer['fault']) {
        server.fault = fault;
      },
      close: () => server.close(),
    };
  };
  for (const { name, run } of secretProviderCases(make, { limits: ['no-previous', 'no-sets'] }))
    it(name, run);
});

describe('a rotation at Ada', () => {
  /** A simulated account at Ada that signs through Svix's library, and a receiver that reads its secret from it. */
  async function fixture(graceSeconds: number, reload: KeyringOptions) {
    const host = await listen((request, response) => {
      void (async () => {
        const body = await readBody(request, { maxBodyBytes: 65_536 });
        const answer = await verifier.handle({ headers: request.rawHeaders, body }, () => undefined);
        response.writeHead(answer.status, answer.headers).end(answer.body);
      })().catch(() => response.destroy());
    });
    onTestFinished(() => host.close());
    const sender = await simulateSender({
      vendor: 'ada',
      signWith: (secret, id, at, body) => new Webhook(secret).sign(id, at, body),
      graceSeconds,
      receiverUrl: `http://127.0.0.1:${host.port}/hooks`,
    });
    onTestFinished(() => sender.close());
    const verifier = createVerifier({
      scheme: ada(),
      secrets: adaSecrets({
        baseUrl: sender.apiUrl,
        webhookId: sender.endpointId,
        token: sender.credentials.apiKey,
      }),
      // The tests reload by a miss alone.
      reload: { mismatchCooldownSeconds: 0.01, mismatchWaitMs: 30_000, ...reload },
    });
    onTestFinished(() => verifier.close());
    await verifier.ready();
    return { sender, verifier };
  }

  it('loses nothing: a delivery that no key matches fetches the new one, within the same request', async () => {
    const { sender, verifier } = await fixture(0, { retainPreviousSeconds: DAY_SECONDS });
    for (let round = 0; round < 3; round++) {
      sender.emit(2);
      await sender.idle();
      await rotateThroughApi(sender);
    }
    sender.emit(2);
    await sender.idle();
    expect(sender.stats()).toMatchObject({ sent: 8, delivered: 8, attempts: 8, lost: 0 });
    expect(verifier.health().secrets.keys.map(({ role }) => role)).toEqual([
      'current',
      'previous',
      'previous',
      'previous',
    ]);
  });

  it.each([
    ['kept for as long as retainPreviousSeconds says', DAY_SECONDS, 'previous'],
    ['refused if nothing keeps it', 0, undefined],
  ])('leaves a delivery on the wire, signed with the replaced key: %s', async (_, retain, role) => {
    const { sender, verifier } = await fixture(0, { retainPreviousSeconds: retain });
    const before = sender.secrets().endpoint;
    const late = sign(ada(), { secret: before, body: '{"type":"late"}' });
    await rotateThroughApi(sender);
    await verifier.reload();
    const verified = await verifier.verify(late).then(
      ({ key }) => key.role,
      () => undefined,
    );
    expect(verified).toBe(role);
    const ends = verifier.health().secrets.keys.filter((key) => key.role === 'previous');
    expect(ends.map(({ notAfter }) => notAfter instanceof Date)).toEqual(role === undefined ? [] : [true]);
  });
});

let server: AdaServer;
beforeEach(async () => {
  server = await startAdaServer();
  server.key = KEY;
});
afterEach(() => server.close());

describe('the call', () => {
  it('is the one that Ada documents, with the token', async () => {
    expect(rolesOf(await loadSet(providerOf(server)))).toEqual({ current: [KEY] });
    expect(server.asked).toEqual([`/api/v2/webhooks/${WEBHOOK_ID}/secret/`]);
    expect(server.headers).toMatchObject({ accept: 'application/json', authorization: 'Bearer ada-token' });
  });

  it('asks a function for the token each time', async () => {
    let count = 0;
    const token = async () => `token-${++count}`;
    for (const expected of ['token-1', 'token-2']) {
      server.token = expected;
      expect(rolesOf(await loadSet(providerOf(server, { token })))).toEqual({ current: [KEY] });
    }
    const error = await failureOf(providerOf(server, { token: () => '' }));
    expect(error.message).toMatch(/returned no token/);
  });

  it('goes through a fetch of your own', async () => {
    const asked: string[] = [];
    const own = (url: string, init: RequestInit) => {
      asked.push(url);
      return fetch(url, init);
    };
    await loadSet(providerOf(server, { fetch: own, baseUrl: `${server.url}/` }));
    expect(asked).toEqual([`${server.url}/api/v2/webhooks/${WEBHOOK_ID}/secret/`]);
  });

  it('ends with the signal, also while the response comes', async () => {
    const provider = providerOf(server);
    server.fault = 'hanging';
    const given = new AbortController();
    const loading = Promise.resolve(provider.load({ signal: given.signal, reason: 'timer' }));
    const failed = expect(loading).rejects.toThrow(/abort/i);
    await expect.poll(() => server.asked).toHaveLength(1);
    given.abort();
    await failed;
  });

  it('carries the token nowhere else', async () => {
    const other = await startAdaServer();
    onTestFinished(() => other.close());
    const Location = `${other.url}/api/v2/webhooks/${WEBHOOK_ID}/secret/`;
    server.instead = { status: 307, body: '', headers: { Location } };
    await expect(loadSet(providerOf(server))).rejects.toThrow();
    expect(other.asked).toEqual([]);
  });
});

describe('a failure says what to do', () => {
  it.each([
    [401, /refuses the token \(401\).*"token"/],
    [404, /no such webhook \(404\).*"webhookId" and "baseUrl"/],
    [403, /refuses the token \(403\).*read webhooks/],
    [429, /throttles.*\(429\)/],
    [503, /fails \(503\)/],
    [418, /responded with 418/],
  ])('%i', async (status, message) => {
    server.instead = { status, body: JSON.stringify({ detail: KEY }) };
    const error = await failureOf(providerOf(server));
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringMatching(message),
    });
    for (const secret of [KEY, server.token]) expect(`${error.stack}`).not.toContain(secret);
  });

  it.each([
    ['no JSON', `<html>${KEY}`, 'PROVIDER_FAILED', /response has no key/],
    ['cut short', `{"key":"${KEY}`, 'PROVIDER_FAILED', /response has no key/],
    ['no key', `{"secret":"${KEY}"}`, 'PROVIDER_FAILED', /response has no key/],
    ['a key that is not text', `{"key":["${KEY}"]}`, 'PROVIDER_FAILED', /response has no key/],
    ['null', 'null', 'PROVIDER_FAILED', /response has no key/],
    ['an empty key', '{"key":""}', 'SECRETS_INVALID', /is empty/],
    ['an endless response', `{"key":"${KEY}"${' '.repeat(70_000)}}`, 'PROVIDER_FAILED', /too large/],
  ])('%s', async (_, body, code, message) => {
    server.instead = { status: 200, body };
    const error = await failureOf(providerOf(server));
    expect(error).toMatchObject({
      code: `ERR_WEBHOOK_${code}`,
      message: expect.stringMatching(message),
    });
    expect(`${error.stack}`).not.toContain(KEY);
  });
});

describe('wrong options', () => {
  it.each<[Record<string, unknown>, RegExp]>([
    [{ baseUrl: 'http://example.ada.support' }, /https:/],
    [{ baseUrl: 'example.ada.support' }, /https:/],
    [{ baseUrl: undefined }, /https:/],
    [{ baseUrl: 'https://me:pass@example.ada.support' }, /must have no user/],
    [{ baseUrl: 'https://example.ada.support?x=1' }, /must have no user/],
    [{ webhookId: '' }, /"webhookId"/],
    [{ webhookId: '../me' }, /"webhookId"/],
    [{ token: undefined }, /"token"/],
    [{ token: 'a b' }, /"token"/],
    [{ token: 'secret-token\n' }, /"token"/],
    [{ fetch: 'fetch' }, /"fetch"/],
    [{ retainPreviousSeconds: 60 }, /option "retainPreviousSeconds"/],
    [{ format: 'json' }, /option "format"/],
  ])('%o', (wrong, message) => {
    const make = () => providerOf(server, wrong as Partial<AdaSecretsOptions>);
    expect(make).toThrow(
      expect.objectContaining({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringMatching(message),
      }),
    );
    expect(make).not.toThrow(/secret-token|pass@/);
  });
});
