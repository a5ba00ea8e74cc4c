import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

/** A call of the API, as a route sees it. */
export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** A status, headers and a JSON body. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object, or JSON text. */
  readonly body: unknown;
}

/** What one vendor's API does with a call. */
export interface VendorApi {
  handle(call: ApiCall): ApiAnswer | Promise<ApiAnswer>;
  /** The body of an error, in the vendor's form. */
  error(status: number): ApiAnswer;
  /** The refusal of a call beyond the rate limit, with the vendor's headers. */
  limited(resetMs: number): ApiAnswer;
  /** The headers that say how much of the limit is left. */
  quota?(left: number, resetMs: number): Readonly<Record<string, string>>;
}

/** Makes calls of the API fail, and counts them. */
export interface RecoverableApiFaults {
  /** The next calls get this status, in the vendor's form. Default: one call. */
  failNext(status: number, times?: number): void;
  /** The next call is carried out, then its connection is cut. */
  loseAnswerNext(): void;
  /** From now on, at most so many calls are accepted in each window. */
  limit(calls: number, windowMs: number): void;
  /** Every call so far, with its status; 0 if its connection was cut. */
  calls(): readonly { readonly call: string; readonly status: number }[];
}

/** Serves a vendor's API on the loopback interface, within its rate limit. */
export class RecoverableApi implements RecoverableApiFaults {
  readonly #vendor: VendorApi;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });
  readonly #calls: { call: string; status: number }[] = [];
  #failures: number[] = [];
  #losesNext = false;
  #limit: { readonly calls: number; readonly windowMs: number } | undefined;
  #window = { endsAt: 0, used: 0 };

  constructor(vendor: VendorApi) {
    this.#vendor = vendor;
  }

  /** Returns the URL, without a trailing slash. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The API has no port.');
    return `http://127.0.0.1:${address.port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  failNext(status: number, times = 1): void {
    this.#failures.push(...Array.from({ length: times }, () => status));
  }

  loseAnswerNext(): void {
    this.#losesNext = true;
  }

  limit(calls: number, windowMs: number): void {
    this.#limit = { calls, windowMs };
    this.#window = { endsAt: 0, used: 0 };
  }

  calls(): ReturnType<RecoverableApiFaults['calls']> {
    return [...this.#calls];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api');
    const call = {
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
    };
    for await (const _ of request);
    const answer = await this.#decide(call);
    const losesAnswer = this.#losesNext;
    this.#losesNext = false;
    this.#calls.push({ call: `${call.method} ${call.path}`, status: losesAnswer ? 0 : answer.status });
    if (losesAnswer) {
      response.destroy();
      return;
    }
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    response.writeHead(answer.status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...this.#quota(),
      ...answer.headers,
    });
    response.end(body);
  }

  async #decide(call: ApiCall): Promise<ApiAnswer> {
    if (this.#limit !== undefined) {
      const now = performance.now();
      if (now >= this.#window.endsAt) this.#window = { endsAt: now + this.#limit.windowMs, used: 0 };
      if (this.#window.used >= this.#limit.calls) return this.#vendor.limited(this.#window.endsAt - now);
      this.#window.used++;
    }
    const failure = this.#failures.shift();
    return failure === undefined ? this.#vendor.handle(call) : this.#vendor.error(failure);
  }

  #quota(): Readonly<Record<string, string>> {
    if (this.#limit === undefined) return {};
    const left = Math.max(0, this.#limit.calls - this.#window.used);
    return this.#vendor.quota?.(left, this.#window.endsAt - performance.now()) ?? {};
  }
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerOf({ headers }: ApiCall): string | undefined {
  return /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
}
