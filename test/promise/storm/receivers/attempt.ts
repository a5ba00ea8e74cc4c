import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestListener } from 'node:http';
import { ATTEMPT_HEADER } from '../notes.ts';

const attempts = new AsyncLocalStorage<string>();

/** Remembers, for all that a request brings about, which attempt of a client it is. */
export function withAttempt(listener: RequestListener): RequestListener {
  return (request, response) => {
    const attempt = String(request.headers[ATTEMPT_HEADER] ?? '');
    attempts.run(attempt, () => listener(request, response));
  };
}

export function currentAttempt(): string {
  return attempts.getStore() ?? '';
}
