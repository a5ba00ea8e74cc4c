/** An abort signal that is made when somebody first asks for it: most handlers never do, and making one costs as much as verifying. */
export class LateAbort {
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

  abort(message: string): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = new DOMException(message, 'AbortError');
    this.#controller?.abort(this.#reason);
  }
}
