import { resolve } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { parseSecretJson, parseSecretText, type SecretLocation } from '../secrets/secret-text.ts';
import type { SecretProvider, SecretSetInput } from '../secrets/secrets.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { checkKeys, checkNumber, configError } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';
import { watchDirectory } from './directory-watch.ts';
import { readSecretFiles, type SecretFiles } from './secret-files.ts';

/** Options of {@link fileSecrets}. */
export interface FileSecretsOptions {
  /** What the file holds: one secret as text, or a whole set as JSON. Default: `'json'` if the path ends in `.json`, else `'text'`. */
  format?: 'text' | 'json';
  /** How often the content is compared, in seconds, should the system report no change. Default: 30. */
  pollSeconds?: number;
  /** Default: the machine's clock. */
  clock?: Clock;
}

/**
 * Secrets from a file or a directory, reloaded when the content changes.
 *
 * - A text file holds one secret, the current one. One trailing line break (`\n` or `\r\n`) is trimmed, nothing else; other white
 *   space at its ends, a byte order mark, a NUL and bytes that are not UTF-8 are refused.
 * - A file that ends in `.json` holds a {@link SecretSetInput}; its secrets are texts.
 * - A directory holds the text file `current` and, where there are such secrets, `previous` and `next`.
 *
 * No file may be larger than 64 KiB. The files should be readable by this process's user alone (mode 0400; in a Kubernetes volume
 * `defaultMode: 0400` or, with `fsGroup`, 0440).
 *
 * **Write by rename**: write a new file beside the old one, then rename it over it. A file that was changed within the last
 * second is read again until nothing changes for 25 ms, so an ordinary rewrite in place is never read half; but a writer that pauses
 * longer than that in the middle can't be told from one that is done. What is left of JSON then doesn't parse, and the last good set
 * stays; what is left of a text may be taken for the secret until the rest is written. Files of a directory that belong together are
 * changed together by swapping a link, as Kubernetes does; all files of one load then come from one directory.
 *
 * **Kubernetes**: mount the Secret as a volume and give the path of the mount, or of a file in it. A `subPath` mount never updates,
 * nor does a Secret in environment variables. The kubelet itself takes about a minute to bring a change to the volume.
 *
 * The directory is watched, not the file; changes that the system doesn't report, as on network file systems or where a link
 * further up is swapped, are found by polling. Neither keeps the process alive.
 *
 * Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED`, naming path and errno, if a file can't be read, and with
 * `ERR_WEBHOOK_SECRETS_INVALID` if its content can't be used. No error quotes any content.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: stripe(), secrets: fileSecrets('/run/secrets/stripe') })
 * ```
 */
export function fileSecrets(path: string, options: FileSecretsOptions = {}): SecretProvider {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw configError('fileSecrets() wants the path of a file or a directory.');
  }
  checkKeys('fileSecrets()', options, ['format', 'pollSeconds', 'clock']);
  const { format = /\.json$/i.test(path) ? 'json' : 'text', clock = systemClock } = options;
  if (format !== 'text' && format !== 'json') throw configError('"format" must be "text" or "json".');
  if (typeof clock?.now !== 'function' || typeof clock.schedule !== 'function')
    throw configError('"clock" must be a Clock.');
  const pollSeconds = checkNumber('pollSeconds', options.pollSeconds, { min: 1, max: 86_400, fallback: 30 });
  // A later chdir() must not lead to other files.
  const absolute = resolve(path);
  let loaded: string | undefined;

  return {
    name: `file ${path}`,
    async load({ signal }) {
      const release = holdProcess();
      try {
        const found = await readSecretFiles(absolute, clock, signal);
        loaded = found.hash;
        return parse(found, format, absolute);
      } finally {
        release();
      }
    },
    watch(changed) {
      let seen = loaded;
      return watchDirectory({
        path: absolute,
        pollMs: pollSeconds * 1000,
        clock,
        // What happened between the load and this moment left no event here.
        checkFirst: loaded !== undefined,
        async check(signal) {
          const found = await readSecretFiles(absolute, clock, signal).catch(() => undefined);
          // Files that can't be read hold nothing new; the next load says what is wrong with them.
          if (found === undefined || signal.aborted) return;
          const before = seen ?? loaded;
          seen = found.hash;
          if (found.hash !== before) changed();
        },
      });
    },
  };
}

function parse({ directory, files }: SecretFiles, format: 'text' | 'json', path: string): SecretSetInput {
  if (directory && format === 'json') {
    throw new WebhookError(
      'ERR_WEBHOOK_SECRETS_INVALID',
      `The secret file "${path}" is a directory: JSON is one file. Give the file's path, or set format to "text".`,
    );
  }
  const set: SecretSetInput = { current: [] };
  for (const { role, path: where, bytes } of files) {
    if (format === 'json') return parseSecretJson(bytes, placeOf(where));
    set[role] = parseSecretText(bytes, placeOf(where));
  }
  return set;
}

function placeOf(path: string): SecretLocation {
  const whenEmpty = 'It may be half-written: write a new file and rename it into place.';
  return {
    name: `The secret file "${path}"`,
    whenEmpty,
    whenNoJson: `${whenEmpty} A file that holds only the secret must not end in .json.`,
  };
}

/** The clock's timers don't keep a process alive: without this, one that awaits its secrets before it listens would just end. */
function holdProcess(): () => void {
  const { port1 } = new MessageChannel();
  port1.ref();
  return () => port1.close();
}
