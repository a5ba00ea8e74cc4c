import { suggest } from '@countersign/core/extend';
import type { Command } from 'commander';
import { CommandError } from './command-error.ts';
import type { Console } from './console.ts';

/** What {@link addGivenOptions} adds to the options of a command. */
export interface GivenOptions {
  readonly option?: readonly string[];
  readonly optionEnv?: readonly string[];
}

/** Adds `--option name=value` and `--option-env name=VARIABLE`, for what only some senders or vendors need. */
export function addGivenOptions(command: Command, of: string): Command {
  const append = (value: string, list: readonly string[] | undefined) => [...(list ?? []), value];
  return command
    .option('--option <name=value>', `an option of the ${of}; repeat it for several`, append)
    .option('--option-env <name=VARIABLE>', 'the same, with the value of an environment variable', append);
}

/**
 * Reads the options that were given by {@link addGivenOptions}: texts by name.
 *
 * @throws CommandError if one has no name, is given twice, or names a variable that is not set.
 */
export function readGivenOptions(given: GivenOptions, console: Console): Record<string, string> {
  const values: Record<string, string> = Object.create(null);
  const add = (name: string, value: string) => {
    if (name in values) throw new CommandError(`The option "${name}" is given twice. Remove one.`);
    values[name] = value;
  };
  for (const text of given.option ?? []) {
    const { name, value } = split(text, '--option', 'value');
    add(name, value);
  }
  for (const text of given.optionEnv ?? []) {
    const { name, value: variable } = split(text, '--option-env', 'VARIABLE');
    add(name, variableOf(console, variable, '--option-env'));
  }
  return values;
}

/**
 * The value of an environment variable that a flag names.
 *
 * @throws CommandError if the text is not a variable's name, or the variable is not set or empty.
 */
export function variableOf(console: Console, name: string, flag: string): string {
  if (!/^[A-Z_][A-Z0-9_]*$/.test(name))
    // The text may be the secret itself, so it is not repeated.
    throw new CommandError(
      `${flag} must be followed by the name of an environment variable in capitals, for example STRIPE_WEBHOOK_SECRET, not by its value.`,
    );
  const value = console.env[name];
  if (value !== undefined && value !== '') return value;
  const near = suggest(name, Object.keys(console.env));
  throw new CommandError(
    `The environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}. ${
      near === undefined || near === name
        ? `Set it, for example: read -rs ${name} && export ${name}`
        : `Did you mean ${near}?`
    }`,
  );
}

function split(text: string, flag: string, what: string): { name: string; value: string } {
  const at = text.indexOf('=');
  if (at < 1) throw new CommandError(`${flag} must be followed by name=${what}.`);
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}
