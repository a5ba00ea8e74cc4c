import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isWebhookError } from '@countersign/core';
import { configError } from '@countersign/core/extend';
import { fileSecrets } from '@countersign/core/node';
import type { RotationTarget } from '../target.ts';
import { errnoOf, writeFileAtomically } from './atomic-file.ts';

/** What `fileSecrets()` polls by default. */
const POLL_SECONDS = 30;
/** The largest file that `fileSecrets()` reads. */
const MAX_BYTES = 64 * 1024;

/**
 * A JSON file as `fileSecrets()` reads it. It is replaced by rename, after a flush; its mode and owner are kept. Journal and lock
 * are beside it: `<path>.rotation`, `<path>.rotation.lock`.
 *
 * The directory must be writable. A Kubernetes volume is not: write the set to the source of the volume instead, with a target of your own.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * await rotate({ vendor, target: fileTarget('/run/secrets/anchor.json') })
 * ```
 */
export function fileTarget(path: string): RotationTarget {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw configError('fileTarget() needs the path of a JSON file.');
  }
  const absolute = resolve(path);
  return {
    // The absolute path, because the journal identifies the target of a stopped run by it.
    name: `file ${absolute}`,
    pollSeconds: POLL_SECONDS,
    journal: `${absolute}.rotation`,
    maxBytes: MAX_BYTES,
    async read() {
      if (!(await exists(absolute))) return undefined;
      const { signal } = new AbortController();
      const set = await fileSecrets(absolute, { format: 'json' }).load({ signal, reason: 'start' });
      if (isWebhookError(set)) throw set;
      return set;
    },
    write: (set) => writeFileAtomically(absolute, `${JSON.stringify(set, undefined, 2)}\n`),
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
