import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { type Claim, MAX_STORE_PATIENCE_MS, untilSettled } from '../replay/claim.ts';
import { systemClock } from '../util/clock.ts';
import { warn } from '../util/warnings.ts';
import { closeIdleIfStopping } from './incoming.ts';

/** When a delivery is settled: after its response has ended, or before the response ends, for hosts that stop then. */
type SettleTime = 'after-response' | 'before-response';

/** Options of {@link settleByResponse}. */
export interface SettleOptions {
  settle?: SettleTime;
  /** How long a response waits for the store, in milliseconds. Default: 5000. */
  patienceMs?: number | undefined;
  /** Called when the claim is being settled, with a promise that resolves when the replay store has responded. */
  onSettle?: ((written: Promise<void>) => void) | undefined;
}

/** What a handler threw. */
interface HandlerFailure {
  readonly error: unknown;
}

/** What an adapter reports about the handler of a response. */
type HandlerSignal =
  | { readonly type: 'started' }
  | { readonly type: 'ended'; readonly failure: HandlerFailure | undefined }
  | { readonly type: 'abandoned'; readonly status: number };

// Adapters report by an event of the response. A WeakMap with an entry per request would make garbage collection cost more than verifying;
// so would adding a property, because Express changes the prototype of each response.
const HANDLER = Symbol('countersign.handler');

/**
 * Settles a claim by the response that the server really ends: with 2xx it commits, with any other status it releases.
 *
 * Only the end of the response counts, not whether the client receives it: after the client disconnects, the handler goes on, and
 * the status that it sends decides. If the server destroys the response with an error, the claim is released. If the response never
 * ends, nothing is settled, because the handler may still be running; the claim lapses after `handlerTimeoutSeconds` and the lease.
 *
 * @example
 * ```ts
 * const received = await verifier.receive(request)
 * if (received.state === 'claimed') settleByResponse(incoming, response, received.claim)
 * ```
 */
export function settleByResponse(
  incoming: IncomingMessage,
  response: ServerResponse,
  claim: Claim,
  options: SettleOptions = {},
): void {
  new ResponseSettlement(incoming, response, claim, options);
}

/**
 * Reports that the handler of a delivery has started. From now on, a failed response does not release the claim before
 * {@link handlerEnded} is called: a timeout of the host may have sent it, and the sender's retry must not run beside the handler.
 *
 * This function and the two below do nothing for a response that is not a webhook's.
 *
 * @example
 * ```ts
 * handlerStarted(response)
 * try {
 *   await handler(webhook)
 *   handlerEnded(response)
 * } catch (error) {
 *   handlerEnded(response, { error })
 *   throw error
 * }
 * ```
 */
export function handlerStarted(response: ServerResponse): void {
  signal(response, { type: 'started' });
}

/**
 * Reports that the handler has ended. The framework may still send the response. For an example, see {@link handlerStarted}.
 *
 * @param failure What the handler threw, if it threw: observers get it. If the response has begun but not ended, the claim is released,
 * because its status can't be changed any more.
 */
export function handlerEnded(response: ServerResponse, failure?: HandlerFailure): void {
  signal(response, { type: 'ended', failure });
}

/**
 * Reports which status a handler meant to send, for frameworks that don't respond to a disconnected client. The claim is settled by
 * that status if the client has disconnected, or disconnects before the response begins.
 *
 * @example
 * ```ts
 * settleAbandonedResponse(response, 204)
 * ```
 */
export function settleAbandonedResponse(response: ServerResponse, status: number): void {
  signal(response, { type: 'abandoned', status });
}

function signal(response: ServerResponse, given: HandlerSignal): void {
  response.emit(HANDLER, given);
}

/** A stream that is piped to a response. */
interface Source {
  readonly errored?: unknown;
  once?(event: 'close', listener: () => void): unknown;
}

class ResponseSettlement {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #claim: Claim;
  readonly #beforeResponse: boolean;
  readonly #patienceMs: number;
  readonly #onSettle: SettleOptions['onSettle'];
  #written: Promise<void> | undefined;
  #handler: 'unknown' | 'running' | 'ended' = 'unknown';
  /** The response failed while its handler was running. */
  #failedEarly = false;
  #error: unknown;
  #clientLeft = false;
  #intendedStatus: number | undefined;
  #settlesAtEnd = false;
  #source: Source | undefined;

  constructor(
    incoming: IncomingMessage,
    response: ServerResponse,
    claim: Claim,
    { settle = 'after-response', patienceMs, onSettle }: SettleOptions,
  ) {
    this.#incoming = incoming;
    this.#response = response;
    this.#claim = claim;
    this.#beforeResponse = settle === 'before-response';
    this.#patienceMs = patienceMs ?? MAX_STORE_PATIENCE_MS;
    this.#onSettle = onSettle;
    response.on(HANDLER, (given: HandlerSignal) => this.#hear(given));
    response.on('pipe', (source: Source) => this.#watchSource(source));
    response.on('unpipe', (source: Source) => {
      if (source === this.#source && !hasFailed(source)) this.#source = undefined;
    });
    // The client may have disconnected while the delivery was read, verified or claimed: `close` was emitted then.
    if (isDestroyed(response)) this.#closed();
    else {
      response.on('finish', () => {
        // Over HTTP/2, a stream that its client has reset also emits `finish`, without being ended, and its source is unpiped. Over
        // HTTP/1.1, some hosts emit `finish` while `end()` runs.
        if (!isHttp2(response) || response.writableEnded || this.#isDecided()) this.#settleByStatus();
        closeIdleIfStopping(incoming);
      });
      response.on('close', () => this.#closed());
      // A pipelined response has no socket before its turn. If the client disconnects before that, the response emits nothing.
      if (this.#beforeResponse || !response.socket) this.#settleAtEnd();
    }
  }

  #closed(): void {
    if (this.#written !== undefined) return;
    const response = this.#response;
    if (response.writableEnded) this.#settleByStatus();
    else if (
      (response.errored instanceof Error && !this.#hasClientLeft(response.errored)) ||
      this.#isCutOff()
    ) {
      this.#error ??= response.errored ?? undefined;
      this.#settle(false);
    } else {
      this.#clientLeft = true;
      if (this.#isDecided()) this.#settleByStatus();
      else if (this.#intendedStatus !== undefined)
        this.#settle(isSuccess(this.#intendedStatus), this.#intendedStatus);
      else {
        this.#settleAtEnd();
        this.#settleAtDestruction();
      }
    }
  }

  /**
   * Whether this process aborted the response, as frameworks do when a handler or a stream fails after the head was sent. Over HTTP/2,
   * that looks the same as a client that disconnects.
   */
  #isCutOff(): boolean {
    const { socket } = this.#incoming;
    return this.#response.headersSent && socket instanceof Socket && !socket.readableEnded && !socket.errored;
  }

  /** `pipeline()`, which Koa uses, destroys a response with its own error if the client disconnected before the stream was piped. */
  #hasClientLeft(error: Error & { code?: unknown }): boolean {
    const { socket } = this.#incoming;
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE' || !(socket instanceof Socket)) return false;
    return (socket.readableEnded || socket.errored instanceof Error) && !hasFailed(this.#source);
  }

  /** Whether the handler has decided the response, so that only sending it is left. */
  #isDecided(): boolean {
    return this.#source !== undefined || (this.#handler === 'ended' && this.#response.headersSent);
  }

  #hear(given: HandlerSignal): void {
    const response = this.#response;
    if (given.type === 'started') this.#handler = 'running';
    else if (given.type === 'abandoned') {
      if (response.writableEnded) return;
      if (isDestroyed(response)) {
        if (isHttp2(response)) showEnd(response);
        this.#settle(isSuccess(given.status), given.status);
      }
      // If the client disconnects before the framework responds, the framework does not respond at all.
      else this.#intendedStatus = given.status;
    } else {
      this.#handler = 'ended';
      this.#error ??= given.failure?.error;
      const { headersSent, writableEnded } = response;
      // Once the head is sent, a framework can't report a failure any more.
      if (this.#failedEarly || (given.failure !== undefined && headersSent && !writableEnded))
        this.#settle(false);
      else if (this.#clientLeft && this.#isDecided()) this.#settleByStatus();
    }
  }

  #watchSource(source: Source): void {
    this.#source = source;
    if (this.#clientLeft) {
      this.#settleByStatus();
      return;
    }
    // Not `error`: with a listener here, Node would not report that the application has none.
    source.once?.('close', () => {
      if (source !== this.#source || !hasFailed(source) || !this.#response.headersSent) return;
      this.#error ??= source.errored;
      this.#settle(false);
    });
  }

  /** Called only if necessary, because changing a response costs more than verifying. */
  #settleAtEnd(): void {
    if (this.#settlesAtEnd) return;
    this.#settlesAtEnd = true;
    const response = this.#response;
    const { end } = response;
    let ending = false;
    response.end = ((...args: unknown[]) => {
      if (ending) return response;
      if (!this.#beforeResponse || isDestroyed(response)) {
        Reflect.apply(end, response, args);
        showEnd(response);
        this.#settleByStatus();
        return response;
      }
      this.#settleByStatus();
      const written = this.#written;
      if (written === undefined) return Reflect.apply(end, response, args);
      ending = true;
      // Everything except the end is sent now: code that runs meanwhile must not change the status by which the claim is settled.
      const callback = writeUnended(response, args);
      void untilSettled(written, this.#patienceMs, systemClock).then(() =>
        Reflect.apply(end, response, callback),
      );
      return response;
    }) as ServerResponse['end'];
  }

  /**
   * Once the head is sent, frameworks can't report a failure in the status. They destroy the response, and Express its socket, even if
   * the client has disconnected.
   */
  #settleAtDestruction(): void {
    const response = this.#response;
    const { socket } = this.#incoming;
    const { destroy } = response;
    response.destroy = (error) => {
      if (error instanceof Error) {
        this.#error ??= error;
        this.#settle(false);
      }
      return Reflect.apply(destroy, response, [error]);
    };
    if (!(socket instanceof Socket) || !response.headersSent || this.#handler !== 'unknown') return;
    const { destroy: destroySocket } = socket;
    socket.destroy = (error) => {
      this.#error ??= error;
      this.#settle(false);
      return Reflect.apply(destroySocket, socket, [error]);
    };
  }

  #settleByStatus(): void {
    const status = sentStatus(this.#response);
    if (status === undefined) warnOfHost(this.#response);
    else this.#settle(isSuccess(status) && !hasFailed(this.#source), status);
  }

  #settle(success: boolean, status?: number): void {
    if (this.#written !== undefined) return;
    // With `'before-response'`, a failure does not wait for the handler: a host that stops after the response stops the handler too.
    if (!success && this.#handler === 'running' && !this.#beforeResponse) {
      this.#failedEarly = true;
      return;
    }
    const settling =
      success && !this.#failedEarly
        ? this.#claim.commit({ status })
        : this.#claim.release({ status, error: this.#error });
    // The claim reports errors of the store.
    this.#written = settling.catch(() => undefined);
    this.#onSettle?.(this.#written);
  }
}

/** Writes what `end(chunk, encoding, callback)` was given, and returns what is left for `end()`. */
function writeUnended(response: ServerResponse, args: readonly unknown[]): unknown[] {
  const [chunk, encoding] = args.filter((arg) => typeof arg !== 'function') as [unknown, BufferEncoding];
  const callback = args.filter((arg) => typeof arg === 'function');
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : (chunk as Uint8Array | undefined);
  const { headersSent, statusCode } = response;
  const framed = response.hasHeader('content-length') || response.hasHeader('transfer-encoding');
  if (!headersSent && !framed && statusCode !== 204 && statusCode !== 304) {
    response.setHeader('content-length', bytes?.byteLength ?? 0);
  }
  if (bytes != null && bytes.byteLength > 0) response.write(bytes);
  else if (!headersSent) response.flushHeaders();
  return callback;
}

/**
 * The status in the head that was sent: `statusCode` may have been set again since, but the sender does not get that. `undefined` if
 * the host shows neither.
 */
function sentStatus(response: ServerResponse): number | undefined {
  const { _header: head, stream } = response as { _header?: unknown; stream?: Http2Stream };
  // Other runtimes and serverless hosts keep something else there, or nothing.
  if (typeof head === 'string' && head.startsWith('HTTP/1.')) {
    const status = Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    if (isStatus(status)) return status;
  }
  const status = stream?.sentHeaders?.[':status'] ?? response.statusCode;
  return isStatus(status) ? status : undefined;
}

interface Http2Stream {
  readonly destroyed?: boolean;
  readonly rstCode?: number;
  readonly sentHeaders?: { readonly ':status'?: number };
}

function isHttp2(response: ServerResponse): boolean {
  return (response as { stream?: Http2Stream }).stream?.rstCode !== undefined;
}

function isDestroyed(response: ServerResponse): boolean {
  // Over HTTP/2, only the stream shows it.
  return response.destroyed === true || (response as { stream?: Http2Stream }).stream?.destroyed === true;
}

/** Over HTTP/2, `writableEnded` stays false if the client has disconnected, and Fastify's handlers would wait for it. */
function showEnd(response: ServerResponse): void {
  if (!response.writableEnded) Object.defineProperty(response, 'writableEnded', { value: true });
}

function hasFailed(source: Source | undefined): boolean {
  return source?.errored instanceof Error;
}

function isStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 100 && (status as number) <= 999;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

const warnedHosts = new Set<string>();

function warnOfHost(response: ServerResponse): void {
  const host = response.constructor?.name ?? 'unknown';
  if (warnedHosts.has(host)) return;
  warnedHosts.add(host);
  warn(
    `The responses of this host (${host}) show no status, so webhook deliveries can't be settled by them. The claim expires after ` +
      'its lease, and then a retry runs again. Use claim: "manual" or verifier.handle() on this host.',
    'COUNTERSIGN_HOST_UNREADABLE',
  );
}
