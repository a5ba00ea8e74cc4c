import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { webhookHandler } from '@countersign/fetch';
import type { AdapterLimit, AdapterMount, AdapterSetup, RouteAction } from '@countersign/testing';
import { Hono } from 'hono';
import { listen } from '../listen.ts';
import { piecesOf } from './pieces.ts';

/** Gets what the host passes after the request too. */
type Handler = (request: Request, ...context: unknown[]) => Response | Promise<Response>;

/** Makes an app with the adapter. */
export type FetchApp = (setup: AdapterSetup) => Handler;

/** What the Web's Request and Response can't show or do; the host decides over connections. */
export const FETCH_LIMITS = [
  'joined-headers',
  'no-parser-after',
  'no-late-failure',
  'no-body-property',
  'host-connections',
] as const satisfies readonly AdapterLimit[];

/** The adapter on its own, on `node:http`. */
export const nodeMount: AdapterMount = async (setup) => serve(fetchApp(setup));

/** The adapter as a route of Hono. */
export const honoMount: AdapterMount = async (setup) => serve(honoApp(setup));

/** The adapter on its own. */
export const fetchApp: FetchApp = (setup) => {
  const guarded = guardedRoute(setup);
  return (request, ...context) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/sibling' && request.method === 'POST') return echo(request);
    if (pathname === '/hooks/case' && ['GET', 'POST', 'PUT'].includes(request.method))
      return guarded(request, ...context);
    return new Response('not found', { status: 404 });
  };
};

/** The adapter as a route of Hono. */
export const honoApp: FetchApp = (setup) => {
  const app = new Hono();
  app.post('/sibling', (context) => echo(context.req.raw));
  const guarded = guardedRoute(setup);
  app.on(['GET', 'POST', 'PUT'], '/hooks/case', (context) => guarded(context.req.raw, context));
  app.onError(() => new Response('failed', { status: 500 }));
  return (request, ...context) => app.fetch(request, ...(context as [object?, never?]));
};

function guardedRoute(setup: AdapterSetup): Handler {
  const handler = webhookHandler(
    setup.verifier,
    async (webhook) => perform(await setup.handler({ webhook, body: webhook.body })),
    setup.options,
  );
  return async (request, ...context) => {
    const type = request.headers.get('content-type') ?? '';
    if (setup.parser === 'before' && /^application\/(json|x-www-form-urlencoded)/.test(type)) {
      await request.text().catch(() => undefined);
    }
    return handler(request, ...context);
  };
}

async function perform(action: RouteAction): Promise<Response> {
  switch (action.action) {
    case 'throw':
    case 'reject':
    case 'respond-then-throw':
      throw action.error;
    case 'respond':
      return new Response(action.status === 204 ? null : action.body, { status: action.status });
    case 'stream':
      return new Response(inPieces(action), { status: action.status });
    case 'never-end':
      return new Promise(() => undefined);
  }
}

function inPieces(action: Extract<RouteAction, { action: 'stream' }>): ReadableStream<Uint8Array> {
  const pieces = piecesOf(action);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
}

async function echo(request: Request): Promise<Response> {
  try {
    return Response.json(await request.json());
  } catch {
    return new Response('bad request', { status: 400 });
  }
}

/** A plain bridge from `node:http`, as servers of Web handlers have one. */
export function serve(handler: Handler) {
  return listen(async (incoming, outgoing) => {
    try {
      await respond(await handler(toRequest(incoming)), outgoing);
    } catch {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(500).end('failed');
    }
  });
}

function toRequest(incoming: IncomingMessage): Request {
  const headers = new Headers();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? '', incoming.rawHeaders[index + 1] ?? '');
  }
  const bodyless = incoming.method === 'GET' || incoming.method === 'HEAD';
  return new Request(new URL(incoming.url ?? '/', 'http://localhost'), {
    method: incoming.method ?? 'GET',
    headers,
    ...(bodyless ? {} : { body: streamOf(incoming), duplex: 'half' }),
  });
}

// Readable.toWeb() throws if a stream is canceled while data arrives.
function streamOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return?.();
    },
  });
}

async function respond(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.fromWeb(response.body as never), outgoing);
}
