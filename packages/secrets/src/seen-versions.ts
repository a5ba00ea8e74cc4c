import { providerError } from '@countersign/core/extend';

/**
 * Remembers the newest version that a store has shown. An answer whose newest one is older is stale, from a replica that lags behind
 * say: taken for the truth, it would bring a replaced secret back and refuse the one that signs.
 */
export class SeenVersions {
  readonly #place: string;
  #version = '';
  #rank = Number.NEGATIVE_INFINITY;

  constructor(place: string) {
    this.#place = place;
  }

  /**
   * @param version The newest version that the store lists, usable or not.
   * @param rank Higher for newer ones: its number, or when it was made.
   * @throws `ERR_WEBHOOK_PROVIDER_FAILED` for a stale answer.
   */
  check(version = '', rank = Number.NEGATIVE_INFINITY): void {
    if (rank < this.#rank) {
      throw providerError(
        `${this.#place} does not list version ${this.#version} any more, nor a newer one: a stale answer, or the secret was deleted and made anew. Restart in the second case.`,
      );
    }
    this.#version = version;
    this.#rank = rank;
  }
}
