import { explain, isExplainable } from '@countersign/explain';
import type { Delivery } from './delivery.ts';

/** More refusals than this wait only under a flood. The latest ones are explained. */
const MAX_WAITING = 100;
/** How long an explanation waits for a moment in which nothing else is under way, in milliseconds. */
const MAX_WAIT_MS = 2000;
const LOOK_AGAIN_MS = 20;

/** Explains refusals one after another. Each takes the process for up to half a second, so requests that are under way end first. */
export class ExplainQueue {
  readonly #waiting: Delivery[] = [];
  readonly #isBusy: () => boolean;
  #running = false;
  #closed = false;

  /** @param isBusy Whether a request is under way. */
  constructor(isBusy: () => boolean = () => false) {
    this.#isBusy = isBusy;
  }

  add(delivery: Delivery): void {
    const { code } = delivery.verdict;
    if (code === undefined || !isExplainable(code)) {
      leaveUnexplained(delivery);
      return;
    }
    this.#waiting.push(delivery);
    if (this.#waiting.length > MAX_WAITING) leaveUnexplained(this.#waiting.shift());
    if (!this.#running) void this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0 && !this.#closed) {
      await this.#untilIdle();
      const delivery = this.#waiting.shift();
      if (delivery !== undefined && !this.#closed) await explainDelivery(delivery);
    }
    this.#running = false;
  }

  async #untilIdle(): Promise<void> {
    const giveUpAt = performance.now() + MAX_WAIT_MS;
    // The sender gets its response first.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#isBusy() && performance.now() < giveUpAt && !this.#closed)
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

async function explainDelivery(delivery: Delivery): Promise<void> {
  const { endpoint, head, body, verdict, receivedAt } = delivery;
  const publicUrl = endpoint.publicUrl(head.url);
  try {
    const { causes } = await explain({
      scheme: endpoint.scheme,
      secrets: endpoint.secrets.set(),
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(endpoint.toleranceSeconds === undefined ? {} : { toleranceSeconds: endpoint.toleranceSeconds }),
      ...(verdict.code === undefined ? {} : { code: verdict.code }),
      request: { method: head.method, url: head.url, headers: head.rawHeaders, body },
      receivedAt,
    });
    delivery.note('explained', { verdict: { ...verdict, causes } });
  } catch {
    // For example, the secrets can't be loaded any more. The verdict stands without a cause.
    delivery.note('explained', { verdict: { ...verdict, causes: [] } });
  }
}

/** Its message says enough, or nobody has time for it. */
function leaveUnexplained(delivery: Delivery | undefined): void {
  delivery?.update({ verdict: { ...delivery.verdict, causes: [] } });
}
