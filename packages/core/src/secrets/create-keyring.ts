import type { KeyObject } from 'node:crypto';
import {
  type KeyringEvent,
  type KeyringOutcome,
  type Observer,
  Reporter,
  readObserver,
  type WebhookEvent,
} from '../events.ts';
import type { KeyringHealth } from '../health.ts';
import type { Scheme } from '../scheme/scheme.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { checkClock, checkKeys, configError } from '../util/options.ts';
import { Deferred, keepAlive } from '../util/promises.ts';
import { warn } from '../util/warnings.ts';
import {
  type Attempt,
  KEYRING,
  type Keyring,
  type KeyringOptions,
  type KeyringTiming,
  type KeySet,
  type MismatchResult,
  readTiming,
  TIMING_KEYS,
  type VerifierKeyring,
} from './keyring.ts';
import { keyringHealth } from './keyring-health.ts';
import { ActiveKeys, KeyUsage, RevokedKeys, retainReplaced } from './keys.ts';
import { MismatchWaiters } from './mismatches.ts';
import { Reloader } from './reloader.ts';
import { AnnouncedRotation, decodeSecretSet, type SecretSnapshot, VersionHistory } from './secret-set.ts';
import type { ReloadReason, SecretProvider } from './secrets.ts';

/**
 * Makes a keyring: one set of secrets, decoded once and kept up to date, that several verifiers can share. Use it if several verifiers
 * need the same secrets, so that they are loaded once for all of them.
 *
 * It loads nothing and starts no timer before it is used, so it may be made at module level. Only static secrets are loaded at once.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if an option is wrong; `ERR_WEBHOOK_SECRETS_INVALID` if static secrets can't be used;
 * `ERR_WEBHOOK_PROVIDER_FAILED` if a static provider fails.
 * @example
 * ```ts
 * const keyring = createKeyring(fileSecrets('/run/secrets/acme.json'), { scheme: acme, intervalSeconds: 60 })
 * const orders = createVerifier({ scheme: acme, secrets: keyring, endpoint: 'orders' })
 * const refunds = createVerifier({ scheme: acme, secrets: keyring, endpoint: 'refunds' })
 * await keyring.ready()
 * ```
 */
export function createKeyring<K = KeyObject>(
  provider: SecretProvider,
  options: {
    scheme: Scheme<K>;
    clock?: Clock;
    /** Called with every event of the set. */
    observe?: Observer<KeyringEvent> | readonly Observer<KeyringEvent>[];
    /** The `endpoint` of its events, if the set belongs to one. */
    endpoint?: string;
  } & KeyringOptions,
): Keyring<K> {
  options = checkKeys('createKeyring()', options, ['scheme', 'clock', 'observe', 'endpoint', ...TIMING_KEYS]);
  checkProvider(provider);
  const { scheme, endpoint, clock = systemClock } = options;
  checkClock(options.clock);
  if (typeof scheme?.importKey !== 'function') {
    throw configError('"scheme" must be a scheme, because it decodes the secrets.');
  }
  const reporter = new Reporter<KeyringOutcome>(
    readObserver(options.observe) as Observer<WebhookEvent> | undefined,
    { provider: provider.name, ...(endpoint === undefined ? {} : { endpoint }) },
  );
  return new SecretKeyring(provider, scheme, readTiming(options, provider), clock, reporter);
}

function checkProvider(provider: unknown): void {
  const given = provider as Partial<SecretProvider> | null | undefined;
  if (typeof given?.load !== 'function' || typeof given.name !== 'string' || given.name === '') {
    throw configError(
      'createKeyring() needs a provider of secrets. Pass an object with "name" and "load", such as staticSecrets().',
    );
  }
}

/** The keyring: connects the reloader, the active keys and the requests that wait for them. */
class SecretKeyring<K> implements Keyring<K> {
  readonly keyFormat: string;
  readonly [KEYRING]: VerifierKeyring<K>;
  readonly #provider: SecretProvider;
  readonly #scheme: Scheme<K>;
  readonly #timing: KeyringTiming;
  readonly #clock: Clock;
  readonly #reporter: Reporter<KeyringOutcome>;
  readonly #revoked = new RevokedKeys();
  readonly #usage = new KeyUsage();
  readonly #versions = new VersionHistory();
  readonly #active: ActiveKeys<K>;
  readonly #rotation: AnnouncedRotation;
  readonly #waiting: MismatchWaiters;
  readonly #reloader: Reloader<KeyringOutcome>;
  #snapshot: SecretSnapshot<K> | undefined;
  #loadedAt: number | undefined;
  #firstSet: Deferred<void> | undefined;
  #closed = false;
  readonly #uncount: () => void;

  constructor(
    provider: SecretProvider,
    scheme: Scheme<K>,
    timing: KeyringTiming,
    clock: Clock,
    reporter: Reporter<KeyringOutcome>,
  ) {
    this.keyFormat = scheme.keyFormat;
    this.#provider = provider;
    this.#scheme = scheme;
    this.#timing = timing;
    this.#clock = clock;
    this.#reporter = reporter;
    // A set that can't change can't become too old.
    this.#active = new ActiveKeys(clock, provider.static === true ? undefined : timing.maxStaleMs);
    this.#rotation = new AnnouncedRotation(clock);
    this.#waiting = new MismatchWaiters(clock);
    this.#reloader = new Reloader({
      provider,
      clock,
      timing,
      matchedKeyIds: () => this.#usage.matched,
      isAwaited: () => this.#waiting.any,
      apply: (loaded, reason, startedAt) => this.#apply(loaded, reason, startedAt),
      gone: () => this.#forgetKeys(),
      ended: (attempt, news) => this.#ended(attempt, news),
    });
    this[KEYRING] = this.#forVerifiers();
    this.#uncount = provider.static === true ? () => undefined : countKeyring(provider);
    if (provider.static === true) this.#loadStatic();
  }

  #forVerifiers(): VerifierKeyring<K> {
    const isReadyWithoutKeys = () => this.#isReadyWithoutKeys;
    return Object.freeze({
      get isReadyWithoutKeys() {
        return isReadyWithoutKeys();
      },
      keys: () => {
        const { dueAt } = this.#reloader;
        if (dueAt < Number.POSITIVE_INFINITY && dueAt <= this.#clock.monotonic()) this.#reloader.start();
        return this.#active.current();
      },
      loading: () => this.#reloader.loading,
      reloadForMismatch: (tried: KeySet<K>, options?: { waitMs?: number; keyId?: string }) =>
        this.#reloadForMismatch(tried, options),
      matched: (keyId: string) => this.#usage.count(keyId, this.#clock.now()),
    });
  }

  /** A static set that is invalid is a mistake in the program, so the error is thrown to the code that made the keyring. */
  #loadStatic(): void {
    this.#reloader.start();
    const error = this.#reloader.last?.error;
    if (error === undefined) return;
    this.#shut();
    throw error;
  }

  get #isReadyWithoutKeys(): boolean {
    return this.#provider.onDemand === true && this.#snapshot !== undefined;
  }

  ready(): Promise<void> {
    if (this.#closed) return rejected(closedError());
    this.#reloader.start();
    if (this.#snapshot !== undefined) return Promise.resolve();
    const error = this.#reloader.last?.error;
    if (error !== undefined && !this.#reloader.busy) return rejected(error);
    this.#firstSet ??= new Deferred();
    return keepAlive(this.#firstSet.promise);
  }

  reload(): Promise<KeyringHealth> {
    if (this.#closed) return rejected(closedError());
    return keepAlive(this.#reloader.reload().then(() => this.health()));
  }

  async revoke(keyId: string): Promise<void> {
    if (this.#closed) throw closedError();
    this.#reloader.start();
    const keys = this.#snapshot?.keys ?? [];
    const named = keys.filter((key) => key.id === keyId);
    for (const { fingerprint } of named) this.#revoked.add(keyId, fingerprint);
    if (named.length === 0) {
      if (this.#revoked.hasId(keyId)) return;
      if (!this.#revoked.addUnseen(keyId)) throw unknownKey(keys.map(({ id }) => id));
    }
    this.#dropRevoked();
    this.#emit({ type: 'key-revoked', keyId });
  }

  #dropRevoked(): void {
    if (this.#snapshot === undefined) return;
    const allowed = (key: { fingerprint: string }) => !this.#revoked.has(key.fingerprint);
    this.#snapshot = { ...this.#snapshot, keys: this.#snapshot.keys.filter(allowed) };
    this.#active.filter(allowed);
    this.#usage.follow(this.#snapshot.keys, this.#clock.now());
  }

  health(): KeyringHealth {
    // Loading must start here too: a readiness check may hold back all requests until this keyring is ready.
    this.#reloader.start();
    const now = this.#clock.now();
    const keys = this.#snapshot?.keys ?? [];
    return keyringHealth({
      provider: this.#provider.name,
      now,
      // A retained key that has expired is gone: an operator need not remove it.
      keys: keys.filter((key) => !(key.retained && key.isExpired(now))),
      usage: this.#usage,
      activeKeys: this.#active.current().keys.length,
      isReadyWithoutKeys: this.#isReadyWithoutKeys,
      version: this.#snapshot?.version,
      regression: this.#versions.regression,
      loadedAt: this.#loadedAt,
      last: this.#reloader.last,
      rotatingUntil: this.#rotation.until,
      rotationOverdue: this.#rotation.overdue,
      stale: this.#active.stale,
      revoked: this.#revoked.ids,
    });
  }

  #reloadForMismatch(
    tried: KeySet<K>,
    options: { waitMs?: number; keyId?: string } = {},
  ): MismatchResult<K> | Promise<MismatchResult<K>> {
    const known = this.#mismatchResult(tried);
    if (known.state === 'changed' || this.#closed || this.#provider.static === true) return known;
    const waitMs = this.#waitMs(options.waitMs);
    const isComing = this.#reloader.reloadForMismatch(waitMs, options.keyId);
    if (!isComing || waitMs === 0 || this.#waiting.full) return this.#mismatchResult(tried);
    const isOver = ({ state }: MismatchResult<K>) => state === 'changed' || !this.#reloader.pending;
    return this.#waiting.wait(waitMs, () => this.#mismatchResult(tried), isOver);
  }

  /** How long a request may wait. Until a first set is loaded, a request can only succeed by waiting. */
  #waitMs(limitMs: number | undefined): number {
    const { mismatchWaitMs, timeoutMs } = this.#timing;
    const longest =
      this.#snapshot === undefined && mismatchWaitMs > 0
        ? Math.max(mismatchWaitMs, timeoutMs)
        : mismatchWaitMs;
    const limit = limitMs ?? longest;
    return limit > 0 ? Math.min(limit, longest) : 0;
  }

  /** What is known at this moment about a signature that matches no key of `tried`. */
  #mismatchResult(tried: KeySet<K>): MismatchResult<K> {
    if (this.#closed) return { state: 'uncertain', message: 'The keyring is closed.' };
    const set = this.#active.current();
    const doubt = this.#doubt();
    if (set.sequence > tried.sequence) return { state: 'changed', set, doubt };
    return doubt === undefined ? { state: 'unchanged' } : { state: 'uncertain', message: doubt };
  }

  /** Why the set may not be the one that the sender signs with. */
  #doubt(): string | undefined {
    const error = this.#reloader.last?.error;
    if (error !== undefined) {
      return `No key matches, and the last reload of the secrets failed. ${error.message}`;
    }
    const until = this.#rotation.until;
    if (until === undefined) return undefined;
    return `No key matches, and a rotation is announced until ${new Date(until).toISOString()}.`;
  }

  /** Validates and decodes a loaded set, then puts it in use. Nothing can fail after decoding, so a set is used whole or not at all. */
  #apply(loaded: unknown, reason: ReloadReason, startedAt: number): KeyringOutcome {
    const now = this.#clock.now();
    const { name, onDemand = false } = this.#provider;
    const set = decodeSecretSet(loaded, { provider: name, scheme: this.#scheme, now, mayBeEmpty: onDemand });
    const retained = retainReplaced(this.#snapshot?.keys ?? [], set.keys, now, this.#timing.retainPreviousMs);
    const keys = retained.filter((key) => !this.#revoked.has(key.fingerprint));
    const before = this.#active.current().sequence;
    this.#snapshot = { ...set, keys };
    this.#active.replace(keys, startedAt);
    const changed = this.#active.current().sequence !== before;
    this.#rotation.update(set.rotatingUntil, changed);
    this.#usage.follow(keys, now);
    this.#versions.note(set.version);
    this.#loadedAt = now;
    const shown = keys.map(({ id, role }) => ({ id, role }));
    return { type: 'secrets-loaded', reason, changed, version: set.version, keys: shown };
  }

  #ended({ reason, error }: Attempt, news: KeyringOutcome | undefined): void {
    const firstSet = this.#firstSet;
    this.#firstSet = undefined;
    if (error === undefined) firstSet?.resolve();
    else firstSet?.reject(error);
    this.#waiting.wake();
    // Observers are called last, so that they see a keyring whose change is complete.
    if (error !== undefined) this.#emit({ type: 'secrets-failed', reason, error });
    else if (news !== undefined) this.#emit(news);
  }

  #emit(event: KeyringOutcome): void {
    this.#reporter.report?.(event);
  }

  async close(): Promise<void> {
    this.#shut();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #shut(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#uncount();
    this.#reloader.close();
    this.#forgetKeys();
    this.#firstSet?.reject(closedError());
    this.#waiting.release();
  }

  #forgetKeys(): void {
    this.#snapshot = undefined;
    this.#active.replace([], 0);
    this.#rotation.update(undefined, true);
    this.#usage.follow([], this.#clock.now());
  }
}

/** A rejection that the caller need not handle. */
function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}

function closedError(): Error {
  return configError('The keyring is closed. Make a new one.');
}

// The requested id is not quoted: an operator may paste the secret by mistake.
function unknownKey(known: readonly string[]): Error {
  const ids = known.length === 0 ? 'No key is loaded.' : `Known ids: ${known.join(', ')}.`;
  return configError(`No loaded key has this id. ${ids}`);
}

/** Fewer keyrings on one provider may be intended: they may have different options or schemes. */
const MANY_KEYRINGS = 5;
const keyringsOf = new WeakMap<SecretProvider, number>();

/**
 * Counts a keyring that loads a provider, until the returned function is called.
 *
 * Each keyring loads its provider by itself, so several verifiers on one provider load its source several times. The process warns of
 * that, because nothing else shows it until the source throttles.
 */
function countKeyring(provider: SecretProvider): () => void {
  const count = (keyringsOf.get(provider) ?? 0) + 1;
  keyringsOf.set(provider, count);
  if (count === MANY_KEYRINGS) {
    warn(
      `${MANY_KEYRINGS} verifiers use the provider "${provider.name}", and each loads it by itself. Make one keyring of it with createKeyring(), and pass this keyring as "secrets" to all of them.`,
      'COUNTERSIGN_PROVIDER_SHARED',
    );
  }
  return () => keyringsOf.set(provider, (keyringsOf.get(provider) ?? 1) - 1);
}
