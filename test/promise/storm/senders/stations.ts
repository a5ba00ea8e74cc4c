import { type Endpoint, TIMEOUT_SCALE } from '../endpoints.ts';
import type { Operator } from '../secrets/operator.ts';
import type { SimulatedSender, VendorEvent } from '../simulators.ts';
import type { AttemptResult } from './client.ts';

/** One endpoint with its sender and the operator of its secrets. */
export class Station {
  readonly endpoint: Endpoint;
  readonly sender: SimulatedSender;
  readonly operator: Operator;
  readonly path: string;
  readonly timeScale: number;
  readonly timeoutMs: number;

  constructor(endpoint: Endpoint, sender: SimulatedSender, operator: Operator) {
    this.endpoint = endpoint;
    this.sender = sender;
    this.operator = operator;
    this.path = `/hooks/${endpoint.name}`;
    this.timeScale = endpoint.sender.timeScale ?? 1;
    this.timeoutMs = sender.account.delivery.timeoutSeconds * 1000 * TIMEOUT_SCALE;
  }

  get account(): SimulatedSender['account'] {
    return this.sender.account;
  }

  /** Signs as the vendor does at this moment. */
  sign(event: VendorEvent): { headers: Record<string, string>; keyIds: readonly string[] } {
    const { account, operator } = this;
    const secrets = account.signing();
    return {
      headers: this.signWith(secrets, event, Math.floor(Date.now() / 1000)),
      keyIds: secrets.map((secret) => operator.set.idOf(secret)),
    };
  }

  signWith(secrets: readonly string[], event: VendorEvent, seconds: number): Record<string, string> {
    const { account } = this;
    const digests = secrets.map((secret) => account.digest(secret, event, seconds));
    return account.headers(event, seconds, digests);
  }

  /** What the vendor makes of it. */
  judge(result: AttemptResult): 'delivered' | 'retry' | 'final' {
    if (typeof result !== 'number') return 'retry';
    const { successBelow, retried } = this.account.delivery;
    if (result >= 200 && result < successBelow) return 'delivered';
    if (retried === 'any-failure' || retried.includes(result)) return 'retry';
    return result >= 500 && retried.includes('5xx') ? 'retry' : 'final';
  }
}
