import { type FleetInstance, type FleetView, fleet } from '@countersign/rotation';
import { spanText } from '../catalogue/delivery-facts.ts';
import type { Reports } from './fetch-reports.ts';
import type { InstanceReport } from './instance-report.ts';

/** One key on all instances. */
interface KeyRow {
  readonly id: string;
  /** Its role on the instances that have it: usually one. */
  readonly roles: readonly string[];
  /** By instance, in the order of the instances. `undefined`: it does not have the key, or nothing is known of it. */
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

/** What the fleet view says, for people. */
interface Judgement {
  /**
   * - `settled`: every instance has the current key, and there is no previous one.
   * - `may-go`: the previous key is unused everywhere for long enough.
   * - `in-use`: it is not.
   * - `mixed`: an instance lacks a current key.
   * - `unknown`: nothing is known of an instance, or it has not counted for long enough.
   */
  readonly verdict: 'settled' | 'may-go' | 'in-use' | 'mixed' | 'unknown';
  readonly message: string;
}

/** What the instances say about the secrets of one endpoint. */
export interface EndpointState extends Judgement {
  readonly name: string;
  readonly scheme: string;
  /** The instances that reported, in the order of their URLs. */
  readonly instances: readonly FleetInstance[];
  readonly keys: readonly KeyRow[];
  readonly warnings: readonly string[];
}

/** How long a previous key must be unused, by the name of the scheme, in seconds. */
export type QuietSeconds = (scheme: string) => number;

/**
 * Views the instances, endpoint by endpoint.
 *
 * @param verifier The only endpoint that counts; every instance must have it. Default: all, each on the instances that have it.
 */
export function viewEndpoints(
  reports: Reports,
  quiet: QuietSeconds,
  verifier?: string,
): Promise<EndpointState[]> {
  const { instances } = reports;
  const names = new Set(instances.flatMap(({ verifiers }) => Object.keys(verifiers)));
  return Promise.all(
    (verifier === undefined ? [...names] : [verifier]).map((name) => {
      const having = instances.filter(({ verifiers }) => verifier !== undefined || name in verifiers);
      return viewEndpoint(name, { ...reports, instances: having }, quiet);
    }),
  );
}

async function viewEndpoint(
  name: string,
  { instances: reported, silent }: Reports,
  quiet: QuietSeconds,
): Promise<EndpointState> {
  const scheme = reported.flatMap(({ verifiers }) => verifiers[name]?.scheme ?? [])[0] ?? '';
  const unusedSeconds = quiet(scheme);
  const sources = [...reported.map(({ received }) => received), ...silent.map(({ url }) => url)];
  if (sources.length === 0) throw new TypeError('There is no instance.');
  const view = await fleet(sources, { verifier: name, unusedSeconds, fetch: alreadyAsked });
  const instances = view.instances.slice(0, reported.length);
  return {
    ...{ name, scheme, instances },
    keys: keysOf(instances),
    warnings: warningsOf(name, reported),
    ...judge(view, unusedSeconds),
  };
}

/** A silent instance is not asked once more for each endpoint. */
function alreadyAsked(): Promise<never> {
  return Promise.reject(Object.assign(new Error('no report'), { name: 'NoReport' }));
}

function keysOf(instances: readonly FleetInstance[]): KeyRow[] {
  const lists = instances.map((one) => (one.state === 'reached' ? one.keys : []));
  return [...new Set(lists.flat().map(({ id }) => id))].map((id) => {
    const uses = lists.map((keys): KeyUse | undefined => {
      const key = keys.find((each) => each.id === id);
      if (key === undefined) return undefined;
      const { role, matches, unusedSeconds, lastMatchAt } = key;
      return { role, matches, unusedSeconds, lastMatchAt };
    });
    return { id, roles: [...new Set(uses.flatMap((use) => use?.role ?? []))], uses };
  });
}

function warningsOf(name: string, reported: readonly InstanceReport[]): string[] {
  return [...new Set(reported.flatMap(({ verifiers }) => verifiers[name]?.warnings ?? []))];
}

/** The verdict of a fleet view in one word and a few sentences. */
export function judge({ instances, old, mayDrop }: FleetView, unusedSeconds: number): Judgement {
  const span = spanText(unusedSeconds);
  if (mayDrop)
    return old.length === 0
      ? { verdict: 'settled', message: `${sharedText(instances)}, and there is no previous one.` }
      : {
          verdict: 'may-go',
          message: `The previous secret may go: no instance has used it for ${span}. Remove it from the set.`,
        };
  const lacking = lackTexts(instances);
  if (lacking.length > 0)
    return {
      verdict: 'mixed',
      message: `The instances have different secrets: ${lacking.join('; ')}. Wait until all have reloaded.`,
    };
  const staying = old.filter(({ verdict }) => verdict !== 'may-go');
  if (staying.length === 0)
    return {
      verdict: 'unknown',
      message: `It is not known whether there is a previous secret. ${instances.flatMap(unknownText).join(' ')}`,
    };
  const waits = staying.map(({ id, reasons, mayGoInSeconds }) => {
    const later =
      mayGoInSeconds === undefined
        ? ''
        : ` It may go in ${spanText(mayGoInSeconds)} if nothing uses it until then.`;
    return `${id}: ${reasons.join(' ')}${later}`;
  });
  return {
    verdict: staying.some(({ verdict }) => verdict === 'in-use') ? 'in-use' : 'unknown',
    message: `Keep the previous secret: it must be unused for ${span}. ${waits.join(' ')}`,
  };
}

function sharedText(instances: readonly FleetInstance[]): string {
  const sets = instances.map((one) =>
    one.state === 'reached'
      ? one.keys
          .map(({ id, role }) => `${role} ${id}`)
          .sort()
          .join()
      : '',
  );
  return `Every instance has the ${new Set(sets).size > 1 ? 'current secret' : 'same secrets'}`;
}

/** Who does not have a current key at all or, if all have them, whose is another one's previous key. */
function lackTexts(instances: readonly FleetInstance[]): string[] {
  const lacks = instances.flatMap((one) =>
    one.state === 'unknown'
      ? []
      : one.lacks.map((id) => ({
          ...{ id, name: one.name },
          isThere: one.keys.some((key) => key.id === id),
        })),
  );
  const missing = lacks.filter(({ isThere }) => !isThere);
  return missing.length > 0
    ? missing.map(({ name, id }) => `${name} does not have the current key ${id}`)
    : lacks.map(({ name, id }) => `the key ${id} is previous on ${name} and current elsewhere`);
}

function unknownText(one: FleetInstance): string[] {
  return one.state === 'unknown' ? [`${one.name}: ${one.why}.`] : [];
}
