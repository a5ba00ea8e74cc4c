import { Command, CommanderError } from 'commander';
import { CommandError, EXIT } from './command-error.ts';
import { addSenders } from './commands/senders.ts';
import type { Console } from './console.ts';

export type { Console } from './console.ts';

/**
 * Runs the command line `countersign`.
 *
 * @param args What stands behind the command's name.
 * @param console Where it reads and writes, for example `process`.
 * @returns The exit code: 0 for yes, 1 if the answer is no, 2 if the command could not run.
 * @example
 * ```ts
 * process.exitCode = await run(['senders', 'stripe'], process);
 * ```
 */
export async function run(args: readonly string[], console: Console): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = new Command('countersign')
    .description('Signs, sends, receives, explains and checks webhooks, and rotates their secrets.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.stdout.write(text),
      writeErr: (text) => console.stderr.write(text),
    });
  // Each command's action returns its exit code through `done`.
  const done = (code: number) => {
    exitCode = code;
  };
  addSenders(program, console, done);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.unusable;
    if (!(error instanceof CommandError)) throw error;
    console.stderr.write(`countersign: ${error.message}\n`);
    return error.exitCode;
  }
}
