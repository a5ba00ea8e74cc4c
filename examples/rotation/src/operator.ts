import { setTimeout as delay } from 'node:timers/promises';
import { type BadPush, pushBadSecrets } from './bad-push.ts';
import { SCHEMES } from './endpoints.ts';
import type { Receivers } from './receivers.ts';
import { carryOutRotation } from './rotate.ts';
import type { Step } from './rotations.ts';
import type { Station } from './stations.ts';

/** What the operator works with. */
export interface OperatorTools {
  readonly receivers: Receivers;
  /** Seconds since the load began. */
  readonly elapsed: () => number;
  /** How many deliveries of an endpoint were handled so far. */
  readonly handled: (endpoint: string) => number;
  /** Takes a sentence about a rotation. */
  readonly rotation: (event: string) => void;
  /** Takes a sentence for the screen. */
  readonly say: (event: string) => void;
  /** Does one thing at a time: while a process is replaced, no secret is broken, and the other way round. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
}

/** Carries out the steps of one endpoint, each at its time or as soon as the one before is done. */
export async function carryOut(
  steps: readonly Step[],
  { endpoint, sender, file, rotated }: Station,
  { receivers, elapsed, handled, say, rotation, inTurn, signal }: OperatorTools,
): Promise<readonly BadPush[]> {
  const { name, graceSeconds, secrets } = endpoint;
  const scheme = SCHEMES[endpoint.sender.vendor]();
  const badPushes: BadPush[] = [];
  for (const step of steps) {
    await delay(Math.max(0, step.atSeconds - elapsed()) * 1000, undefined, { signal });
    if (step.type === 'bad push') {
      const tools = { file, receivers, handled: () => handled(name), signal };
      const push = () => {
        say(`${name}: an empty secret was deployed by mistake`);
        return pushBadSecrets(name, tools);
      };
      badPushes.push(await inTurn(push));
      say(`${name}: it was refused, the old secrets stayed, and it was fixed`);
    } else {
      const tools = { scheme, sender, file, secrets, receivers, graceSeconds, signal };
      await carryOutRotation(step, tools);
      rotated.get(step.secret)?.push(step.order);
      rotation(
        `${name}: a new ${secrets.length > 1 ? `${step.secret} ` : ''}secret is in use (${step.order})`,
      );
    }
  }
  return badPushes;
}
