import type { Clock } from '@countersign/core';
import { readLimitedText } from '../limited-text.ts';
import { pause, whileAlive } from '../pause.ts';
import { aborted, answerInvalid, limitError, refusal, unreachable } from './failures.ts';
import { limitOf } from './rate-limit.ts';
import { RecoveryError } from './recovery-error.ts';

/** A sender's API: where it is, and what each call needs. */
export interface SenderApi {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** The headers of each call. */
  headers(): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** Makes the calls. */
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** The permission that a call needs, in the sender's own words. */
  readonly permissions: { readonly list: string; readonly resend: string };
}

/** One call of the sender's API. */
export interface SessionCall {
  readonly method: 'GET' | 'POST';
  /** With a leading slash. */
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A complete response with a success. */
export interface SessionAnswer {
  readonly headers: Headers;
  readonly text: string;
  /**
   * The parsed body.
   * @throws RecoveryError `ERR_RECOVERY_ANSWER_INVALID`
   */
  json(): unknown;
}

/** What a session may do. */
export interface SessionLimits {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxWaitMs: number;
  readonly paceMs: number;
  readonly signal: AbortSignal | undefined;
  onWait(message: string): void;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const READ_ATTEMPTS = 3;
const LIMIT_ATTEMPTS = 5;
const RETRY_PAUSE_MS = 1000;
const GRACE_MS = 500;

/** The calls of one run to one sender: one at a time, within its rate limits, counted. */
export class VendorSession {
  readonly #vendor: SenderApi;
  readonly #limits: SessionLimits;
  #calls = 0;
  #pages = 0;
  /** Before this time, by the monotonic clock, no call may start. */
  #notBefore = 0;
  #check: () => void = () => undefined;
  #changedAt = Number.NEGATIVE_INFINITY;

  constructor(vendor: SenderApi, limits: SessionLimits) {
    this.#vendor = vendor;
    this.#limits = limits;
  }

  /** A call that was repeated, after a temporary failure or a rate limit, counts once. */
  get calls(): number {
    return this.#calls;
  }

  /** Calls that read a list. */
  get pages(): number {
    return this.#pages;
  }

  /** The time, in milliseconds since the epoch. */
  now(): number {
    return this.#limits.clock.now();
  }

  /** Reads one page of a list. A temporary failure is tried again. */
  async page(path: string, query: URLSearchParams = new URLSearchParams()): Promise<SessionAnswer> {
    this.#pages++;
    return this.#read({ method: 'GET', path, query });
  }

  /** Reads one object. A temporary failure is tried again. */
  read(path: string): Promise<SessionAnswer> {
    return this.#read({ method: 'GET', path });
  }

  /** Has the sender do something. It is not tried again in this run, because the sender may have done it. */
  change(path: string, headers: Readonly<Record<string, string>> = {}): Promise<SessionAnswer> {
    return this.#call({ method: 'POST', path, headers });
  }

  /** Carries out a step in which `check` is called right before each change, after every wait. It throws if none may be made. */
  async checking<T>(check: () => void, step: () => Promise<T>): Promise<T> {
    this.#check = check;
    try {
      return await step();
    } finally {
      this.#check = () => undefined;
    }
  }

  async #read(call: SessionCall): Promise<SessionAnswer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#call(call);
      } catch (error) {
        const again = error instanceof RecoveryError && isTemporary(error) && attempt < READ_ATTEMPTS;
        if (!again) throw error;
        // The repetition takes the place of the call that failed.
        this.#calls--;
        await this.#wait(RETRY_PAUSE_MS * attempt);
      }
    }
  }

  async #call(call: SessionCall): Promise<SessionAnswer> {
    const { clock, maxWaitMs } = this.#limits;
    const { name, permissions } = this.#vendor;
    for (let attempt = 1; ; attempt++) {
      await this.#turn(call.method);
      const { response, text } = await this.#send(call);
      const limit = limitOf(response, clock.now());
      if (response.ok) {
        this.#calls++;
        // The next call would be refused: waiting costs less than a refusal, which some senders count.
        if (limit.exhaustedMs !== undefined)
          this.#notBefore = clock.monotonic() + limit.exhaustedMs + GRACE_MS;
        return answerOf(name, response, text);
      }
      const waitMs = limit.refusedMs;
      if (waitMs === undefined) {
        this.#calls++;
        const permission = call.method === 'GET' ? permissions.list : permissions.resend;
        throw refusal(name, response, text, permission);
      }
      if (waitMs > maxWaitMs || attempt === LIMIT_ATTEMPTS) {
        throw limitError(name, response, text, new Date(clock.now() + waitMs));
      }
      this.#limits.onWait(
        `${name} accepts calls again in ${Math.ceil(waitMs / 1000)} s: its rate limit is reached.`,
      );
      this.#notBefore = clock.monotonic() + waitMs + GRACE_MS;
    }
  }

  /** Waits until a call may start. */
  async #turn(method: SessionCall['method']): Promise<void> {
    const { clock, paceMs, maxWaitMs } = this.#limits;
    const paced = method === 'GET' ? 0 : this.#changedAt + paceMs;
    const waitMs = Math.max(this.#notBefore, paced) - clock.monotonic();
    if (waitMs > maxWaitMs + GRACE_MS) {
      throw limitError(this.#vendor.name, undefined, '', new Date(clock.now() + waitMs));
    }
    if (waitMs > 0) await this.#wait(waitMs);
    if (this.#limits.signal?.aborted === true) throw aborted();
    if (method === 'GET') return;
    this.#check();
    this.#changedAt = clock.monotonic();
  }

  async #wait(ms: number): Promise<void> {
    if (!(await pause(this.#limits.clock, ms, this.#limits.signal))) throw aborted();
  }

  async #send({ method, path, query, headers }: SessionCall): Promise<{ response: Response; text: string }> {
    const { baseUrl, name } = this.#vendor;
    const { clock, timeoutMs, signal } = this.#limits;
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    signal?.addEventListener('abort', abort, { once: true });
    const cancel = clock.schedule(abort, timeoutMs);
    const search = query === undefined || query.size === 0 ? '' : `?${query.toString()}`;
    try {
      const response = await whileAlive(
        this.#vendor.fetch(`${baseUrl}${path}${search}`, {
          method,
          headers: { Accept: 'application/json', ...(await this.#vendor.headers()), ...headers },
          // A redirect would send the credentials to another host.
          redirect: 'manual',
          signal: stop.signal,
        }),
      );
      return { response, text: await whileAlive(readLimitedText(response, MAX_ANSWER_BYTES)) };
    } catch (error) {
      this.#calls++;
      if (signal?.aborted === true) throw aborted();
      throw unreachable(name, error, stop.signal.aborted);
    } finally {
      cancel();
      signal?.removeEventListener('abort', abort);
    }
  }
}

function isTemporary({ code }: RecoveryError): boolean {
  return code === 'ERR_RECOVERY_VENDOR_FAILED' || code === 'ERR_RECOVERY_VENDOR_UNREACHABLE';
}

function answerOf(vendor: string, { headers }: Response, text: string): SessionAnswer {
  return {
    headers,
    text,
    json() {
      try {
        return JSON.parse(text);
      } catch {
        throw answerInvalid(vendor);
      }
    },
  };
}
