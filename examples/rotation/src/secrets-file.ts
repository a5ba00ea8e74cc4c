import { open, rename } from 'node:fs/promises';
import type { SecretSetInput } from '@countersign/core';
import type { RotationKind } from '@countersign/testing';

/** One secret over its rotations. */
interface Held {
  readonly current: string;
  /** Newest first. */
  readonly previous: readonly { readonly secret: string; readonly notAfter: Date }[];
  next?: string;
}

// A set holds at most eight keys, and AgentMessage's has two secrets. Rotations months apart leave one previous key at a time;
// seconds apart, there may be several whose deliveries can still come.
const PREVIOUS_KEPT = 3;

/**
 * The secrets of one endpoint, in a file that both receivers read: a `SecretSetInput` as JSON.
 *
 * Changes are made in memory and published whole. The file is written beside the old one, flushed, and renamed over it, so that
 * a reader sees the old set or the new one and nothing in between.
 */
export class SecretsFile {
  readonly path: string;
  readonly #held = new Map<RotationKind, Held>();
  #rotatingUntil: Date | undefined;
  #version = 0;

  /** @param secrets The secrets as the vendor has shown them, by whose they are. */
  constructor(path: string, secrets: ReadonlyMap<RotationKind, string>) {
    this.path = path;
    for (const [kind, current] of secrets) this.#held.set(kind, { current, previous: [] });
  }

  /** Announces a rotation: until then, a signature that no key matches is answered so that it comes back. */
  announce(until: Date): void {
    this.#rotatingUntil = until;
  }

  /** Lists a secret that the vendor does not sign with yet. */
  stage(kind: RotationKind, secret: string): void {
    this.#get(kind).next = secret;
  }

  /** Makes `secret` the current one, and the one before it a previous one. Ends the announcement. */
  promote(kind: RotationKind, secret: string, replacedNotAfter: Date): void {
    const { current, previous } = this.#get(kind);
    const replaced = { secret: current, notAfter: replacedNotAfter };
    this.#held.set(kind, { current: secret, previous: [replaced, ...previous].slice(0, PREVIOUS_KEPT) });
    this.#rotatingUntil = undefined;
  }

  /** Writes the set as it is now, and gives its version. */
  async publish(): Promise<number> {
    this.#version++;
    await this.#write(this.#toSet());
    return this.#version;
  }

  /** Writes what no receiver may accept: a set whose secret is empty, as a broken deployment does. */
  async publishEmpty(): Promise<void> {
    await this.#write({ current: '', version: 'bad push' });
  }

  #toSet(): SecretSetInput {
    const now = Date.now();
    const held = [...this.#held.values()];
    const previous = held.flatMap((one) => one.previous.filter(({ notAfter }) => notAfter.getTime() > now));
    const next = held.flatMap((one) => one.next ?? []);
    return {
      current: held.map(({ current }) => current),
      ...(previous.length === 0 ? {} : { previous }),
      ...(next.length === 0 ? {} : { next }),
      ...(this.#rotatingUntil === undefined
        ? {}
        : { rotating: { until: this.#rotatingUntil.toISOString() } }),
      version: String(this.#version),
    };
  }

  async #write(set: SecretSetInput): Promise<void> {
    const fresh = `${this.path}.new`;
    const file = await open(fresh, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(set));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, this.path);
  }

  #get(kind: RotationKind): Held {
    const held = this.#held.get(kind);
    if (held === undefined) throw new Error(`This endpoint has no ${kind} secret.`);
    return held;
  }
}
