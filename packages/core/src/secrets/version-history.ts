/** Of sources that flip between many versions the oldest are forgotten: a keyring may live for years. */
const KEPT = 64;

/** A source that gave a version which a newer one had replaced. */
export interface WentBack {
  readonly version: string;
  /** The newest version that was loaded. */
  readonly newest: string;
}

/**
 * Remembers the versions of the sets that were taken over, in the order in which they were first seen. A version is only a name, so
 * a source that goes back in time (a replica that lags behind, a restored file) shows by a name that comes again.
 */
export class VersionHistory {
  readonly #seen = new Set<string>();
  #newest: string | undefined;
  #wentBack: WentBack | undefined;

  /** Set while the source gives a version older than one that it has given before. */
  get wentBack(): WentBack | undefined {
    return this.#wentBack;
  }

  /** Takes note of the version of a set that was taken over. */
  note(version: string | undefined): void {
    this.#wentBack = undefined;
    if (version === undefined) return;
    if (this.#newest !== undefined && version !== this.#newest && this.#seen.has(version)) {
      this.#wentBack = { version, newest: this.#newest };
      return;
    }
    this.#newest = version;
    this.#seen.add(version);
    const [oldest] = this.#seen;
    if (this.#seen.size > KEPT && oldest !== undefined) this.#seen.delete(oldest);
  }
}
