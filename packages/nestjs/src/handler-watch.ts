import 'reflect-metadata';
import { handlerEnded, handlerStarted } from '@countersign/core/extend';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { httpExchange } from './http-exchange.ts';

/** What `@UseInterceptors()` sets; Nest doesn't export its name. */
const INTERCEPTORS_METADATA = '__interceptors__';

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
          subscriber.error(error);
        },
        complete: () => {
          handlerEnded(response);
          subscriber.complete();
        },
      });
    });
  },
};

/** Puts the watch next to a handler, inside of all its interceptors. Call it before Nest registers the route. */
export function watchHandler(method: object): void {
  const interceptors: readonly unknown[] = Reflect.getMetadata(INTERCEPTORS_METADATA, method) ?? [];
  if (interceptors.includes(handlerWatch)) return;
  Reflect.defineMetadata(INTERCEPTORS_METADATA, [...interceptors, handlerWatch], method);
}
