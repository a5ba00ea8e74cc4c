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
  /** Takes a sentence for the screen. */
  readonly say: (event: string) => void;
  readonly signal: AbortSignal;
}

/** Carries out the steps of one endpoint, each at its time or as soon as the one before is done. */
export async function carryOut(
  steps: readonly Step[],
  { endpoint, sender, file, rotated }: Station,
  { receivers, elapsed, handled, say, signal }: OperatorTools,
): Promise<readonly BadPush[]> {
  const { name, graceSeconds, secrets } = endpoint;
  const scheme = SCHEMES[sender.vendor]();
  const badPushes: BadPush[] = [];
  for (const step of steps) {
    await delay(Math.max(0, step.atSeconds - elapsed()) * 1000, undefined, { signal });
    if (step.type === 'bad push') {
      say(`${name}: an empty secret was pushed`);
      const tools = { file, receivers, handled: () => handled(name), signal };
      badPushes.push(await pushBadSecrets(name, tools));
      say(`${name}: the bad push was refused, and mended`);
    } else {
      say(`${name}: the ${step.secret} secret is being rotated, ${step.order}`);
      const tools = { scheme, sender, file, secrets, receivers, graceSeconds, signal };
      await carryOutRotation(step, tools);
      rotated.get(step.secret)?.push(step.order);
      say(`${name}: the ${step.secret} secret was rotated, ${step.order}`);
    }
  }
  return badPushes;
}
