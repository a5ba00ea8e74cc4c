import { type Asked, askInstance } from './ask-instance.ts';
import { type FleetOptions, type FleetSettings, readFleetOptions } from './fleet-options.ts';
import { fleetText } from './fleet-text.ts';
import type { FleetInstance, FleetSource, FleetView } from './fleet-types.ts';
import { judgeOldKeys } from './judge.ts';

/**
 * Asks all instances for their health, and says which of them has which key, which still matches an old one and when it did last,
 * which lacks the new one, and whether the old one may go.
 *
 * An old key may go if every instance was reached, has the new key, and has not matched the old one for longer than
 * `unusedSeconds`. Times of an instance are compared with its own clock only. Counts begin again with a process, so an instance that
 * has not matched the old key must have counted for that long.
 *
 * @param sources All instances that load the secrets. An instance that is not in the list is not seen.
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option. An instance that can't be asked is in the view, as unknown.
 * @example
 * ```ts
 * const view = await fleet(['http://10.0.0.1:3000/health', 'http://10.0.0.2:3000/health'], { token, unusedSeconds: 3600 })
 * console.log(view.text())
 * ```
 */
export async function fleet(sources: readonly FleetSource[], options: FleetOptions = {}): Promise<FleetView> {
  return viewFleet(sources, readFleetOptions('fleet()', sources, options));
}

/** The same with checked options. */
export async function viewFleet(
  sources: readonly FleetSource[],
  settings: FleetSettings,
): Promise<FleetView> {
  const asked = await Promise.all(sources.map((source, index) => askInstance(source, index, settings)));
  const { unusedSeconds, clock, rotated } = settings;
  const signing = rotated === undefined ? [] : [rotated.current];
  const current = [...new Set([...signing, ...asked.flatMap((one) => idsOf(one, 'current'))])];
  const instances = asked.map((one, index) => instanceOf(one, asked.slice(0, index), current));
  const old = judgeOldKeys(instances, unusedSeconds, rotated?.previous?.id);
  const view = {
    at: new Date(clock.now()),
    instances,
    current,
    old,
    mayDrop:
      instances.every((one) => one.state === 'reached' && one.lacks.length === 0) &&
      old.every(({ verdict }) => verdict === 'may-go'),
  };
  return { ...view, text: () => fleetText(view) };
}

function idsOf(asked: Asked, role: string): string[] {
  return 'why' in asked ? [] : asked.keys.filter((key) => key.role === role).map(({ id }) => id);
}

function instanceOf(asked: Asked, before: readonly Asked[], current: readonly string[]): FleetInstance {
  const { name } = asked;
  if ('why' in asked) return { state: 'unknown', name, why: asked.why };
  // Two URLs that lead to one process: then another one is not seen.
  if (before.some((other) => !('why' in other) && other.name === name)) {
    return { state: 'unknown', name, why: 'two sources lead to this instance, so another one was not asked' };
  }
  const { timeMs, keys } = asked;
  const accepted = keys.filter(({ role }) => role !== 'previous').map(({ id }) => id);
  return {
    state: 'reached',
    name,
    time: new Date(timeMs),
    keys: keys.map(({ id, role, matches, lastMatchMs, countedSinceMs }) => ({
      id,
      role,
      matches,
      lastMatchAt: toDate(lastMatchMs),
      countedSince: toDate(countedSinceMs),
      unusedSeconds: secondsBetween(lastMatchMs ?? countedSinceMs, timeMs),
    })),
    lacks: current.filter((id) => !accepted.includes(id)),
  };
}

function toDate(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

function secondsBetween(from: number | undefined, to: number): number | undefined {
  return from === undefined ? undefined : Math.max(0, (to - from) / 1000);
}
