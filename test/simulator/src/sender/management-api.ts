import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AttemptAnswer } from './post.ts';
import type { VendorEvent } from './vendor-event.ts';

/** What a call to the management API is for. */
export type ApiOperation =
  | 'rotate'
  | 'rotate-organization'
  | 'read-secret'
  | 'test'
  | 'create'
  | 'list'
  | 'get'
  | 'remove'
  | 'redeliver';

/** One documented call of a vendor's management API. */
export interface ApiRoute {
  readonly operation: ApiOperation;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With parameters in braces. */
  readonly path: string;
  /** Whether a call with this body is for this route, if several routes share a path (GraphQL). Default: every call. */
  accepts?(body: Buffer): boolean;
  handle(call: ApiCall): ApiAnswer | Promise<ApiAnswer>;
}

/** A call, as a route sees it. */
export interface ApiCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly delivery: TestDelivery;
}

/** How a route that tests the endpoint reaches it. */
export interface TestDelivery {
  attemptOnce(event: VendorEvent): Promise<{
    readonly effect: 'delivered' | 'retry' | 'final';
    readonly answer: AttemptAnswer;
    readonly excerpt: string;
    readonly durationMs: number;
  }>;
  /** Sends an ordinary event of that type, and returns its id. */
  enqueue(type: string): string;
  /** Every attempt that has ended, oldest first. */
  attempts(): readonly EndedAttempt[];
  /** Tries an event again that was given up. */
  redeliver(id: string): void;
}

/** An attempt, as the API of a vendor lists it. */
export interface EndedAttempt {
  /** From 1, over all events. */
  readonly number: number;
  readonly event: VendorEvent;
  readonly at: Date;
  readonly answer: AttemptAnswer;
  readonly delivered: boolean;
}

/** A status and a JSON body. */
export interface ApiAnswer {
  readonly status: number;
  /** `undefined` for an empty body. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes single calls of the management API fail. Each counts for one call, in the order given; with `operation`, for one of that kind. */
export interface ApiFaults {
  /** The next call gets this status, in the vendor's form, and changes nothing. */
  failNext(status: number, operation?: ApiOperation, headers?: Readonly<Record<string, string>>): void;
  /** The next call never gets a response, and changes nothing. */
  hangNext(operation?: ApiOperation): void;
  /** The next call is carried out, then its connection is cut: the caller can't know whether it was. */
  loseAnswerNext(operation?: ApiOperation): void;
  /** Every call so far: what it was for, and its status or the fault that it met. The last thousand. */
  calls(): readonly { readonly operation: ApiOperation; readonly result: number | 'hung' | 'answer-lost' }[];
}

type Fault = { readonly operation: ApiOperation | undefined } & (
  | {
      readonly kind: 'fail';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>> | undefined;
    }
  | { readonly kind: 'hang' | 'lose-answer' }
);

const CALLS_KEPT = 1000;
const MAX_BODY_BYTES = 64 * 1024;

/** Serves a vendor's management API on the loopback interface. */
export class ManagementApi implements ApiFaults {
  readonly #routes: readonly ApiRoute[];
  readonly #errorBody: (status: number) => unknown;
  readonly #errorHeaders: () => Readonly<Record<string, string>>;
  readonly #delivery: TestDelivery;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });
  readonly #calls: ReturnType<ApiFaults['calls']>[number][] = [];
  #faults: Fault[] = [];

  constructor(
    vendor: {
      readonly routes: readonly ApiRoute[];
      errorBody(status: number): unknown;
      errorHeaders?(): Readonly<Record<string, string>>;
    },
    delivery: TestDelivery,
  ) {
    this.#routes = vendor.routes;
    this.#errorBody = vendor.errorBody;
    this.#errorHeaders = vendor.errorHeaders ?? (() => ({}));
    this.#delivery = delivery;
  }

  /** Returns the URL, without a trailing slash. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        if (address === null || typeof address === 'string') reject(new Error('The API has no port.'));
        else resolve(`http://127.0.0.1:${address.port}`);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  failNext(status: number, operation?: ApiOperation, headers?: Readonly<Record<string, string>>): void {
    this.#faults.push({ kind: 'fail', status, operation, headers });
  }

  hangNext(operation?: ApiOperation): void {
    this.#faults.push({ kind: 'hang', operation });
  }

  loseAnswerNext(operation?: ApiOperation): void {
    this.#faults.push({ kind: 'lose-answer', operation });
  }

  calls(): ReturnType<ApiFaults['calls']> {
    return [...this.#calls];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const found = this.#find(request, body);
    if (found === undefined) return send(response, this.#refusal(404));

    const { route, params } = found;
    const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '');
    const fault = this.#takeFault(route.operation);
    if (fault?.kind === 'hang') return this.#record(route, 'hung');
    const answer: ApiAnswer =
      fault?.kind === 'fail'
        ? this.#refusal(fault.status, fault.headers)
        : await route.handle({ params, query, headers: request.headers, body, delivery: this.#delivery });
    if (fault?.kind === 'lose-answer') {
      this.#record(route, 'answer-lost');
      response.destroy();
      return;
    }
    this.#record(route, answer.status);
    send(response, answer);
  }

  #refusal(status: number, headers?: Readonly<Record<string, string>>): ApiAnswer {
    return { status, body: this.#errorBody(status), headers: { ...this.#errorHeaders(), ...headers } };
  }

  #find(
    request: IncomingMessage,
    body: Buffer,
  ): { route: ApiRoute; params: Record<string, string> } | undefined {
    const path = (request.url ?? '').split('?')[0] ?? '';
    for (const route of this.#routes) {
      const params = request.method === route.method ? matchPath(route.path, path) : undefined;
      if (params !== undefined && (route.accepts?.(body) ?? true)) return { route, params };
    }
    return undefined;
  }

  #takeFault(operation: ApiOperation): Fault | undefined {
    const fault = this.#faults.find((one) => one.operation === undefined || one.operation === operation);
    this.#faults = this.#faults.filter((one) => one !== fault);
    return fault;
  }

  #record({ operation }: ApiRoute, result: number | 'hung' | 'answer-lost'): void {
    this.#calls.push({ operation, result });
    if (this.#calls.length > CALLS_KEPT) this.#calls.shift();
  }
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const expected = pattern.split('/');
  const actual = path.split('/');
  if (expected.length !== actual.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of expected.entries()) {
    const value = actual[index] ?? '';
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name !== undefined && value !== '') params[name] = value;
    else if (part !== value) return undefined;
  }
  return params;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Error('The call is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, answer: ApiAnswer): void {
  const body = answer.body === undefined ? '' : JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    ...(body === '' ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
    ...answer.headers,
  });
  response.end(body);
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** The value of JSON text, or `undefined` if it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A text field of a parsed JSON object. */
export function fieldOf(value: unknown, name: string): string | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const field: unknown = Reflect.get(value, name);
  return typeof field === 'string' ? field : undefined;
}
