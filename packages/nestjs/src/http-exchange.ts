import { IncomingMessage, type ServerResponse } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import type { WebhookHttpRequest } from './webhook-module-options.ts';

/** One request and its response: as the framework's objects and as Node's. */
export interface HttpExchange {
  /** What the user's functions receive. */
  readonly request: WebhookHttpRequest & { body?: unknown };
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** Makes the framework leave the response alone. */
  leave(): void;
}

type ExpressRequest = HttpExchange['request'] & IncomingMessage;
type FastifyRequest = HttpExchange['request'] & { readonly raw: IncomingMessage };
interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): unknown;
}

export function httpExchange(context: ExecutionContext): HttpExchange {
  const http = context.switchToHttp();
  const request = http.getRequest<ExpressRequest | FastifyRequest>();
  if (request instanceof IncomingMessage) {
    return {
      request,
      incoming: request,
      response: http.getResponse<ServerResponse>(),
      leave: () => undefined,
    };
  }
  const reply = http.getResponse<FastifyReply>();
  return { request, incoming: request.raw, response: reply.raw, leave: () => reply.hijack() };
}
