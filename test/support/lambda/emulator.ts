import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { HostResult, LambdaHost } from './hosts.ts';

/** A function as it is exported to Lambda. */
export type LambdaFunction = (
  event: never,
  context: { awsRequestId: string; functionName: string; getRemainingTimeInMillis(): number },
) => unknown;

/** Turns requests into events for a function, and what it returns into responses, as a host of AWS does. */
export function emulator(host: LambdaHost, invoke: LambdaFunction): RequestListener {
  return async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    // A request that was broken off never reaches the function.
    if (body === undefined) return;
    if (body.byteLength > host.maxBodyBytes) {
      outgoing.writeHead(413).end('Request Entity Too Large');
      return;
    }
    try {
      const event = host.eventOf(requestOf(incoming, body));
      respond(host, outgoing, overTheWire(await invoke(overTheWire(event) as never, lambdaContext())));
    } catch {
      fail(host, outgoing);
    }
  };
}

function lambdaContext(): Parameters<LambdaFunction>[1] {
  const endsAt = performance.now() + 30_000;
  return {
    awsRequestId: randomUUID(),
    functionName: 'webhooks',
    getRemainingTimeInMillis: () => endsAt - performance.now(),
  };
}

/** Events and results are JSON. */
function overTheWire<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

function bodyOf(incoming: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => resolve(incoming.complete ? Buffer.concat(chunks) : undefined));
    incoming.on('error', () => resolve(undefined));
  });
}

function requestOf(incoming: IncomingMessage, body: Buffer) {
  const { method = '', url = '', rawHeaders } = incoming;
  const at = url.indexOf('?');
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '']);
  }
  const [path, query] = at === -1 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
  return { method, path, query, headers, body };
}

function respond(host: LambdaHost, outgoing: ServerResponse, result: unknown): void {
  const { statusCode, body, isBase64Encoded } = result as HostResult;
  const isUnderstood =
    Number.isInteger(statusCode) &&
    (body === undefined || typeof body === 'string') &&
    host.understands?.(result as HostResult) !== false;
  if (!isUnderstood) {
    fail(host, outgoing);
    return;
  }
  outgoing.statusCode = statusCode;
  for (const [name, value] of headersOf(host, result as HostResult)) {
    outgoing.setHeader(name, [value].flat().map(String));
  }
  outgoing.end(Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8'));
}

function headersOf({ fields }: LambdaHost, result: HostResult): [string, unknown][] {
  return fields.flatMap((field) =>
    Object.entries(
      (field === 'cookies' ? result.cookies && { 'set-cookie': result.cookies } : result[field]) ?? {},
    ),
  );
}

function fail(host: LambdaHost, outgoing: ServerResponse): void {
  outgoing.writeHead(host.failureStatus, { 'content-type': 'application/json' });
  outgoing.end('{"message":"Internal Server Error"}');
}
