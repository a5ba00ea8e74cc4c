import { setTimeout as delay } from 'node:timers/promises';
import type { Balancer } from './balancer.ts';
import type { Receivers } from './receivers.ts';

/** A process that was killed, and the one that took its place. */
export interface Crash {
  readonly killedPid: number;
  readonly startedPid: number;
  /** How long only the other process received deliveries. */
  readonly seconds: number;
}

/** Kills one receiver process in the middle of its work, and starts another. */
export async function crashOne(
  atSeconds: number,
  tools: {
    readonly receivers: Receivers;
    readonly balancer: Balancer;
    readonly elapsed: () => number;
    readonly say: (event: string) => void;
    readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
    readonly signal: AbortSignal;
  },
): Promise<Crash> {
  const { receivers, balancer, elapsed, say, inTurn, signal } = tools;
  await delay(Math.max(0, atSeconds - elapsed()) * 1000, undefined, { signal });
  return inTurn(async () => {
    const since = elapsed();
    const killedPid = await receivers.killOne();
    balancer.targets = receivers.ports;
    say(`process ${killedPid} was killed in the middle of its work`);
    const startedPid = await receivers.startOne();
    balancer.targets = receivers.ports;
    say(`process ${startedPid} has taken its place`);
    return { killedPid, startedPid, seconds: elapsed() - since };
  });
}
