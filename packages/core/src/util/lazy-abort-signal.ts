/**
 * An abort signal that is created when it is first read: most handlers never read it, and creating one costs as much as verifying.
 * Cloudflare Workers refuse to create one at module level.
 */
export class LazyAbortSignal {
  #controller: AbortController | undefined;
  #reason: unknown;
  #aborted = false;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  /** @param reason A text becomes an `AbortError`. */
  abort(reason: string | Error): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = typeof reason === 'string' ? new DOMException(reason, 'AbortError') : reason;
    this.#controller?.abort(this.#reason);
  }
}
