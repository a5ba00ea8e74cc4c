import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import {
  createKeyring,
  createVerifier,
  isWebhookError,
  type Scheme,
  type SecretProvider,
  type SecretSetInput,
  type VerifiedWebhook,
} from '@countersign/core';
import type { ParsedHead, RequestHead } from '@countersign/core/extend';
import { type ManualClock, manualClock } from '@countersign/testing';
import { beforeEach, describe, expect, test } from 'vitest';

const SECRETS: Record<string, string> = {
  a: 'first-3f9a1c77e0b24d5d-3f9a1c77e0b24d5d',
  b: 'second-8c41d2ab90ff77e3-8c41d2ab90ff77e3',
};
const SECOND = 1000;

/** A sender that names its key in the header, or in the body behind a colon, and may sign bounds. */
function naming(place: 'header' | 'body', bounds: { opened?: object; match?: object } = {}): Scheme {
  return {
    name: 'naming',
    keyFormat: 'naming utf8',
    delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
    freshness: { signed: 'none' },
    importKey: (secret) => createSecretKey(Buffer.from(secret)),
    parseHead: (head: RequestHead): ParsedHead<KeyObject> => ({
      ...bounds.opened,
      ...(place === 'header'
        ? { keyId: head.value('x-key') }
        : { keyIdIn: (body) => Buffer.from(body).toString().split(':')[0] }),
      match: (body, keys) => {
        const key = keys.find((each) => mac(each.key, body) === head.value('x-mac'));
        return (
          key && {
            key: { id: key.id, role: key.role },
            identity: 'body',
            bodyAuthenticated: true,
            unsignedHeaders: {},
            ...bounds.match,
          }
        );
      },
    }),
  };
}

const mac = (key: KeyObject | string, body: Uint8Array | string) =>
  createHmac('sha256', key).update(body).digest('hex');

/** A source that knows two keys and is asked for one at a time. It tells what it was asked for. */
function keyByKey() {
  const asked: (string | undefined)[] = [];
  const given = new Set<string>();
  const provider: SecretProvider = {
    name: 'key by key',
    onDemand: true,
    load({ keyId }): SecretSetInput {
      asked.push(keyId);
      if (keyId !== undefined && keyId in SECRETS) given.add(keyId);
      return { current: [...given].map((id) => ({ id, secret: SECRETS[id] ?? '' })) };
    },
  };
  return { provider, asked };
}

function request(keyId: string, body = `${keyId}:hello`) {
  return {
    headers: { 'x-key': keyId, 'x-mac': mac(SECRETS[keyId] ?? 'forged', body) },
    body: Buffer.from(body),
  };
}

let clock: ManualClock;
beforeEach(() => {
  clock = manualClock();
});

async function outcome(result: Promise<VerifiedWebhook>): Promise<string> {
  try {
    return (await result).key.id;
  } catch (error) {
    if (isWebhookError(error)) return error.code;
    throw error;
  }
}

describe.each(['header', 'body'] as const)('a source asked key by key, the key named in the %s', (place) => {
  test('starts empty and ready, and is asked for the key that the first delivery names', async () => {
    const { provider, asked } = keyByKey();
    await using verifier = createVerifier({ scheme: naming(place), secrets: provider, clock });
    await verifier.ready();
    expect(verifier.health().state).toBe('ready');
    expect(await outcome(verifier.verify(request('a')))).toBe('a');
    expect(asked).toEqual([undefined, 'a']);
    expect(await outcome(verifier.verify(request('a')))).toBe('a');
    expect(asked).toHaveLength(2);
  });

  test('is asked for strangers at the pace of the cooldown, and refuses them as mismatches, not as unready', async () => {
    const { provider, asked } = keyByKey();
    await using verifier = createVerifier({ scheme: naming(place), secrets: provider, clock });
    for (let count = 0; count < 50; count++) {
      expect(await outcome(verifier.verify(request(`stranger${count}`)))).toBe(
        'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      );
    }
    expect(asked).toEqual([undefined, 'stranger0', 'stranger1', 'stranger2']);
    await clock.advance(13 * SECOND);
    expect(await outcome(verifier.verify(request('b')))).toBe('b');
    expect(asked).toEqual([undefined, 'stranger0', 'stranger1', 'stranger2', 'b']);
  });

  test('a load without a requested key does not delay a load with one', async () => {
    const { provider, asked } = keyByKey();
    await using verifier = createVerifier({ scheme: naming(place), secrets: provider, clock });
    await verifier.reload();
    expect(await outcome(verifier.verify(request('a')))).toBe('a');
    expect(asked).toEqual([undefined, 'a']);
  });
});

test('only such a source may return an empty set', async () => {
  const provider: SecretProvider = { name: 'plain', load: () => ({ current: [] }) };
  await using keyring = createKeyring(provider, { scheme: naming('header'), clock });
  await expect(keyring.ready()).rejects.toThrow(/no "current" secret/);
});

test('before its first set is there, such a source is not ready like any other', async () => {
  const provider: SecretProvider = { name: 'slow', onDemand: true, load: () => new Promise(() => undefined) };
  await using verifier = createVerifier({ scheme: naming('header'), secrets: provider, clock });
  const result = outcome(verifier.verify(request('a')));
  await clock.advance(4 * SECOND);
  expect(await result).toBe('ERR_WEBHOOK_NOT_READY');
});

describe.each(['opened', 'match'] as const)('bounds that a scheme states when it has %s', (stage) => {
  const bounded = async (bounds: object) => {
    const scheme = naming('header', { [stage]: bounds });
    await using verifier = createVerifier({ scheme, secrets: { current: SECRETS.a ?? '' }, clock });
    return outcome(verifier.verify(request('a')));
  };

  test('are checked by the clock of the verifier, both ends included', async () => {
    const now = clock.now();
    expect(await bounded({ notBefore: now, notAfter: now })).toMatch(/^[0-9a-f]{12}$/);
    expect(await bounded({ notAfter: now - 1 })).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
    expect(await bounded({ notBefore: now + 1 })).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
  });

  test('that are not numbers refuse', async () => {
    expect(await bounded({ notAfter: Number.NaN })).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
    expect(await bounded({ notBefore: Number.NaN })).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
  });
});

test('bounds are checked again after a body that took long', async () => {
  const scheme = naming('header', { opened: { notAfter: clock.now() + SECOND } });
  await using verifier = createVerifier({ scheme, secrets: { current: SECRETS.a ?? '' }, clock });
  const { headers, body } = request('a');
  const slow = async () => {
    await clock.advance(2 * SECOND);
    return body;
  };
  expect(await outcome(verifier.verify({ headers, body: slow }))).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
});

test('expired bounds are refused before the body is read', async () => {
  const scheme = naming('header', { opened: { notAfter: clock.now() - 1 } });
  await using verifier = createVerifier({ scheme, secrets: { current: SECRETS.a ?? '' }, clock });
  let reads = 0;
  const body = () => {
    reads += 1;
    return request('a').body;
  };
  expect(await outcome(verifier.verify({ headers: request('a').headers, body }))).toBe(
    'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
  );
  expect(reads).toBe(0);
});
