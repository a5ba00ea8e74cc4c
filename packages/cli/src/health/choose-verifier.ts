import { CommandError } from '../command-error.ts';
import type { InstanceReport } from './instance-report.ts';

/**
 * The verifiers of an instance that load the target.
 *
 * @param wanted The name of one. Default: the only one, or those of the scheme.
 * @throws CommandError if it is not clear which they are.
 */
export function chooseVerifiers(
  { instance, verifiers }: InstanceReport,
  wanted: string | undefined,
  scheme?: string,
): string[] {
  const names = Object.keys(verifiers);
  const chosen =
    wanted === undefined
      ? names.length === 1
        ? names
        : names.filter((name) => verifiers[name]?.scheme === scheme)
      : names.filter((name) => name === wanted);
  if (chosen.length > 0) return chosen;
  throw new CommandError(
    `${instance} reports ${names.map((name) => `"${name}"`).join(', ')}. Say with --verifier NAME which of them loads the target.`,
  );
}

/**
 * The one verifier that loads the target on every instance.
 *
 * @throws CommandError if it is not clear which it is.
 */
export function chooseVerifier(
  instances: readonly InstanceReport[],
  wanted: string | undefined,
  scheme?: string,
): string {
  const names = [...new Set(instances.flatMap((instance) => chooseVerifiers(instance, wanted, scheme)))];
  if (names.length === 1 && names[0] !== undefined) return names[0];
  throw new CommandError(
    `The instances report ${names.map((name) => `"${name}"`).join(', ')}. Say with --verifier NAME which of them loads the target.`,
  );
}
