import type { IncomingMessage, ServerResponse } from 'node:http';
import { settleAbandonedResponse } from '@countersign/core/extend';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { onRouteRegistration } from './route-registration.ts';
import type { WebhookRoutes } from './webhook-routes.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;
interface Request {
  readonly raw: IncomingMessage;
  headers: Headers;
  [sentHeaders]?: Headers;
}
interface Reply {
  readonly raw: ServerResponse;
  readonly statusCode: number;
}
type Done = (error: null, payload?: unknown) => void;
type Hook = (request: Request, reply: Reply, done: Done) => void;
type PayloadHook = (request: Request, reply: Reply, payload: unknown, done: Done) => void;
interface RouteOptions {
  preParsing?: PayloadHook | PayloadHook[];
  preValidation?: Hook | Hook[];
  onSend?: PayloadHook | PayloadHook[];
}
interface Fastify {
  addHook(name: 'onRoute', hook: (route: RouteOptions) => void): unknown;
}

/** Keeps a request's headers while Fastify looks for a parser. */
const sentHeaders = Symbol('countersign.sentHeaders');
/** With these headers Fastify assumes that a request has no body, and doesn't look for a parser. */
const NO_BODY = { 'content-type': undefined, 'content-length': undefined, 'transfer-encoding': undefined };

/** Fastify: the routes of webhooks have no body parser, so that their guard finds the bytes unread. No other route changes. */
export function bypassFastifyParsers(adapter: AbstractHttpAdapter, routes: WebhookRoutes): void {
  const passOver: PayloadHook = (request, _reply, payload, done) => {
    request[sentHeaders] = request.headers;
    request.headers = NO_BODY;
    done(null, payload);
  };
  const restoreHeaders: Hook = (request, _reply, done) => {
    const headers = request[sentHeaders];
    if (headers !== undefined) request.headers = headers;
    done(null);
  };
  // Fastify doesn't end a stream whose client has left: the status that the handler meant to send decides.
  const settleGone: PayloadHook = (_request, reply, payload, done) => {
    if (isStream(payload)) settleAbandonedResponse(reply.raw, reply.statusCode);
    done(null, payload);
  };

  let registering = false;
  onRouteRegistration(adapter, ({ handlers, register }) => {
    registering = handlers.some((handler) => routes.isRegistering(handler));
    try {
      return register(handlers);
    } finally {
      registering = false;
    }
  });
  adapter.getInstance<Fastify>().addHook('onRoute', (route) => {
    if (!registering) return;
    // The last hook that may read the body, and the first hook that may read the parsed body.
    route.preParsing = [...[route.preParsing ?? []].flat(), passOver];
    route.preValidation = [restoreHeaders, ...[route.preValidation ?? []].flat()];
    route.onSend = [...[route.onSend ?? []].flat(), settleGone];
  });
}

function isStream(payload: unknown): boolean {
  const { pipe, getReader } = (payload ?? {}) as { pipe?: unknown; getReader?: unknown };
  return typeof pipe === 'function' || typeof getReader === 'function';
}
