import type { Clock } from './clock.ts';
import { Deferred } from './deferred.ts';
import { keepAlive } from './keep-alive.ts';

/** Counts tasks that are running, for a caller that waits until there are none. */
export class InFlight {
  #count = 0;
  #idle: Deferred<void> | undefined;

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#count > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Resolves when no task is running, or after `timeoutMs`. Keeps the process alive until then. */
  async idle({ clock, timeoutMs }: { clock: Clock; timeoutMs: number }): Promise<void> {
    if (this.#count === 0) return;
    this.#idle ??= new Deferred();
    const ended = this.#idle;
    const cancel = clock.schedule(() => ended.resolve(), timeoutMs);
    await keepAlive(ended.promise);
    cancel();
  }
}
