import type { Clock } from '@countersign/core';
import { overdue } from './store-error.ts';

/**
 * Waits for an answer until its time is over.
 *
 * @param late Gets an answer that comes after that.
 * @throws `ERR_WEBHOOK_STORE_UNAVAILABLE`, or what the call fails with.
 */
export function withDeadline<T>(
  call: Promise<T>,
  timeoutMs: number,
  clock: Clock,
  late: (answer: T) => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const cancel = clock.schedule(() => {
      isOver = true;
      reject(overdue(timeoutMs));
    }, timeoutMs);
    call.then(
      (answer) => {
        cancel();
        if (!isOver) resolve(answer);
        // Nobody hears what goes wrong any more.
        else
          Promise.resolve(answer)
            .then(late)
            .catch(() => undefined);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
