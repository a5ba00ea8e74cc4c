/** What each exit code means. Scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** The command ran, and its answer is no: a request was refused, a check failed, a key is still in use. */
  no: 1,
  /** The command could not run: a wrong option, a file that can't be read, a port in use, a server that is down. */
  unusable: 2,
} as const;

/** An error with a sentence for the person at the terminal. It is printed without a stack trace. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = EXIT.unusable,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}
