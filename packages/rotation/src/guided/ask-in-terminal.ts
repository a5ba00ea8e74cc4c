import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { checkKeys, configError } from '@countersign/core/extend';
import { nameOfError } from '../rotation-error.ts';
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

type Echo = 'shown' | 'hidden';
type Line = string | undefined;
type ReadLine = (prompt: string, echo: Echo, signal: AbortSignal) => Promise<Line>;
type Input = Readable & { readonly isTTY?: boolean };

/** Reads lines, one for each question. `undefined`: an empty line, or the input has ended. */
function lineReader(input: Input, output: Writable): ReadLine {
  const readLine = input.isTTY === true ? terminalReader(input, output) : pipeReader(input);
  return async (prompt, echo, signal) => {
    output.write(prompt);
    const line = (await readLine(echo, signal))?.trim();
    if (echo === 'hidden' || input.isTTY !== true) output.write('\n');
    return line === '' ? undefined : line;
  };
}

function terminalReader(input: Input, output: Writable): (echo: Echo, signal: AbortSignal) => Promise<Line> {
  return (echo, signal) =>
    new Promise((resolve, reject) => {
      // Without an output, readline echoes nothing, although it puts the terminal into raw mode.
      const lines = createInterface({
        input,
        terminal: true,
        historySize: 0,
        ...(echo === 'shown' ? { output } : {}),
      });
      const stop = (why: string): void => {
        reject(new Error(why));
        lines.close();
      };
      lines.once('line', (line) => {
        resolve(line);
        lines.close();
      });
      lines.once('SIGINT', () => stop('interrupted'));
      lines.once('close', () => resolve(undefined));
      signal.addEventListener('abort', () => stop('aborted'), { once: true });
      if (signal.aborted) stop('aborted');
    });
}

/** Lines may be piped in before they are asked for. */
function pipeReader(input: Input): (echo: Echo, signal: AbortSignal) => Promise<Line> {
  const decoder = new StringDecoder('utf8');
  let text = '';
  let hasEnded = false;
  let wake = (): void => undefined;
  input.on('data', (chunk: Buffer) => {
    text += decoder.write(chunk);
    wake();
  });
  input.once('end', () => {
    hasEnded = true;
    wake();
  });
  input.pause();
  const take = (): Line => {
    const [line = '', ...rest] = text.split('\n');
    text = rest.join('\n');
    return line;
  };
  return async (_echo, signal) => {
    input.resume();
    try {
      while (!text.includes('\n') && !hasEnded) {
        await new Promise<void>((resolve, reject) => {
          wake = resolve;
          const abort = (): void => reject(new Error('aborted'));
          signal.addEventListener('abort', abort, { once: true });
          if (signal.aborted) abort();
        });
      }
      return text === '' && hasEnded ? undefined : take();
    } finally {
      input.pause();
    }
  };
}
