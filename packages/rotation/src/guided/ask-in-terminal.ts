import { readFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { checkKeys, configError } from '@countersign/core/extend';
import { nameOfError } from '../rotation-error.ts';
import type { Ask, GuideStep } from './guide.ts';
import { type ReadLine, terminalLines } from './terminal-lines.ts';

/** Options of {@link askInTerminal}. */
export interface TerminalOptions {
  /**
   * The path of a file from which the new secret is read, instead of typing it. The person writes it there and confirms with `yes`,
   * also without a terminal: a file that is there may still contain an older secret. Remove the file afterwards.
   */
  secretFile?: string;
  /** Default: the process's standard input. */
  input?: Readable & { readonly isTTY?: boolean };
  /** Default: the process's standard error, so that the output of the program stays clean. */
  output?: Writable;
}

const NO_ANSWER =
  'The standard input has no answer, so nothing says that this step is done. Without a terminal, write a line with the answer to the standard input when it is, and keep it open until then.\n';

/**
 * Shows the steps of a guided rotation in a terminal and waits for the person. The new secret is typed or pasted without being shown;
 * an empty line or the end of the input means that the person stops and has done nothing.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * const vendor = guided({ sender: 'twilio', ask: askInTerminal() })
 * ```
 */
export function askInTerminal(options: TerminalOptions = {}): Ask {
  options = checkKeys('askInTerminal()', options, ['secretFile', 'input', 'output']);
  const { secretFile, input = process.stdin, output = process.stderr } = options;
  if (secretFile !== undefined && (typeof secretFile !== 'string' || secretFile === '')) {
    throw configError('"secretFile" of askInTerminal() must be the path of a file.');
  }
  const readLine = terminalLines(input, output);
  const readOneLine: ReadLine = async (...question) => {
    const line = (await readLine(...question))?.trim();
    if (line === undefined && input.isTTY !== true) output.write(NO_ANSWER);
    return line;
  };
  return async (step, { signal }) => {
    output.write(`\n${textOf(step)}\n`);
    if (step.kind !== 'secret') {
      const line = await readOneLine(step.kind === 'done' ? 'Done? [yes] ' : 'Which one? ', 'shown', signal);
      if (step.kind === 'done') return line === 'yes' || line === 'y' ? 'done' : undefined;
      return line;
    }
    if (secretFile === undefined) return readOneLine('New secret (not shown): ', 'hidden', signal);
    for (;;) {
      const line = await readOneLine(`Is the new secret in ${secretFile}? [yes] `, 'shown', signal);
      if (line !== 'yes' && line !== 'y') return undefined;
      try {
        return (await readFile(secretFile, 'utf8')).trim();
      } catch (error) {
        output.write(`The file can't be read (${nameOfError(error)}).\n`);
      }
    }
  };
}

function textOf({ text, url, problem, choices }: GuideStep): string {
  return [
    ...(problem === undefined ? [] : [problem]),
    text,
    ...(url === undefined ? [] : [url]),
    ...Object.entries(choices ?? {}).map(([name, what]) => `  ${name}: ${what}`),
  ].join('\n');
}
