import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { checkKeys, configError } from '@countersign/core/extend';
import type { Ask, GuideStep } from './guide.ts';

/** Options of {@link askInTerminal}. */
export interface TerminalOptions {
  /**
   * The path of a file from which the new secret is read, instead of typing it. The person writes it there and confirms. Remove the
   * file afterwards.
   */
  secretFile?: string;
  /** Default: the process's standard input. */
  input?: Readable & { readonly isTTY?: boolean };
  /** Default: the process's standard error, so that the output of the program stays clean. */
  output?: Writable;
}

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
  const readOneLine = lineReader(input, output);
  return async (step, { signal }) => {
    output.write(`\n${textOf(step)}\n`);
    if (step.kind !== 'secret') {
      const line = await readOneLine(step.kind === 'done' ? 'Done? [yes] ' : 'Which one? ', 'shown', signal);
      if (step.kind === 'done') return line === 'yes' || line === 'y' ? 'done' : undefined;
      return line;
    }
    if (secretFile === undefined) return readOneLine('New secret (not shown): ', 'hidden', signal);
    const line = await readOneLine(`Is the new secret in ${secretFile}? [yes] `, 'shown', signal);
    if (line !== 'yes' && line !== 'y') return undefined;
    return (await readFile(secretFile, 'utf8')).trim();
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

type Echo = 'shown' | 'hidden';

/** Reads lines, one for each question. `undefined`: an empty line, or the input has ended. */
function lineReader(
  input: Readable & { readonly isTTY?: boolean },
  output: Writable,
): (prompt: string, echo: Echo, signal: AbortSignal) => Promise<string | undefined> {
  // Lines that were piped in before they were asked for.
  const early: string[] = [];
  let hasEnded = false;
  return (prompt, echo, signal) =>
    new Promise((resolve, reject) => {
      output.write(prompt);
      const next = early.shift();
      if (next !== undefined || hasEnded) {
        output.write('\n');
        resolve(next === '' ? undefined : next);
        return;
      }
      // Without an output, readline echoes nothing: not even in a terminal, which it puts into raw mode.
      const lines = createInterface({
        input,
        terminal: input.isTTY === true,
        ...(echo === 'shown' && input.isTTY === true ? { output } : {}),
        historySize: 0,
      });
      let answer: string | undefined;
      let isAnswered = false;
      const stop = (error: Error): void => {
        reject(error);
        lines.close();
      };
      lines.on('line', (line) => {
        if (isAnswered) {
          early.push(line.trim());
          return;
        }
        isAnswered = true;
        answer = line.trim();
        lines.close();
      });
      lines.once('SIGINT', () => stop(new Error('interrupted')));
      lines.once('close', () => {
        if (!isAnswered) hasEnded = true;
        if (echo === 'hidden' || input.isTTY !== true) output.write('\n');
        resolve(answer === '' ? undefined : answer);
      });
      signal.addEventListener('abort', () => stop(new Error('aborted')), { once: true });
      if (signal.aborted) stop(new Error('aborted'));
    });
}
