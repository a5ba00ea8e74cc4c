import { types } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { VerifierHealth } from '../health.ts';
import type { Claim } from '../replay/claim.ts';
import { memoryReplayStore } from '../replay/memory-replay-store.ts';
import type { ReplayStore } from '../replay/replay-store.ts';
import { leaveEndpoint } from '../replay/store-policy.ts';
import type { WebhookRequest } from '../request.ts';
import type { WebhookResponse } from '../response.ts';
import { verifierKeyring } from '../secrets/keyring.ts';
import {
  functionSecrets,
  type LoadedSecrets,
  providerError,
  type SecretProvider,
  type SecretSetInput,
  secretsGone,
} from '../secrets/secrets.ts';
import type { Clock } from '../util/clock.ts';
import { configError } from '../util/options.ts';
import { Gate, InFlight, withDeadline } from '../util/promises.ts';
import { verifierOf } from '../verifier.ts';
import type {
  DisabledVerifierOptions,
  HandleOptions,
  ReceiveOptions,
  ReceiveResult,
  Verifier,
  VerifierOptions,
} from '../verifier-types.ts';
import type { ReceivedWebhook, VerifiedWebhook } from '../webhook.ts';
import { isWebhookError, safeErrorText, WebhookError } from '../webhook-error.ts';

/** What `load` returns for a tenant that exists. */
export type LoadedTenant<K> = VerifierOptions<K> | DisabledVerifierOptions<K>;

/** The options, checked. */
export interface TenantSettings<K> {
  readonly load: (tenant: string, signal: AbortSignal) => Promise<LoadedTenant<K> | undefined>;
  readonly maxTenants: number;
  readonly idleMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** So many loads run at a time: enough to be fast, and few enough for a pool of connections. */
const LOADS_AT_ONCE = 32;
/** Anyone can make up names of tenants. If so many loads wait, requests for further tenants that are not loaded get 503. */
const MOST_WAITING = 1024;
/** The name of a tenant is part of the name of its endpoint. A longer text is not looked up. */
const LONGEST_NAME = 200;
const RETRY_AFTER_SECONDS = 5;
/** Idle tenants are looked for so many times within `idleSeconds`. */
const SWEEPS_PER_IDLE_TIME = 4;
const LONGEST_CLOSE_MS = 300_000;

/** A load that is under way, for all requests that wait for it. */
interface Flight {
  readonly verifier: Promise<Verifier | undefined>;
  /** The tenant was forgotten meanwhile, so the load may have read what is outdated. */
  isOutdated: boolean;
}

/** Loads tenants, one load per tenant at a time, and keeps the tenants that are in use. */
export class TenantCache<K> {
  readonly #settings: TenantSettings<K>;
  /** Ordered by the last request. */
  readonly #tenants: LRUCache<string, TenantVerifier>;
  readonly #flights = new Map<string, Flight>();
  readonly #gate = new Gate(LOADS_AT_ONCE);
  /** Which tenant uses the name of an endpoint. */
  readonly #endpoints = new Map<string, string>();
  /** The commits and releases of all tenants, also of those that were dropped. */
  readonly #settling = new InFlight();
  #memoryStore: ReplayStore | undefined;
  #cancelSweep: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: TenantSettings<K>) {
    this.#settings = settings;
    const dispose = (verifier: TenantVerifier) => verifier.drop();
    this.#tenants = new LRUCache({ max: settings.maxTenants, dispose });
  }

  async get(tenant: unknown): Promise<Verifier | undefined> {
    if (this.#closing !== undefined) throw closedError();
    if (typeof tenant !== 'string' || tenant === '' || tenant.length > LONGEST_NAME) return undefined;
    const known = this.#tenants.get(tenant);
    if (known === undefined) return (this.#flights.get(tenant) ?? this.#start(tenant)).verifier;
    known.usedAt = this.#settings.clock.monotonic();
    return known;
  }

  forget(tenant: string): void {
    const flight = this.#flights.get(tenant);
    if (flight !== undefined) flight.isOutdated = true;
    this.#tenants.delete(tenant);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelSweep?.();
    const verifiers = [...this.#tenants.values()];
    await Promise.all(verifiers.map((verifier) => verifier.close()));
    await this.#settling.idle({ clock: this.#settings.clock, timeoutMs: LONGEST_CLOSE_MS });
    this.#tenants.clear();
  }

  #start(tenant: string): Flight {
    if (this.#gate.waiting >= MOST_WAITING) {
      throw new WebhookError(
        'ERR_WEBHOOK_OVERLOADED',
        'Too many tenants wait to be loaded. Check how long "load" of createTenants() takes.',
        { retryAfterSeconds: RETRY_AFTER_SECONDS },
      );
    }
    const state = { isOutdated: false };
    const verifier = this.#gate
      .run(() => this.#load(tenant, state))
      .finally(() => this.#flights.delete(tenant));
    const flight = Object.assign(state, { verifier });
    this.#flights.set(tenant, flight);
    return flight;
  }

  async #load(tenant: string, flight: Pick<Flight, 'isOutdated'>): Promise<Verifier | undefined> {
    for (;;) {
      flight.isOutdated = false;
      const loaded = await this.#ask(tenant).catch((error: unknown) => {
        if (!flight.isOutdated) throw error;
        return undefined;
      });
      if (this.#closing !== undefined) throw closedError();
      if (flight.isOutdated) continue;
      if (loaded === undefined || loaded === null) return undefined;
      if (typeof loaded !== 'object') throw notOptions();
      // Not kept: nothing would notice that it is switched on again.
      if (loaded.disabled === true) return verifierOf(loaded, this.#settling);
      const verifier = this.#makeVerifier(tenant, loaded);
      this.#tenants.set(tenant, verifier);
      this.#sweepLater();
      return verifier;
    }
  }

  async #ask(tenant: string): Promise<LoadedTenant<K> | undefined> {
    const { load, timeoutMs, clock } = this.#settings;
    const controller = new AbortController();
    try {
      return await withDeadline(() => load(tenant, controller.signal), {
        timeoutMs,
        clock,
        overdue: () =>
          notReady(
            `"load" of createTenants() did not return within ${timeoutMs / 1000} s. Check that its source responds, or raise "timeoutSeconds".`,
          ),
      });
    } catch (error) {
      controller.abort(error);
      if (isWebhookError(error)) throw error;
      const text = safeErrorText(error);
      throw notReady(
        `"load" of createTenants() failed${text === '' ? '' : ` (${text})`}. See "cause". For a tenant that does not exist, return undefined.`,
        error,
      );
    }
  }

  #makeVerifier(tenant: string, loaded: VerifierOptions<K>): TenantVerifier {
    const { clock } = this.#settings;
    const endpoint = loaded.endpoint ?? `${tenant}/${loaded.scheme?.name}`;
    const owner = this.#endpoints.get(endpoint);
    if (owner !== undefined && owner !== tenant) {
      throw configError(
        `Two tenants have the endpoint "${endpoint}", so the deliveries of one would count as duplicates of the other. Leave "endpoint" out, or make it different for each tenant.`,
      );
    }
    const replay = loaded.replay ?? this.#sharedMemory();
    const options: VerifierOptions<K> = { clock, ...loaded, endpoint, replay };
    const fixed = fixedSecrets(loaded.secrets);
    if (fixed !== undefined) options.secrets = this.#reloadedSecrets(tenant, fixed, () => made);
    const leave = () => {
      if (this.#endpoints.get(endpoint) === tenant) this.#endpoints.delete(endpoint);
      if (replay !== false) leaveEndpoint(replay, endpoint);
    };
    const made = new TenantVerifier(verifierOf(options, new InFlight(this.#settling)), clock, leave);
    this.#endpoints.set(endpoint, tenant);
    return made;
  }

  /** A store of each tenant's own would forget its deliveries when the tenant is dropped. */
  #sharedMemory(): ReplayStore {
    this.#memoryStore ??= memoryReplayStore({ clock: this.#settings.clock });
    return this.#memoryStore;
  }

  /** Secrets that `load` returned as they are: `load` is called again to find out whether they have changed. */
  #reloadedSecrets(tenant: string, first: FixedSecrets, verifier: () => TenantVerifier): SecretProvider {
    let unused: FixedSecrets | undefined = first;
    return functionSecrets(({ signal }) => {
      if (unused === undefined) return this.#loadSecrets(tenant, signal, verifier());
      const secrets = unused;
      unused = undefined;
      return secrets;
    }, `tenant ${tenant}`);
  }

  async #loadSecrets(tenant: string, signal: AbortSignal, verifier: TenantVerifier): Promise<LoadedSecrets> {
    const loaded = await this.#settings.load(tenant, signal);
    const secrets = fixedSecrets(loaded?.secrets);
    if (secrets !== undefined && loaded?.disabled !== true) return secrets;
    // The next request finds out what the tenant is now.
    if (this.#tenants.peek(tenant) === verifier) this.#tenants.delete(tenant);
    if (loaded === undefined || loaded === null || loaded.disabled === true) {
      return secretsGone('The tenant does not exist any more, or is switched off.');
    }
    throw providerError('The tenant has another kind of secrets now. Its next request loads them.');
  }

  #sweepLater(): void {
    const { clock, idleMs } = this.#settings;
    this.#cancelSweep ??= clock.schedule(() => {
      this.#cancelSweep = undefined;
      this.#dropIdle(clock.monotonic() - idleMs);
      if (this.#tenants.size > 0) this.#sweepLater();
    }, idleMs / SWEEPS_PER_IDLE_TIME);
  }

  #dropIdle(before: number): void {
    const idle: string[] = [];
    for (const tenant of this.#tenants.rkeys()) {
      if ((this.#tenants.peek(tenant)?.usedAt ?? 0) > before) break;
      idle.push(tenant);
    }
    for (const tenant of idle) this.#tenants.delete(tenant);
  }
}

type FixedSecrets = SecretSetInput | string | Uint8Array;

/** The secrets, unless they are a source that reloads by itself. */
function fixedSecrets(secrets: unknown): FixedSecrets | undefined {
  if (typeof secrets === 'string' || types.isUint8Array(secrets)) return secrets;
  if (typeof secrets !== 'object' || secrets === null || verifierKeyring(secrets) !== undefined)
    return undefined;
  const provider = secrets as Partial<SecretProvider>;
  if (typeof provider.load !== 'function') return secrets as SecretSetInput;
  if (provider.static !== true) return undefined;
  return provider.load({ signal: new AbortController().signal, reason: 'start' }) as SecretSetInput;
}

function notOptions(): WebhookError {
  return configError('"load" of createTenants() must return the options of createVerifier(), or undefined.');
}

function notReady(message: string, cause?: unknown): WebhookError {
  return new WebhookError('ERR_WEBHOOK_NOT_READY', message, {
    cause,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

function closedError(): WebhookError {
  return notReady('The tenants are closed.');
}

/** A tenant's verifier. It counts the calls that are under way, so that it is closed only when there are none. */
export class TenantVerifier implements Verifier {
  readonly scheme: Verifier['scheme'];
  readonly endpoint: string;
  readonly #verifier: Verifier;
  readonly #clock: Clock;
  readonly #leave: () => void;
  #calls = 0;
  #dropped = false;
  /** Of the last request, by the monotonic clock. */
  usedAt: number;

  /** @param leave Gives the name of the endpoint free, for the next verifier of the tenant. */
  constructor(verifier: Verifier, clock: Clock, leave: () => void) {
    this.scheme = verifier.scheme;
    this.endpoint = verifier.endpoint;
    this.#verifier = verifier;
    this.#clock = clock;
    this.#leave = leave;
    this.usedAt = clock.monotonic();
  }

  /** Closes the verifier as soon as no call is under way. */
  drop(): void {
    this.#dropped = true;
    this.#leave();
    // A request that has just been given this verifier has not called it yet.
    this.#clock.schedule(() => this.#closeIfIdle(), 0);
  }

  #closeIfIdle(): void {
    if (this.#dropped && this.#calls === 0) void this.#verifier.close();
  }

  async #during<T>(call: () => Promise<T>): Promise<T> {
    this.#calls++;
    try {
      return await call();
    } finally {
      this.#calls--;
      this.#closeIfIdle();
    }
  }

  ready(): Promise<void> {
    return this.#verifier.ready();
  }
  verify(request: WebhookRequest): Promise<VerifiedWebhook> {
    return this.#during(() => this.#verifier.verify(request));
  }
  claim(webhook: VerifiedWebhook): Promise<Claim | { state: 'duplicate' }> {
    return this.#during(() => this.#verifier.claim(webhook));
  }
  receive(request: WebhookRequest, options?: ReceiveOptions): Promise<ReceiveResult> {
    return this.#during(() => this.#verifier.receive(request, options));
  }
  handle(
    request: WebhookRequest,
    handler: (webhook: ReceivedWebhook) => unknown,
    options?: HandleOptions,
  ): Promise<WebhookResponse> {
    return this.#during(() => this.#verifier.handle(request, handler, options));
  }
  forget(delivery: string | VerifiedWebhook): Promise<boolean> {
    return this.#verifier.forget(delivery);
  }
  reload(): Promise<VerifierHealth> {
    return this.#verifier.reload();
  }
  revoke(keyId: string): Promise<void> {
    return this.#verifier.revoke(keyId);
  }
  health(): VerifierHealth {
    return this.#verifier.health();
  }
  close(): Promise<void> {
    return this.#verifier.close();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
