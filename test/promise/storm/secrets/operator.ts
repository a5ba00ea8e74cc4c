import { setTimeout as sleep } from 'node:timers/promises';
import type { FileFault, RotationPlan, ServerFault } from '../faults/fault-plan.ts';
import type { Fleet } from '../fleet.ts';
import type { Ledger } from '../ledger.ts';
import { machineTime } from '../settings.ts';
import { rotateThroughApi, type SimulatedSender } from '../simulators.ts';
import { SecretSet } from './secret-set.ts';
import type { SecretSource } from './source.ts';

/** How long an announcement may take to reach every receiver. */
const REACH_MS = 2500;
const LOOK_MS = 25;

/** The operator of one endpoint: rotates its secret at the vendor and publishes the set. */
export class Operator {
  readonly set: SecretSet;
  rotations = 0;
  /** Rotations that were given up since the announcement did not reach every receiver. */
  abandoned = 0;
  readonly #name: string;
  readonly #sender: SimulatedSender;
  readonly #source: SecretSource;
  readonly #fleet: Fleet;
  readonly #ledger: Ledger;
  #busy: Promise<void> = Promise.resolve();

  constructor(
    name: string,
    tools: {
      readonly sender: SimulatedSender;
      readonly source: SecretSource;
      readonly fleet: Fleet;
      readonly ledger: Ledger;
    },
  ) {
    this.#name = name;
    this.#sender = tools.sender;
    this.#source = tools.source;
    this.#fleet = tools.fleet;
    this.#ledger = tools.ledger;
    const { endpoint, organization } = tools.sender.secrets();
    this.set = new SecretSet(name, organization === undefined ? [endpoint] : [endpoint, organization]);
  }

  get place(): SecretSource['place'] {
    return this.#source.place;
  }

  async publish(): Promise<string> {
    const set = this.set.write();
    await this.#source.publish(JSON.stringify(set));
    return set.version;
  }

  /** One rotation after the other. */
  rotate(plan: RotationPlan): Promise<void> {
    this.#busy = this.#busy.then(() => this.#rotate(plan));
    return this.#busy;
  }

  async fail(fault: FileFault | ServerFault, lastsMs: number): Promise<void> {
    const incident = this.#ledger.begin('secrets', this.#name, fault);
    const heal = await this.#source.fail(fault);
    await sleep(lastsMs);
    await heal();
    incident.to = machineTime();
  }

  async #rotate({ order, handoverMs }: RotationPlan): Promise<void> {
    const old = this.#sender.secrets().endpoint;
    const key = order === 'next first' ? this.#sender.account.mintSecret() : undefined;
    if (order !== 'unannounced') {
      this.set.announce(key === undefined);
      this.set.next(key);
      if (!(await this.#reaches(await this.publish()))) {
        this.set.announce(false);
        this.set.next(undefined);
        await this.publish();
        this.abandoned++;
        return;
      }
    }
    const { secret, status } = await rotateThroughApi(this.#sender, key === undefined ? {} : { key });
    if (secret === undefined) throw new Error(`${this.#name} responds to a rotation with ${status}.`);
    if (key === undefined) await sleep(handoverMs);
    this.set.rotate(old, secret);
    await this.publish();
    this.rotations++;
  }

  /** Whether every receiver that works has loaded this version in time. */
  async #reaches(version: string): Promise<boolean> {
    const until = performance.now() + REACH_MS;
    while (performance.now() < until) {
      const ready = this.#fleet.ready();
      if (ready.every(({ id }) => this.#ledger.versionOf(id, this.#name) === version)) return true;
      await sleep(LOOK_MS);
    }
    return false;
  }
}
