import { providerError } from '@countersign/core/extend';

/** A version as a store lists it. */
interface ListedVersion {
  readonly version: string;
  /** Higher for newer versions of the same secret, if the store numbers them. */
  readonly number?: number;
  readonly createdAt: Date | undefined;
}

/**
 * Remembers the newest version that a store has listed. A response whose newest version is older is stale, for example from an
 * outdated replica. If it were used, a replaced secret would be accepted again, and the secret that signs would be refused.
 */
export class SeenVersions {
  readonly #location: string;
  #newest: ListedVersion | undefined;

  constructor(location: string) {
    this.#location = location;
  }

  /**
   * @param newest The newest version that the store lists, usable or not.
   * @throws `ERR_WEBHOOK_PROVIDER_FAILED` for a stale response.
   */
  check(newest: ListedVersion | undefined): void {
    const before = this.#newest;
    if (before !== undefined && (newest === undefined || isOlder(newest, before))) {
      throw providerError(
        `${this.#location} no longer lists version ${before.version} or a newer one. The response is stale: look for an outdated replica.`,
      );
    }
    this.#newest = newest;
  }
}

/** A secret that was deleted and created again starts at version 1 again, but it is younger. */
function isOlder(one: ListedVersion, other: ListedVersion): boolean {
  const createdAt = one.createdAt?.getTime() ?? 0;
  const otherCreatedAt = other.createdAt?.getTime() ?? 0;
  if (one.number === undefined || other.number === undefined) return createdAt < otherCreatedAt;
  return one.number < other.number && createdAt <= otherCreatedAt;
}
