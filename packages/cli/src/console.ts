import type { Readable, Writable } from 'node:stream';

/** What a command reads and writes: the process, or a test's own. */
export interface Console {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends a command that runs until it is stopped. Default: Ctrl+C and SIGTERM do. */
  readonly stop?: AbortSignal;
}
