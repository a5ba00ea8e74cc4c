import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

type Echo = 'shown' | 'hidden';
type Line = string | undefined;
type Input = Readable & { readonly isTTY?: boolean };

/** Asks for one line. Resolves with `undefined` if it is empty or the input has ended. */
export type ReadLine = (question: string, echo: Echo, signal: AbortSignal) => Promise<string | undefined>;

/**
 * Reads lines from a person, one for each question. What is typed after a `hidden` question is not shown. Lines may also be piped in.
 * What it returns rejects on Ctrl+C, and if the signal aborts.
 *
 * @example
 * ```ts
 * const readLine = terminalLines(process.stdin, process.stderr)
 * const secret = await readLine('Secret (not shown): ', 'hidden', signal)
 * ```
 */
export function terminalLines(input: Input, output: Writable): ReadLine {
  const readLine = input.isTTY === true ? terminalReader(input, output) : pipeReader(input);
  return async (question, echo, signal) => {
    // The terminal stops its echo before the question: a secret may be pasted at once.
    const reading = readLine(echo, signal);
    output.write(question);
    try {
      const line = await reading;
      return line?.trim() === '' ? undefined : line;
    } finally {
      if (echo === 'hidden' || input.isTTY !== true) output.write('\n');
    }
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
