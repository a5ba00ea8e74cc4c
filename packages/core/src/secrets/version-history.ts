/** The oldest versions are forgotten: a keyring may run for years with a source that changes often. */
const KEPT = 64;

/** A source that returned a version which a newer one had replaced. */
export interface VersionRegression {
  readonly version: string;
  /** The newest version that was loaded. */
  readonly newest: string;
}

/**
 * Remembers the versions of the sets that were taken over, in the order in which they were first seen. A version is only a name, so
 * a source that goes back in time (an outdated replica, a restored file) shows by a name that appears again.
 */
export class VersionHistory {
  readonly #seen = new Set<string>();
  #newest: string | undefined;
  #regression: VersionRegression | undefined;

  /** Set while the source returns a version older than one that it has returned before. */
  get regression(): VersionRegression | undefined {
    return this.#regression;
  }

  /** Remembers the version of a set that was taken over. */
  note(version: string | undefined): void {
    this.#regression = undefined;
    if (version === undefined) return;
    if (this.#newest !== undefined && version !== this.#newest && this.#seen.has(version)) {
      this.#regression = { version, newest: this.#newest };
      return;
    }
    this.#newest = version;
    this.#seen.add(version);
    const [oldest] = this.#seen;
    if (this.#seen.size > KEPT && oldest !== undefined) this.#seen.delete(oldest);
  }
}
