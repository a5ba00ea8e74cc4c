import { isWebhookError } from '@countersign/core';
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { CommandError, EXIT } from './command-error.ts';
import { addCheck } from './commands/check.ts';
import { addExplain } from './commands/explain.ts';
import { addHealth } from './commands/health.ts';
import { addListen } from './commands/listen.ts';
import { addRotate } from './commands/rotate.ts';
import { addSend } from './commands/send.ts';
import { addSenders } from './commands/senders.ts';
import { addSign } from './commands/sign.ts';
import type { Console } from './console.ts';
import { refuseSecretsIn } from './secrets.ts';

export type { Console } from './console.ts';

/** Adds a command. Its action passes its exit code to `done`. */
type AddCommand = (program: Command, console: Console, done: (exitCode: number) => void) => void;

/** Each command, in the order of the help. */
const COMMANDS: readonly AddCommand[] = [
  addSenders,
  addSign,
  addSend,
  addExplain,
  addListen,
  addCheck,
  addRotate,
  addHealth,
];

/**
 * Runs the command line `countersign`.
 *
 * @param args What follows the name of the command.
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
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.stdout.write(text),
      writeErr: (text) => console.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'countersign: ')),
    })
    .showHelpAfterError('Help: countersign --help, or --help after a command.')
    .addHelpText(
      'after',
      '\nExit codes: 0 yes, 1 the answer is no, 2 the command could not run.\nSecrets come from --secret-env, --secret-file or a prompt, never from the command line.',
    );
  const done = (code: number) => {
    exitCode = code;
  };
  for (const add of COMMANDS) add(program, console, done);
  try {
    refuseSecretsIn(args);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.unusable;
    console.stderr.write(`countersign: ${messageOf(error, console)}\n`);
    return error instanceof CommandError ? error.exitCode : EXIT.unusable;
  }
}

/** One sentence for the person at the terminal. */
function messageOf(error: unknown, { env }: Console): string {
  if (error instanceof CommandError || isWebhookError(error)) return error.message;
  if (env.COUNTERSIGN_DEBUG) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const what = error instanceof Error ? error.message : String(error);
  return `A fault of countersign itself: ${what}. Set COUNTERSIGN_DEBUG=1 to see where, and report it.`;
}
