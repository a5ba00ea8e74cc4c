import { spanText } from '../catalogue/delivery-facts.ts';
import type { InstanceReport, ReportedVerifier } from './instance-report.ts';

/** One key on all instances. */
export interface KeyRow {
  readonly id: string;
  /** Its role on the instances that have it: usually one. */
  readonly roles: readonly string[];
  /** By instance, in the order of the instances. `undefined`: it does not have the key. */
  readonly uses: readonly (KeyUse | undefined)[];
}

/** How one instance uses a key. */
export interface KeyUse {
  readonly role: string;
  readonly matches: number;
  /** For how long it has not matched, as far as the instance can know, in seconds. `undefined`: that can't be known. */
  readonly unusedSeconds: number | undefined;
  readonly lastMatchAt: Date | undefined;
}

/** What the instances say about the secrets of one endpoint. */
export interface EndpointState {
  readonly name: string;
  readonly scheme: string;
  readonly keys: readonly KeyRow[];
  /**
   * - `settled`: every instance has the same keys, and there is no previous one.
   * - `may-go`: the previous key is unused everywhere for long enough.
   * - `in-use`: it is not.
   * - `mixed`: the instances do not have the same keys.
   * - `not-ready`: an instance has no keys.
   */
  readonly verdict: 'settled' | 'may-go' | 'in-use' | 'mixed' | 'not-ready';
  readonly message: string;
}

/** How long a previous key must be unused, by the name of the scheme, in seconds. */
export type QuietSeconds = (scheme: string) => number;

/** Compares the instances, endpoint by endpoint. */
export function compareInstances(instances: readonly InstanceReport[], quiet: QuietSeconds): EndpointState[] {
  const names = [...new Set(instances.flatMap(({ verifiers }) => Object.keys(verifiers)))];
  return names.map((name) => {
    const having = instances.filter(({ verifiers }) => verifiers[name] !== undefined);
    return stateOf(name, having, quiet);
  });
}

function stateOf(name: string, instances: readonly InstanceReport[], quiet: QuietSeconds): EndpointState {
  const verifiers = instances.map((instance) => ({
    instance,
    verifier: instance.verifiers[name] as ReportedVerifier,
  }));
  const scheme = verifiers[0]?.verifier.scheme ?? '';
  const ids = [...new Set(verifiers.flatMap(({ verifier }) => verifier.keys.map(({ id }) => id)))];
  const keys = ids.map((id): KeyRow => {
    const uses = verifiers.map(({ instance, verifier }) => useOf(id, instance, verifier));
    return { id, roles: [...new Set(uses.flatMap((use) => use?.role ?? []))], uses };
  });
  return { name, scheme, keys, ...judge(keys, instances, quiet(scheme)) };
}

function useOf(
  id: string,
  { time }: InstanceReport,
  { keys, loadedAt }: ReportedVerifier,
): KeyUse | undefined {
  const key = keys.find((each) => each.id === id);
  if (key === undefined) return undefined;
  const { role, matches, lastMatchAt } = key;
  // A process that never saw the key match can vouch only for the time since it loaded the set.
  const since = lastMatchAt ?? loadedAt;
  const unusedSeconds =
    since === undefined ? undefined : Math.max(0, (time.getTime() - since.getTime()) / 1000);
  return { role, matches, unusedSeconds, lastMatchAt };
}

function judge(
  keys: readonly KeyRow[],
  instances: readonly InstanceReport[],
  quietSeconds: number,
): Pick<EndpointState, 'verdict' | 'message'> {
  const nameOf = (positions: readonly number[]) => positions.map((at) => instances[at]?.instance).join(', ');
  const empty = instances.flatMap((_, at) => (keys.some(({ uses }) => uses[at] !== undefined) ? [] : [at]));
  if (empty.length > 0)
    return {
      verdict: 'not-ready',
      message: `No secret is loaded on ${nameOf(empty)}. Look at the warnings of its health.`,
    };
  const lacking = keys.flatMap(({ id, roles, uses }) => {
    const without = uses.flatMap((use, at) => (use === undefined ? [at] : []));
    return without.length === 0
      ? []
      : [`${nameOf(without)} does not have the ${roles.join(' or ')} key ${id}`];
  });
  if (lacking.length > 0)
    return {
      verdict: 'mixed',
      message: `The instances have different secrets: ${lacking.join('; ')}. Wait until all have reloaded.`,
    };
  const torn = keys.find(({ roles }) => roles.length > 1);
  if (torn !== undefined)
    return {
      verdict: 'mixed',
      message: `The key ${torn.id} is ${torn.roles.join(' on some instances and ')} on others. Wait until all have reloaded.`,
    };
  const previous = keys.filter(({ roles }) => roles.includes('previous'));
  if (previous.length === 0)
    return {
      verdict: 'settled',
      message: 'Every instance has the same secrets, and there is no previous one.',
    };
  const used = previous.flatMap(({ id, uses }) => {
    const by = uses.flatMap((use, at) => (isQuiet(use, quietSeconds) ? [] : [at]));
    return by.length === 0 ? [] : [`${id} on ${nameOf(by)}`];
  });
  if (used.length > 0)
    return {
      verdict: 'in-use',
      message: `Keep the previous secret: within the last ${spanText(quietSeconds)} it was used, or could have been: ${used.join('; ')}.`,
    };
  return {
    verdict: 'may-go',
    message: `The previous secret may go: no instance has used it for ${spanText(quietSeconds)}. Remove it from the set.`,
  };
}

function isQuiet(use: KeyUse | undefined, quietSeconds: number): boolean {
  return use?.unusedSeconds !== undefined && use.unusedSeconds >= quietSeconds;
}
