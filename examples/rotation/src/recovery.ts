import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type RecoveryVendor, recover, recoverable } from '@countersign/rotation';
import type { AnySimulatedSender } from '@countersign-internal/simulator';

const EVERY_MS = 3000;
const ROUNDS_AT_THE_END = 20;

/** GitHub never retries. A job asks it every few seconds what it could not deliver, and has that sent again. */
export class Recovery {
  readonly #sender: AnySimulatedSender;
  readonly #vendor: RecoveryVendor;
  readonly #journal: string;
  readonly #since = new Date(Date.now() - 1000);
  #resent = 0;

  constructor(sender: AnySimulatedSender, directory: string) {
    this.#sender = sender;
    this.#journal = join(directory, 'github.recovery');
    this.#vendor = recoverable.github({
      owner: 'acme',
      repo: 'shop',
      hookId: sender.endpointId,
      token: sender.credentials.apiKey,
      baseUrl: sender.apiUrl,
    });
  }

  /** How many deliveries were sent again. */
  get resent(): number {
    return this.#resent;
  }

  async run(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      await delay(EVERY_MS, undefined, { signal: until }).catch(() => undefined);
      await this.#once();
    }
  }

  /** Goes on until GitHub has delivered everything. */
  async finish(): Promise<void> {
    for (let round = 0; round < ROUNDS_AT_THE_END; round++) {
      await this.#sender.idle();
      if (this.#sender.stats().lost === 0) return;
      await this.#once();
    }
  }

  async #once(): Promise<void> {
    const { resent } = await recover({
      vendor: this.#vendor,
      since: this.#since,
      journal: this.#journal,
      paceSeconds: 0,
    });
    this.#resent += resent;
  }
}
