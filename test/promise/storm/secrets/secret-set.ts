import type { SecretSetInput } from '@countersign/core';

interface NamedSecret {
  readonly id: string;
  readonly secret: string;
}
interface ReplacedSecret extends NamedSecret {
  readonly replacedAt: number;
}

/** How long a replaced secret stays in the set: longer than any request signed with it is on its way, retries included. */
const KEPT_MS = 25_000;
/** What the set says of its end. Receivers whose clocks are ahead must not end it before the operator does. */
const NOT_AFTER_MS = 600_000;
const ANNOUNCED_MS = 1_800_000;

/** The truth about the secrets of one endpoint: what should be published, each secret under an id that the ledger knows. */
export class SecretSet {
  readonly #name: string;
  readonly #ids = new Map<string, string>();
  #current: NamedSecret[];
  #previous: ReplacedSecret[] = [];
  #next: NamedSecret | undefined;
  #announced = false;
  #versions = 0;
  /** Secrets that no published set lists any more, the newest last, with the moment at which they went. */
  readonly retired: { readonly id: string; readonly secret: string; readonly at: number }[] = [];

  constructor(name: string, secrets: readonly string[]) {
    this.#name = name;
    this.#current = secrets.map((secret) => this.#named(secret));
  }

  idOf(secret: string): string {
    return this.#named(secret).id;
  }

  announce(isAnnounced: boolean): void {
    this.#announced = isAnnounced;
  }

  next(secret: string | undefined): void {
    this.#next = secret === undefined ? undefined : this.#named(secret);
  }

  /** The vendor signs with `secret` now. */
  rotate(old: string, secret: string): void {
    const replaced = this.#named(old);
    this.#previous.unshift({ ...replaced, replacedAt: Date.now() });
    this.#current = this.#current.map((one) => (one.id === replaced.id ? this.#named(secret) : one));
    this.#next = undefined;
    this.#announced = false;
  }

  /** What to publish now. */
  write(): SecretSetInput & { readonly version: string } {
    const now = Date.now();
    const over = this.#previous.filter(({ replacedAt }) => now - replacedAt > KEPT_MS);
    for (const { id, secret } of over) this.retired.push({ id, secret, at: now });
    this.#previous = this.#previous.filter((one) => !over.includes(one));
    return {
      version: `${this.#name} ${++this.#versions}`,
      current: this.#current.map(({ id, secret }) => ({ id, secret })),
      previous: this.#previous.map(({ id, secret, replacedAt }) => ({
        ...{ id, secret },
        notAfter: new Date(replacedAt + NOT_AFTER_MS).toISOString(),
      })),
      ...(this.#next === undefined ? {} : { next: { id: this.#next.id, secret: this.#next.secret } }),
      ...(this.#announced ? { rotating: { until: new Date(now + ANNOUNCED_MS).toISOString() } } : {}),
    };
  }

  #named(secret: string): NamedSecret {
    let id = this.#ids.get(secret);
    if (id === undefined) {
      id = `${this.#name}-${this.#ids.size + 1}`;
      this.#ids.set(secret, id);
    }
    return { id, secret };
  }
}
