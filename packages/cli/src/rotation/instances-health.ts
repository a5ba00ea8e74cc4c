import type { InstanceHealth } from '@countersign/rotation';
import { CommandError } from '../command-error.ts';
import { fetchReports, silentError } from '../health/fetch-reports.ts';
import type { InstanceReport } from '../health/instance-report.ts';

/** Asks the instances for the health of the verifiers that load the target. */
export type AskInstances = () => Promise<readonly InstanceHealth[]>;

/**
 * Returns what `rotate()` calls for the health of the instances, after all of them have responded once.
 *
 * @param verifier The name of the verifier in the reports. Default: the only one, or those of the vendor's scheme.
 * @throws CommandError if an instance does not respond, or it is not clear which verifier loads the target.
 */
export async function instancesHealth(
  urls: readonly string[],
  { token, verifier, vendor }: { token: string | undefined; verifier: string | undefined; vendor: string },
): Promise<AskInstances> {
  const ask = async (): Promise<readonly InstanceHealth[]> => {
    const { instances, silent } = await fetchReports(urls, token);
    if (silent.length > 0) throw silentError(silent);
    return instances.flatMap((instance) =>
      choose(instance, verifier, vendor).map((name) => instance.received[name] as InstanceHealth),
    );
  };
  await ask();
  return ask;
}

function choose(
  { instance, verifiers }: InstanceReport,
  wanted: string | undefined,
  vendor: string,
): string[] {
  const names = Object.keys(verifiers);
  const chosen =
    wanted === undefined
      ? names.length === 1
        ? names
        : names.filter((name) => verifiers[name]?.scheme === vendor)
      : names.filter((name) => name === wanted);
  if (chosen.length > 0) return chosen;
  throw new CommandError(
    `${instance} reports ${names.map((name) => `"${name}"`).join(', ')}. Say with --verifier NAME which of them loads the target.`,
  );
}
