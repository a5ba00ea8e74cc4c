import { terminalLines } from '@countersign/rotation';
import { CommandError } from './command-error.ts';
import type { Console } from './console.ts';

/** What a shell reports for a command that Ctrl+C ended. */
export const EXIT_INTERRUPTED = 130;

/**
 * Asks for a secret on the terminal, without showing what is typed. The question goes to stderr, so that the output can be redirected.
 *
 * @throws CommandError if it is interrupted or nothing is typed.
 */
export async function promptSecret(question: string, { stdin, stderr }: Console): Promise<string> {
  const readLine = terminalLines(stdin, stderr);
  const typed = await readLine(question, 'hidden', new AbortController().signal).catch(() => {
    throw new CommandError('Interrupted.', EXIT_INTERRUPTED);
  });
  if (typed !== undefined) return typed;
  throw new CommandError('No secret was typed. Start again, or pass --secret-env or --secret-file.');
}
