import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  createKeyring,
  isWebhookError,
  type Keyring,
  type SecretInput,
  type SecretProvider,
  type SecretSetInput,
} from '@countersign/core';
import { bodySender } from './adapter-cases/senders.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';

/** How the source of a provider under test fails. */
export type SourceFault =
  /** The secret is not there. */
  | 'missing'
  /** The client has no permission. */
  | 'forbidden'
  /** The source itself fails. */
  | 'broken'
  /** The source returns something in another format, which contains the secret. */
  | 'garbage'
  /** The source does not respond. */
  | 'hanging';

/** A provider under test, and the source that it reads, which the test controls. */
export interface SecretProviderTarget {
  readonly provider: SecretProvider;
  /** Makes this the source's current secret, as its owner would. The source keeps the secret before as it normally does. */
  put(secret: string): Promise<void>;
  /** Makes the source fail from now on or, with `undefined`, work again. */
  fail(fault: SourceFault | undefined): void | Promise<void>;
  close?(): Promise<void>;
}

export const TIMEOUT_SECONDS = 3;

export function freshSecret(): string {
  return `canary ${randomUUID()}`;
}

/** Makes the provider load, as a keyring would. */
export async function load({ provider }: SecretProviderTarget): Promise<SecretSetInput> {
  const loaded = await provider.load({ signal: new AbortController().signal, reason: 'manual' });
  if (isWebhookError(loaded)) throw loaded;
  return loaded;
}

/** Runs a check with a keyring that has loaded the provider once. */
export async function withKeyring(
  { provider }: SecretProviderTarget,
  check: (keyring: Keyring, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const clock = manualClock();
  await using keyring = createKeyring(provider, {
    scheme: bodySender(),
    clock,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  await keyring.ready();
  await check(keyring, clock);
}

/** The ids of a keyring's keys, the current one first. */
export function idsOf(keyring: Keyring): string[] {
  return keyring.health().keys.map(({ id }) => id);
}

/** The secrets of a set, as text, by role. */
export function textsOf({ current, previous = [], next = [] }: SecretSetInput): Record<string, string[]> {
  const of = (secrets: SecretInput | SecretInput[]) => [secrets].flat().map(textOf);
  return { current: of(current), previous: of(previous), next: of(next) };
}

function textOf(given: SecretInput): string {
  const secret = typeof given === 'object' && 'secret' in given ? given.secret : given;
  return Buffer.from(secret as string).toString('utf8');
}

/** Asserts that a load is refused with an error that is safe to show, and returns its message. */
export async function refusalOf(loading: Promise<unknown>, secret: string): Promise<string> {
  const error: unknown = await loading.then(
    () => assert.fail('it was loaded'),
    (reason: unknown) => reason,
  );
  assert.ok(isWebhookError(error), 'an error with a code');
  assert.match(error.code, /^ERR_WEBHOOK_(?:PROVIDER_FAILED|SECRETS_INVALID)$/);
  assert.ok(error.message.length > 20, 'the error says what to do');
  assertHides(error, secret);
  return error.message;
}

/** Asserts that no part of a secret is visible. */
export function assertHides(shown: unknown, secret: string): void {
  const text = inspect(shown, { depth: 9, showHidden: true });
  for (const form of [secret, Buffer.from(secret).toString('base64')]) {
    assert.ok(!text.includes(form), 'the secret shows');
  }
}

/** Asserts that something ends in time. */
export async function within<T>(patienceMs: number, work: Promise<T>): Promise<T> {
  const end = new AbortController();
  const over = delay(patienceMs, undefined, { signal: end.signal }).then(() =>
    assert.fail(`nothing happened in ${patienceMs} ms`),
  );
  try {
    return await Promise.race([work, over]);
  } finally {
    over.catch(() => undefined);
    end.abort();
  }
}
