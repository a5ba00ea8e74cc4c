import {
  type DropReport,
  type RotateOptions,
  type RotationReport,
  waitUntilOldMayGo,
} from '@countersign/rotation';
import { CommandError, EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { chooseVerifier } from '../health/choose-verifier.ts';
import { dropSecret } from '../health/drop-secret.ts';
import { judge } from '../health/endpoint-state.ts';
import { quietSecondsOf } from '../health/quiet-seconds.ts';
import { waitNotes } from '../health/wait-notes.ts';
import { EXIT_INTERRUPTED } from '../prompt.ts';
import type { Instances } from './instances-health.ts';

/** What happens to the old secret after a rotation. */
export interface OldSecretOptions extends Pick<RotateOptions, 'vendor' | 'audit' | 'actor' | 'signal'> {
  readonly instances: Instances;
  readonly verifier: string | undefined;
  /** The path of the file. */
  readonly target: string;
  /** For how long no instance must have used it, in seconds. Default: as long as the sender can still send it. */
  readonly quiet: number | undefined;
  /** The longest wait, in seconds. */
  readonly timeout: number | undefined;
  /** Removes it from the target afterwards. */
  readonly drop: boolean;
}

/** What became of the old secret. */
export interface OldSecret {
  readonly message: string;
  readonly exitCode: number;
  readonly drop?: DropReport;
}

const ASK_EVERY_SECONDS = 2;
const LONGEST_SECONDS = 366 * 86_400;

/**
 * Finds out which verifier loads the target, before anything is changed.
 *
 * @throws CommandError if that is not clear.
 */
export function verifierOf({ instances, verifier, vendor }: OldSecretOptions): string {
  return chooseVerifier(instances.reports, verifier, vendor.name);
}

/**
 * Waits until all instances have the new secret and no longer use the old one, and removes it from the target if that is asked for.
 *
 * @throws CommandError if it was interrupted, or the secret could not be removed.
 */
export async function waitForOldSecret(
  report: RotationReport,
  options: OldSecretOptions,
  console: Console,
): Promise<OldSecret> {
  const { outcome, endpoints } = report;
  if (outcome === 'overlapping')
    return {
      message: `The old secret stays: both endpoints deliver until ${endpoints?.removeAfter?.toISOString()}. Run the same command again after that.`,
      exitCode: EXIT.no,
    };
  const { instances, vendor, target, signal, quiet, timeout, drop, audit, actor } = options;
  const { urls, token } = instances;
  const unusedSeconds = quiet ?? quietSecondsOf(vendor.name);
  const view = { verifier: verifierOf(options), rotated: report, token, unusedSeconds };
  const note = waitNotes(console);
  const waited = await waitUntilOldMayGo(urls, {
    ...view,
    waitSeconds: timeout ?? LONGEST_SECONDS,
    everySeconds: ASK_EVERY_SECONDS,
    ...(signal === undefined ? {} : { signal }),
    onView(seen) {
      if (!seen.mayDrop) note(judge(seen, unusedSeconds).message);
    },
  });
  const { message } = judge(waited.view, unusedSeconds);
  if (waited.outcome === 'aborted')
    throw new CommandError(
      `The rotation is done, but the wait was interrupted, so the old secret stays. ${message}`,
      EXIT_INTERRUPTED,
    );
  if (waited.outcome === 'timed-out') return { message, exitCode: EXIT.no };
  if (!drop) return { message, exitCode: EXIT.ok };
  const dropped = await dropSecret({
    ...{ ...view, urls, vendor, target },
    ...(audit === undefined ? {} : { audit }),
    ...(actor === undefined ? {} : { actor }),
  });
  return { message: dropped.message, exitCode: EXIT.ok, drop: dropped };
}
