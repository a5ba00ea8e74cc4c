import 'reflect-metadata';
import type { ServerResponse } from 'node:http';
import { handlerEnded, handlerRefusal, handlerStarted } from '@countersign/core/extend';
import {
  type CallHandler,
  type ExecutionContext,
  HttpException,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import { Observable } from 'rxjs';
import { httpExchange } from './http-exchange.ts';

/** What `@UseInterceptors()` sets; Nest doesn't export its name. */
const INTERCEPTORS_METADATA = '__interceptors__';

const logger = new Logger('WebhookModule');

/**
 * Reports when a handler is at work. Interceptors outside of it, for example a timeout, may respond and unsubscribe meanwhile; the
 * handler runs on, and so does this subscription.
 */
const handlerWatch: NestInterceptor = {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const { response } = httpExchange(context);
    return new Observable((subscriber) => {
      handlerStarted(response);
      next.handle().subscribe({
        next: (value) => subscriber.next(value),
        error: (error) => {
          handlerEnded(response, { error });
          subscriber.error(publicError(error, response));
        },
        complete: () => {
          handlerEnded(response);
          subscriber.complete();
        },
      });
    });
  },
};

/** Nest knows no status for errors that are not its own, and responds with 500: a sender may not retry that. */
function publicError(error: unknown, response: ServerResponse): unknown {
  const refusal = handlerRefusal(error);
  if (refusal === undefined) return error;
  logger.warn(error instanceof Error ? error.message : error);
  const retryAfter = refusal.headers['retry-after'];
  if (retryAfter !== undefined && !response.headersSent) response.setHeader('retry-after', retryAfter);
  return new HttpException(JSON.parse(String(refusal.body)), refusal.status, { cause: error });
}

/** Puts the watch next to a handler, inside of all its interceptors. Call it before Nest registers the route. */
export function watchHandler(method: object): void {
  const interceptors: readonly unknown[] = Reflect.getMetadata(INTERCEPTORS_METADATA, method) ?? [];
  if (interceptors.includes(handlerWatch)) return;
  Reflect.defineMetadata(INTERCEPTORS_METADATA, [...interceptors, handlerWatch], method);
}
