import { type Agent, request } from 'node:http';
import type { Clock } from '@countersign/core';
import type { DeliveryPolicy } from './vendor-event.ts';

/** The result of one attempt: the status of the response, or why there was none. */
export type AttemptAnswer = number | 'transport-error' | 'timeout';

/** An attempt under way. */
export interface Post {
  /** Never rejects. */
  readonly result: Promise<{ readonly answer: AttemptAnswer; readonly excerpt: string }>;
  /** Cuts the connection; the response is then `'transport-error'`. */
  abort(): void;
}

const EXCERPT_LENGTH = 256;

/** POSTs once over a real connection. The status line decides, whatever happens to the rest of the response. */
export function post(
  url: string,
  message: { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer },
  options: { readonly agent: Agent | false; readonly clock: Clock; readonly timeoutMs: number },
): Post {
  const call = request(url, {
    method: 'POST',
    agent: options.agent,
    headers: { ...message.headers, 'Content-Length': message.body.length },
  });
  const result = new Promise<{ answer: AttemptAnswer; excerpt: string }>((resolve) => {
    let status: number | undefined;
    let timedOut = false;
    let excerpt = '';
    let cancelTimeout = (): void => undefined;
    const settle = (): void => {
      cancelTimeout();
      resolve({ answer: status ?? (timedOut ? 'timeout' : 'transport-error'), excerpt });
    };
    // Waiting for a free connection is the simulator's own matter and not the receiver's time.
    call.once('socket', () => {
      cancelTimeout = options.clock.schedule(() => {
        timedOut = true;
        call.destroy();
      }, options.timeoutMs);
    });
    call.once('response', (response) => {
      status = response.statusCode;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        if (excerpt.length < EXCERPT_LENGTH) excerpt = (excerpt + text).slice(0, EXCERPT_LENGTH);
      });
      response.on('error', settle);
      response.once('close', settle);
    });
    call.on('error', settle);
    call.once('close', settle);
    call.end(message.body);
  });
  return { result, abort: () => call.destroy() };
}

/** How the vendor reacts to a response. */
export function judge(policy: DeliveryPolicy, answer: AttemptAnswer): 'delivered' | 'retry' | 'final' {
  if (typeof answer !== 'number') return policy.retriesTransportErrors === false ? 'final' : 'retry';
  if (answer >= 200 && answer < policy.successBelow) return 'delivered';
  const { retried } = policy;
  if (retried === 'any-failure' || retried.includes(answer)) return 'retry';
  return answer >= 500 && retried.includes('5xx') ? 'retry' : 'final';
}
