import type { IncomingMessage, ServerResponse } from 'node:http';
import { settleUnended } from '@countersign/core/node';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { onRouteRegistration } from './route-registration.ts';
import type { WebhookRoutes } from './webhook-routes.ts';

interface Request {
  readonly raw: IncomingMessage;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}
interface Reply {
  readonly raw: ServerResponse;
  readonly statusCode: number;
}
type Hook = (request: Request, reply: Reply, payload: unknown) => Promise<unknown>;
interface RouteOptions {
  preParsing?: Hook | Hook[];
  preValidation?: Hook | Hook[];
  onSend?: Hook | Hook[];
}
interface Fastify {
  addHook(name: 'onRoute', hook: (route: RouteOptions) => void): unknown;
}

/** Headers by which Fastify takes a request for one without a body, and looks for no parser. */
const NO_BODY = { 'content-type': undefined, 'content-length': undefined, 'transfer-encoding': undefined };

/** Fastify: the routes of webhooks have no body parser, so that their guard finds the bytes unread. No other route changes. */
export function bypassFastifyParsers(adapter: AbstractHttpAdapter, routes: WebhookRoutes): void {
  const sentHeaders = new WeakMap<Request, Request['headers']>();

  const passOver: Hook = async (request, _reply, payload) => {
    sentHeaders.set(request, request.headers);
    request.headers = NO_BODY;
    return payload;
  };
  const restoreHeaders: Hook = async (request) => {
    const headers = sentHeaders.get(request);
    if (headers !== undefined) request.headers = headers;
  };
  // Fastify ends no stream for a client that is gone; what the handler meant to answer decides.
  const settleGone: Hook = async (_request, reply, payload) => {
    if (reply.raw.destroyed && isStream(payload)) settleUnended(reply.raw, reply.statusCode);
    return payload;
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
    // Last of those that may take the body, first of those that may look at what was parsed.
    route.preParsing = [...[route.preParsing ?? []].flat(), passOver];
    route.preValidation = [restoreHeaders, ...[route.preValidation ?? []].flat()];
    route.onSend = [...[route.onSend ?? []].flat(), settleGone];
  });
}

function isStream(payload: unknown): boolean {
  return typeof (payload as { pipe?: unknown } | null | undefined)?.pipe === 'function';
}
