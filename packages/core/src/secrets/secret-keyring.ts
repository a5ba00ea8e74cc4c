import type { KeyringEvent } from '../events.ts';
import type { KeyringHealth } from '../health.ts';
import type { Scheme } from '../scheme/scheme.ts';
import type { Clock } from '../util/clock.ts';
import { Deferred } from '../util/deferred.ts';
import { configError } from '../util/options.ts';
import { LiveKeys } from './active-keys.ts';
import { KeyUsage } from './key-usage.ts';
import type { Keyring, KeySet, MismatchResult } from './keyring.ts';
import { keyringHealth } from './keyring-health.ts';
import type { KeyringTiming } from './keyring-options.ts';
import { MismatchWaiters } from './mismatch-waiters.ts';
import { type Attempt, Reloader } from './reloader.ts';
import { retainReplaced } from './retained-keys.ts';
import { KeyBans } from './revoked-keys.ts';
import { RotationNotice } from './rotation-notice.ts';
import { decodeSecretSet } from './secret-set.ts';
import { SecretSnapshot } from './secret-snapshot.ts';
import type { ReloadReason, SecretProvider } from './secrets.ts';
import { VersionHistory } from './version-history.ts';

type KeyringOutcome = KeyringEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'provider'>
    : never
  : never;

/** The keyring: joins the reloader, the live keys and those who wait for them. */
export class SecretKeyring<K> implements Keyring<K> {
  readonly keyFormat: string;
  readonly #provider: SecretProvider;
  readonly #scheme: Scheme<K>;
  readonly #timing: KeyringTiming;
  readonly #clock: Clock;
  readonly #observe: ((event: KeyringEvent) => void) | undefined;
  readonly #bans = new KeyBans();
  readonly #usage = new KeyUsage();
  readonly #versions = new VersionHistory();
  readonly #live: LiveKeys<K>;
  readonly #notice: RotationNotice;
  readonly #waiting: MismatchWaiters;
  readonly #reloader: Reloader;
  #snapshot: SecretSnapshot<K> | undefined;
  #loadedAt: number | undefined;
  /** Of the set just taken over, until its load has ended. */
  #news: KeyringOutcome | undefined;
  #firstSet: Deferred<void> | undefined;
  #closed = false;

  constructor(
    provider: SecretProvider,
    scheme: Scheme<K>,
    timing: KeyringTiming,
    clock: Clock,
    observe: ((event: KeyringEvent) => void) | undefined,
  ) {
    this.keyFormat = scheme.keyFormat;
    this.#provider = provider;
    this.#scheme = scheme;
    this.#timing = timing;
    this.#clock = clock;
    this.#observe = observe;
    // A set that can't change can't grow old either.
    this.#live = new LiveKeys(clock, provider.static === true ? undefined : timing.maxStaleMs);
    this.#notice = new RotationNotice(clock);
    this.#waiting = new MismatchWaiters(clock);
    this.#reloader = new Reloader({
      provider,
      clock,
      timing,
      matchedKeyIds: () => this.#usage.matched,
      apply: (answer, reason, startedAt) => this.#apply(answer, reason, startedAt),
      ended: (attempt) => this.#ended(attempt),
    });
    this.#reloader.start();
    this.#throwUnusable();
  }

  /** A first set that was given synchronously and is wrong is a mistake in the program: it shows where the program made it. */
  #throwUnusable(): void {
    const error = this.#reloader.last?.error;
    if (error === undefined || this.#snapshot !== undefined) return;
    if (error.code !== 'ERR_WEBHOOK_SECRETS_INVALID' && this.#provider.static !== true) return;
    this.#shut();
    throw error;
  }

  get isReadyWithoutKeys(): boolean {
    return this.#provider.onDemand === true && this.#snapshot !== undefined;
  }

  ready(): Promise<void> {
    if (this.#closed) return rejected(closedError());
    if (this.#snapshot !== undefined) return Promise.resolve();
    const error = this.#reloader.last?.error;
    if (error !== undefined && !this.#reloader.busy) return rejected(error);
    this.#firstSet ??= new Deferred();
    return whileAlive(this.#firstSet.promise);
  }

  reload(): Promise<KeyringHealth> {
    if (this.#closed) return rejected(closedError());
    const health = this.#reloader.reload().then(() => this.health());
    // Whoever triggers a reload from a signal handler may ignore its end: health and events tell of it too.
    health.catch(() => undefined);
    return health;
  }

  async revoke(keyId: string): Promise<void> {
    if (this.#closed) throw closedError();
    const keys = this.#snapshot?.keys ?? [];
    const named = keys.filter((key) => key.id === keyId);
    for (const { fingerprint } of named) this.#bans.ban(keyId, fingerprint);
    if (named.length === 0) {
      if (this.#bans.has(keyId)) return;
      if (!this.#bans.banUnseen(keyId)) throw unknownKey(keys.map(({ id }) => id));
    }
    this.#dropBanned();
    this.#emit({ type: 'key-revoked', keyId });
  }

  #dropBanned(): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    const allowed = (key: { fingerprint: string }) => !this.#bans.covers(key.fingerprint);
    this.#snapshot = new SecretSnapshot(
      snapshot.keys.filter(allowed),
      snapshot.version,
      snapshot.rotatingUntil,
    );
    this.#live.filter(allowed);
    this.#usage.follow(this.#snapshot.keys);
  }

  health(): KeyringHealth {
    const now = this.#clock.now();
    const keys = this.#snapshot?.keys ?? [];
    return keyringHealth({
      provider: this.#provider.name,
      now,
      // A retained key that is over is gone: there is nothing for an operator to remove.
      keys: keys.filter((key) => !(key.retained && key.isExpired(now))),
      usage: this.#usage,
      liveKeys: this.keys().keys.length,
      mayBeEmpty: this.isReadyWithoutKeys,
      version: this.#snapshot?.version,
      wentBack: this.#versions.wentBack,
      loadedAt: this.#loadedAt,
      last: this.#reloader.last,
      rotatingUntil: this.#notice.until,
      rotationOverdue: this.#notice.overdue,
      stale: this.#live.stale,
      revoked: this.#bans.ids,
    });
  }

  keys(): KeySet<K> {
    return this.#live.current();
  }

  matched(keyId: string): void {
    this.#usage.count(keyId, this.#clock.now());
  }

  reloadForMismatch(
    tried: KeySet<K>,
    options: { waitMs?: number; keyId?: string } = {},
  ): MismatchResult<K> | Promise<MismatchResult<K>> {
    const known = this.#verdict(tried);
    if (known.state === 'changed' || this.#closed || this.#provider.static === true) return known;
    const limit = options.waitMs ?? this.#timing.mismatchWaitMs;
    const waitMs = limit > 0 ? Math.min(limit, this.#timing.mismatchWaitMs) : 0;
    const coming = this.#reloader.reloadForMismatch(waitMs, options.keyId);
    if (!coming || waitMs === 0 || this.#waiting.full) return this.#verdict(tried);
    // A load that follows at once is worth the rest of the wait: it began after the request came.
    const isOver = (result: MismatchResult<K>) => result.state === 'changed' || !this.#reloader.busy;
    return this.#waiting.wait(waitMs, () => this.#verdict(tried), isOver);
  }

  /** What is known at this moment about a signature that no key of `tried` matches. */
  #verdict(tried: KeySet<K>): MismatchResult<K> {
    if (this.#closed) return { state: 'uncertain', message: 'The keyring is closed.' };
    const set = this.keys();
    const doubt = this.#doubt();
    if (set.sequence > tried.sequence) return { state: 'changed', set, doubt };
    return doubt === undefined ? { state: 'unchanged' } : { state: 'uncertain', message: doubt };
  }

  /** Why the set may not be the one that the sender signs with. */
  #doubt(): string | undefined {
    const error = this.#reloader.last?.error;
    if (error !== undefined)
      return `No key matches, and the last reload of the secrets failed. ${error.message}`;
    const until = this.#notice.until;
    if (until === undefined) return undefined;
    return `No key matches, and a rotation is announced until ${new Date(until).toISOString()}.`;
  }

  #apply(answer: unknown, reason: ReloadReason, startedAt: number): void {
    const now = this.#clock.now();
    const { name, onDemand = false } = this.#provider;
    const set = decodeSecretSet(answer, { provider: name, scheme: this.#scheme, now, mayBeEmpty: onDemand });
    // From here on nothing can fail: a set is taken over whole or not at all.
    const retained = retainReplaced(this.#snapshot?.keys ?? [], set.keys, now, this.#timing.retainPreviousMs);
    const keys = retained.filter((key) => !this.#bans.covers(key.fingerprint));
    const before = this.keys().sequence;
    this.#snapshot = new SecretSnapshot(keys, set.version, set.rotatingUntil);
    this.#live.replace(keys, startedAt);
    const changed = this.keys().sequence !== before;
    this.#notice.update(set.rotatingUntil, changed);
    this.#usage.follow(keys);
    this.#versions.note(set.version);
    this.#loadedAt = now;
    const shown = keys.map(({ id, role }) => ({ id, role }));
    this.#news = { type: 'secrets-loaded', reason, changed, version: set.version, keys: shown };
  }

  #ended({ reason, error }: Attempt): void {
    const firstSet = this.#firstSet;
    const news = this.#news;
    this.#firstSet = undefined;
    this.#news = undefined;
    if (error === undefined) firstSet?.resolve();
    else firstSet?.reject(error);
    this.#waiting.wake();
    // Observers come last: they see, and may act on, a keyring that has settled.
    if (error !== undefined) this.#emit({ type: 'secrets-failed', reason, error });
    else if (news !== undefined) this.#emit(news);
  }

  #emit(event: KeyringOutcome): void {
    this.#observe?.({ provider: this.#provider.name, ...event });
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
    this.#reloader.close();
    this.#snapshot = undefined;
    this.#live.replace([], 0);
    this.#notice.update(undefined, true);
    this.#firstSet?.reject(closedError());
    this.#waiting.release();
  }
}

/** The clock's timers keep no process alive, and before it listens nothing else may: waiting for secrets must not end it silently. */
function whileAlive(promise: Promise<void>): Promise<void> {
  const hold = setInterval(() => undefined, 2 ** 30);
  const held = promise.finally(() => clearInterval(hold));
  held.catch(() => undefined);
  return held;
}

/** A rejection that nobody has to handle. */
function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}

function closedError(): Error {
  return configError('The keyring is closed. Make a new one.');
}

// The id that was asked for is not quoted: what an operator pastes by mistake may be the secret.
function unknownKey(known: readonly string[]): Error {
  const ids = known.length === 0 ? 'No key is loaded.' : `Known ids: ${known.join(', ')}.`;
  return configError(`revoke() knows no key of this id. ${ids}`);
}
