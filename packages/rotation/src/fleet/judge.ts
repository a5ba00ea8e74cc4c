import type { FleetInstance, FleetKey, OldKey } from './fleet-types.ts';

type Reached = Extract<FleetInstance, { state: 'reached' }>;

/**
 * Judges every old key by what all instances say. One instance that is not known makes the verdict `unknown`, but an instance that
 * still uses the key makes it `in-use` in any case.
 *
 * @param replaced Id of a key that a rotation has replaced: it is old, whatever its role.
 */
export function judgeOldKeys(
  instances: readonly FleetInstance[],
  unusedSeconds: number,
  replaced: string | undefined,
): OldKey[] {
  const reached = instances.filter((one): one is Reached => one.state === 'reached');
  const ids = new Set(
    reached.flatMap(({ keys }) =>
      keys.filter(({ id, role }) => role === 'previous' || id === replaced).map(({ id }) => id),
    ),
  );
  return [...ids].map((id) => judge(id, instances, reached, unusedSeconds));
}

function judge(
  id: string,
  instances: readonly FleetInstance[],
  reached: readonly Reached[],
  unusedSeconds: number,
): OldKey {
  const having = reached.flatMap((instance) =>
    instance.keys.filter((key) => key.id === id).map((key) => ({ instance: instance.name, key })),
  );
  const uses = having.filter(({ key }) => key.lastMatchAt !== undefined);
  const open = [
    ...unknownInstances(instances),
    ...having.flatMap(({ instance, key }) => notLongEnough(instance, key, unusedSeconds)),
  ];
  const inUse = [
    ...having.flatMap(({ instance, key }) => recentUse(instance, key, unusedSeconds)),
    ...having
      .filter(({ key }) => key.role !== 'previous')
      .map(({ instance }) => `It is not an old key in ${instance}.`),
    ...reached
      .filter(({ lacks }) => lacks.length > 0)
      .map(({ name, lacks }) => `${name} lacks the key ${lacks.join(', ')}.`),
  ];
  const last = uses
    .map(({ instance, key }) => ({ instance, secondsAgo: key.unusedSeconds ?? 0 }))
    .sort((a, b) => a.secondsAgo - b.secondsAgo)[0];
  const verdict = inUse.length > 0 ? 'in-use' : open.length > 0 ? 'unknown' : 'may-go';
  const onlyTime = having.every(({ key }) => key.role === 'previous' && key.unusedSeconds !== undefined);
  const isComplete = reached.length === instances.length && reached.every(({ lacks }) => lacks.length === 0);
  const waits = having.map(({ key }) => unusedSeconds - (key.unusedSeconds ?? 0));
  return {
    id,
    verdict,
    instances: having.map(({ instance }) => instance),
    lastUse: last,
    reasons: [...inUse, ...open],
    mayGoInSeconds: onlyTime && isComplete ? Math.max(0, Math.ceil(Math.max(...waits))) : undefined,
  };
}

function unknownInstances(instances: readonly FleetInstance[]): string[] {
  return instances.flatMap((one) =>
    one.state === 'unknown' ? [`Nothing is known of ${one.name}: ${one.why}.`] : [],
  );
}

function recentUse(instance: string, { lastMatchAt, unusedSeconds }: FleetKey, limit: number): string[] {
  if (lastMatchAt === undefined || (unusedSeconds ?? 0) > limit) return [];
  return [`${instance} matched it ${Math.floor(unusedSeconds ?? 0)} s ago.`];
}

/** An instance that matched nothing has to have counted for long enough to say so. */
function notLongEnough(instance: string, { lastMatchAt, unusedSeconds }: FleetKey, limit: number): string[] {
  if (lastMatchAt !== undefined || (unusedSeconds ?? 0) > limit) return [];
  return unusedSeconds === undefined
    ? [`${instance} does not say since when it counts.`]
    : [`${instance} has counted for only ${Math.floor(unusedSeconds)} s.`];
}
