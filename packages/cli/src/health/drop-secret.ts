import { isWebhookError } from '@countersign/core';
import {
  type DropPreviousOptions,
  type DropReport,
  dropPrevious,
  fileTarget,
  isRotationError,
} from '@countersign/rotation';
import { CommandError, EXIT } from '../command-error.ts';
import { schemeNamed } from './scheme-named.ts';

/** What {@link dropSecret} needs beside the options of `dropPrevious()`. */
export interface DropOptions extends Pick<DropPreviousOptions, 'audit' | 'actor' | 'token' | 'rotated'> {
  readonly urls: readonly string[];
  /** The verifier in the reports that loads the target. */
  readonly verifier: string;
  readonly vendor: DropPreviousOptions['vendor'];
  /** The path of the file. */
  readonly target: string;
  readonly unusedSeconds: number;
}

/** The previous secret must stay for now. */
export class StillInUse extends CommandError {
  constructor(message: string) {
    super(message, EXIT.no);
  }
}

/**
 * Removes the previous secret from the file if all instances say that it may go.
 *
 * @throws StillInUse that says why it must stay; CommandError if it could not be removed.
 */
export async function dropSecret({ urls, target, ...options }: DropOptions): Promise<DropReport> {
  try {
    return await dropPrevious({ ...options, target: fileTarget(target), instances: urls });
  } catch (error) {
    if (isRotationError(error) && error.code === 'ERR_ROTATION_OLD_IN_USE')
      throw new StillInUse(
        error.message.replace(
          error.todo,
          'To wait for it: countersign health URL… --wait --drop --target FILE.',
        ),
      );
    throw isRotationError(error) || isWebhookError(error) ? new CommandError(error.message) : error;
  }
}

/**
 * What is needed to read the secrets of a target, by the scheme that its verifier reports.
 *
 * @throws CommandError if the scheme is not in the catalogue, or its secrets are public keys.
 */
export function ownerOf(scheme: string, verifier: string): DropPreviousOptions['vendor'] {
  const secret = schemeNamed(scheme)?.definition?.secret;
  if (secret !== undefined && (Array.isArray(secret) || 'encoding' in secret))
    return { name: scheme, endpointId: verifier, secret };
  throw new CommandError(
    `The secrets of "${verifier}" (${scheme}) can't be read from a file by this command, because ${
      secret === undefined ? 'its scheme is not in the catalogue' : 'they are public keys'
    }. Call dropPrevious() of @countersign/rotation, or remove the previous one by hand.`,
  );
}
