import type { InstanceHealth } from '@countersign/rotation';
import { chooseVerifiers } from '../health/choose-verifier.ts';
import { fetchReports, type Reports, silentError } from '../health/fetch-reports.ts';
import type { InstanceReport } from '../health/instance-report.ts';

/** All instances that load the target. */
export interface Instances {
  readonly urls: readonly string[];
  readonly token: string | undefined;
  /** What they reported at first. */
  readonly reports: readonly InstanceReport[];
  /** Asks them for the health of the verifiers that load the target. */
  readonly health: () => Promise<readonly InstanceHealth[]>;
}

/**
 * Returns what `rotate()` calls for the health of the instances, after all of them have responded once.
 *
 * @param verifier The name of the verifier in the reports. Default: the only one, or those of the vendor's scheme.
 * @throws CommandError if an instance does not respond, or it is not clear which verifier loads the target.
 */
export async function askInstances(
  urls: readonly string[],
  { token, verifier, vendor }: { token: string | undefined; verifier: string | undefined; vendor: string },
): Promise<Instances> {
  const ask = async (): Promise<Reports['instances']> => {
    const { instances, silent } = await fetchReports(urls, token);
    if (silent.length > 0) throw silentError(silent);
    return instances;
  };
  const healthOf = (instances: Reports['instances']) =>
    instances.flatMap((instance) =>
      chooseVerifiers(instance, verifier, vendor).map(
        (name) => instance.received.verifiers[name] as InstanceHealth,
      ),
    );
  const reports = await ask();
  healthOf(reports);
  return { urls, token, reports, health: async () => healthOf(await ask()) };
}
