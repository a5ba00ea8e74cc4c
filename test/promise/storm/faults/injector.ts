import { setTimeout as sleep } from 'node:timers/promises';
import { endpointOf, serverOf } from '../endpoints.ts';
import type { Fleet, Instance } from '../fleet.ts';
import type { Ledger } from '../ledger.ts';
import type { Operator } from '../secrets/operator.ts';
import type { StoreServer } from '../servers.ts';
import { LEASE_MS, machineTime } from '../settings.ts';
import type { FaultPlan, ProcessFault, StoreFault } from './fault-plan.ts';

const GIVEN_UP_MS = 400;
const STOPPED_AT_CLAIM_MS = LEASE_MS * 4;

interface Tools {
  readonly ledger: Ledger;
  readonly fleet: Fleet;
  readonly stores: Readonly<Record<'redis' | 'postgres', StoreServer>>;
  readonly operators: ReadonlyMap<string, Operator>;
}

/** Does to receivers, stores and sources what the plan says, and writes down in the ledger what it did and when. */
export class Injector {
  /** How often each fault was injected. */
  readonly counts = new Map<string, number>();
  readonly #tools: Tools;
  readonly #busyStores = new Set<string>();
  /** Under way or about to begin: one at a time, or none would be left to work. */
  #stopsAtClaim = 0;
  /** Attempts whose receiver is stopped once it has asked for their claim. */
  readonly #held = new Map<string, () => void>();

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** Resolves when the fault is over. Nothing happens to a receiver or store that has another fault at the moment. */
  async inject(fault: FaultPlan): Promise<void> {
    switch (fault.type) {
      case 'kill':
      case 'stop':
        return this.#harm(fault);
      case 'restart':
      case 'crash':
      case 'pause':
      case 'flush':
        return this.#trouble(fault);
      default:
        this.#count(`secrets: ${fault.type}`);
        return this.#tools.operators.get(fault.endpoint)?.fail(fault.type, fault.lastsMs);
    }
  }

  async #harm({
    type,
    receiver,
    lastsMs,
  }: FaultPlan & { type: ProcessFault; receiver: number }): Promise<void> {
    const { fleet, ledger } = this.#tools;
    const instance = fleet.current(receiver);
    if (instance?.state !== 'ready') return;
    this.#count(`receivers: ${type}`);
    if (type === 'stop') return this.#stop(instance, lastsMs);
    const incident = ledger.begin('kill', instance.id, 'kill -9');
    await fleet.kill(instance);
    incident.to = machineTime();
    await sleep(lastsMs);
    await fleet.launch(receiver);
  }

  async #stop(instance: Instance, lastsMs: number): Promise<void> {
    const { fleet, ledger } = this.#tools;
    const incident = ledger.begin('stop', instance.id, 'SIGSTOP');
    fleet.stop(instance);
    await sleep(lastsMs);
    fleet.resume(instance);
    incident.to = machineTime();
  }

  async #trouble({
    type,
    store,
    lastsMs,
  }: FaultPlan & { type: StoreFault; store: 'redis' | 'postgres' }): Promise<void> {
    if (this.#busyStores.has(store)) return;
    this.#busyStores.add(store);
    this.#count(`${store}: ${type}`);
    const server = this.#tools.stores[store];
    const incident = this.#tools.ledger.begin(type === 'flush' ? 'store flushed' : 'store down', store, type);
    if (type === 'restart') await server.restart();
    else if (type === 'crash') await server.crash(lastsMs);
    else if (type === 'flush') await server.flush();
    else {
      const resume = await server.pause();
      await sleep(lastsMs);
      resume();
    }
    incident.to = machineTime();
    this.#busyStores.delete(store);
  }

  /**
   * A receiver is about to ask for a claim, and is to be stopped between the response of the store and the moment at which it
   * hears it. So the store is paused until the receiver is stopped.
   *
   * @returns `false` if that is not possible at the moment.
   */
  async holdClaim(attempt: string, instance: Instance, endpoint: string): Promise<boolean> {
    const name = serverOf(endpointOf(endpoint).store);
    if (this.#busyStores.has(name) || instance.state !== 'ready' || this.#stopsAtClaim > 0) return false;
    this.#busyStores.add(name);
    this.#stopsAtClaim++;
    const incident = this.#tools.ledger.begin('store down', name, 'held');
    const resume = await this.#tools.stores[name].pause();
    const letGo = (): void => {
      if (!this.#held.delete(attempt)) return;
      clearTimeout(timer);
      resume();
      incident.to = machineTime();
      this.#busyStores.delete(name);
      this.#stopsAtClaim--;
    };
    const timer = setTimeout(letGo, GIVEN_UP_MS);
    this.#held.set(attempt, letGo);
    return true;
  }

  /** The receiver has asked. Resolves when it goes on again. */
  async stopAtClaim(attempt: string, instance: Instance): Promise<void> {
    const letGo = this.#held.get(attempt);
    if (letGo === undefined) return;
    if (instance.state !== 'ready') return letGo();
    this.#count('receivers: stop between claim and handler');
    this.#stopsAtClaim++;
    const stopped = this.#stop(instance, STOPPED_AT_CLAIM_MS);
    letGo();
    await stopped;
    this.#stopsAtClaim--;
  }

  #count(fault: string): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }
}
