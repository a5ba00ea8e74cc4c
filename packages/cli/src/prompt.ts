import { StringDecoder } from 'node:string_decoder';
import { CommandError } from './command-error.ts';
import type { Console } from './console.ts';

const ENTER = ['\r', '\n'];
const INTERRUPTED = '\u0003';
const END = '\u0004';
const ERASE = ['\u007f', '\b'];
/** What a shell reports for a command that Ctrl+C ended. */
const EXIT_INTERRUPTED = 130;

/**
 * Asks for a secret on the terminal, without showing what is typed. The question goes to stderr, so that the output can be redirected.
 *
 * @throws CommandError if it is interrupted or nothing is typed.
 */
export function promptSecret(question: string, { stdin, stderr }: Console): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let typed = '';
    stderr.write(question);
    stdin.setRawMode?.(true);
    stdin.on('data', onData);
    stdin.on('end', onEnd);
    stdin.resume();

    function onData(chunk: Buffer): void {
      for (const character of decoder.write(chunk)) {
        if (character === INTERRUPTED) {
          end(() => reject(new CommandError('Interrupted.', EXIT_INTERRUPTED)));
          return;
        }
        if (ENTER.includes(character) || character === END) {
          onEnd();
          return;
        }
        if (ERASE.includes(character)) typed = [...typed].slice(0, -1).join('');
        else typed += character;
      }
    }
    function onEnd(): void {
      const nothing = 'No secret was typed. Start again, or pass --secret-env or --secret-file.';
      end(typed === '' ? () => reject(new CommandError(nothing)) : () => resolve(typed));
    }
    function end(settle: () => void): void {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      stdin.setRawMode?.(false);
      stdin.pause();
      stderr.write('\n');
      settle();
    }
  });
}
