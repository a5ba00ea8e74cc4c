import { IncomingMessage, type ServerResponse } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import type { WebhookHttpRequest } from './webhook-module-options.ts';

/** One request and its response: as the framework's objects and as Node's. */
export interface HttpExchange {
  /** What the user's functions receive. */
  readonly request: WebhookHttpRequest & { body?: unknown };
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** Hands the verified bytes to what runs next. */
  setBody(body: Uint8Array): void;
  /** Makes the framework leave the response alone. */
  leave(): void;
}

type ExpressRequest = HttpExchange['request'] &
  IncomingMessage & { readonly app?: { readonly lazyrouter?: unknown }; _body?: boolean };
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
      setBody: (body) => {
        request.body = body;
        // The parsers of Express 4 must be told that nothing is left to parse; those of Express 5 ask the stream.
        if (typeof request.app?.lazyrouter === 'function') request._body = true;
      },
      leave: () => undefined,
    };
  }
  const reply = http.getResponse<FastifyReply>();
  return {
    request,
    incoming: request.raw,
    response: reply.raw,
    setBody: (body) => {
      request.body = body;
    },
    leave: () => reply.hijack(),
  };
}
