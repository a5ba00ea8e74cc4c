import { readFileSync, statSync } from 'node:fs';
import { isWebhookError, type SecretSetInput } from '@countersign/core';
import { parseSecretJson } from '@countersign/core/extend';
import { type Command, Option } from 'commander';
import { CommandError } from './command-error.ts';
import type { Console } from './console.ts';
import { variableOf } from './given-options.ts';
import { promptSecret } from './prompt.ts';

/** What {@link addSecretOptions} adds to the options of a command. */
export interface SecretOptions {
  readonly secretEnv?: string;
  readonly secretFile?: string;
}

const REASON =
  'A secret on the command line can be read by every user of this machine and stays in the history of the shell. Pass --secret-env NAME or --secret-file PATH, or neither to be asked for it.';

/** Adds `--secret-env` and `--secret-file`. Without them, {@link readSecrets} asks for the secret. */
export function addSecretOptions(command: Command): Command {
  const refuse = () => {
    throw new CommandError(REASON);
  };
  return command
    .option(
      '--secret-env <NAME>',
      'the environment variable with the secret; NAME_PREVIOUS and NAME_NEXT are read, too',
    )
    .option('--secret-file <PATH>', 'a file with the secret, or with {"current": …, "previous": …} as JSON')
    .addOption(new Option('--secret [value]').hideHelp().argParser(refuse));
}

/**
 * Reads the secrets from where the options say, or asks for the secret if there is a terminal. Texts are used as they are, except that
 * one line break at the end of a file is removed.
 *
 * @throws CommandError that says what is missing and never contains what was read.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme, secrets: await readSecrets(options, console) })
 * ```
 */
export async function readSecrets(options: SecretOptions, console: Console): Promise<SecretSetInput> {
  const { secretEnv, secretFile } = options;
  if (secretEnv !== undefined && secretFile !== undefined)
    throw new CommandError('--secret-env and --secret-file exclude each other. Remove one.');
  if (secretEnv !== undefined) return fromEnvironment(secretEnv, console);
  if (secretFile !== undefined) return fromFile(secretFile);
  if (console.stdin.isTTY !== true)
    throw new CommandError(
      'The secret is missing, and there is no terminal to ask for it. Pass --secret-env NAME or --secret-file PATH.',
    );
  return { current: await promptSecret('Signing secret (not shown): ', console) };
}

function fromEnvironment(name: string, console: Console): SecretSetInput {
  const current = variableOf(console, name, '--secret-env');
  const previous = console.env[`${name}_PREVIOUS`];
  const next = console.env[`${name}_NEXT`];
  return { current, ...(previous ? { previous } : {}), ...(next ? { next } : {}) };
}

function fromFile(path: string): SecretSetInput {
  const bytes = readBytes(path);
  const name = `The secret file "${path}"`;
  const text = decode(bytes, name);
  if (text === '') throw new CommandError(`${name} is empty. Write the signing secret into it.`);
  if (!path.endsWith('.json') && !isSet(text)) return { current: text };
  try {
    return parseSecretJson(bytes, {
      name,
      whenEmpty: 'Write the set into it.',
      whenNoJson: 'Write {"current": "…", "previous": "…"}, or rename the file if the secret is plain text.',
    });
  } catch (error) {
    throw isWebhookError(error) ? new CommandError(error.message) : error;
  }
}

/** A secret can be JSON itself: a public key. */
function isSet(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'current' in value;
  } catch {
    return false;
  }
}

const MAX_BYTES = 1024 * 1024;

function readBytes(path: string): Buffer {
  try {
    if (statSync(path).size > MAX_BYTES)
      throw new CommandError(
        `The secret file "${path}" is larger than 1 MiB. Pass the file with the secret.`,
      );
    return readFileSync(path);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(
      `The secret file can't be read (${(error as NodeJS.ErrnoException).code}). Check the path after --secret-file and its permissions.`,
    );
  }
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.replace(/\r?\n$/, '');
  } catch {
    throw new CommandError(`${name} is not UTF-8 text. Write the secret as text into it.`);
  }
}

/** How the secrets and API keys of common senders begin. */
const BEGINNINGS =
  /^(?:v\d+a?,)?(?:whsec_|whsk_|sk_(?:live|test)_|rk_(?:live|test)_|gh[pousr]_|github_pat_|xox[abp]-|lsv2_|-----BEGIN )/;

/** Whether a text of the command line is probably a secret. */
function isSecretLike(text: string): boolean {
  if (BEGINNINGS.test(text) || /^[0-9a-f]{32,}$/i.test(text)) return true;
  return (
    /^[A-Za-z0-9+/_-]{24,}={0,2}$/.test(text) &&
    !/^[./]/.test(text) &&
    [/[a-z]/, /[A-Z]/, /\d/].every((kind) => kind.test(text))
  );
}

/**
 * Refuses a command line that contains a secret, before anything repeats its texts.
 *
 * @throws CommandError with the reason.
 */
export function refuseSecretsIn(args: readonly string[]): void {
  for (const arg of args) {
    const value = arg.startsWith('-') && arg.includes('=') ? arg.slice(arg.indexOf('=') + 1) : arg;
    if (/^--(?:signing-|webhook-)?secret(?:=|$)/.test(arg) || (isSecretLike(value) && !exists(value)))
      throw new CommandError(REASON);
    // The value of --option name=value.
    if (BEGINNINGS.test(value.slice(value.indexOf('=') + 1))) throw new CommandError(REASON);
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
