import { readFile, stat } from 'node:fs/promises';
import { CommandError } from './command-error.ts';
import type { Console } from './console.ts';

/** The largest body or file that is read: far more than any sender sends. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Reads a file, or the standard input for `-`.
 *
 * @param what What the messages call it: `the body`.
 * @throws CommandError if it can't be read or is too large.
 */
export async function readInput(path: string, what: string, { stdin }: Console): Promise<Buffer> {
  if (path !== '-') return readFileBytes(path, what);
  if (stdin.isTTY === true)
    throw new CommandError(`"-" reads ${what} from another command: pipe it in, or pass the path of a file.`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    size += chunk.length;
    if (size > MAX_BYTES) throw tooLarge(what);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

async function readFileBytes(path: string, what: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw tooLarge(what);
    return await readFile(path);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const why =
      { ENOENT: 'There is no such file', EISDIR: 'It is a folder', EACCES: 'Its permissions forbid it' }[
        code ?? ''
      ] ?? `The error is ${code}`;
    throw new CommandError(`The file "${path}" with ${what} can't be read. ${why}. Check the path.`);
  }
}

function tooLarge(what: string): CommandError {
  return new CommandError(`The input with ${what} is larger than 256 MiB. Pass a smaller one.`);
}
