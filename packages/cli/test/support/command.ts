import { type ChildProcess, spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/index.ts';

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The output as it was, if it is not text. */
  readonly bytes: Buffer;
}

interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
}

const BIN = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));
const TSX = import.meta.resolve('tsx');

/** What `node` needs to run the command from its sources. */
export const NODE_ARGS: readonly string[] = ['--conditions=countersign-source', `--import=${TSX}`, BIN];

/** Starts the command in a process of its own, without the variables of this process that could change its output. */
export function start(args: readonly string[], { env = {} }: Given = {}): ChildProcess {
  const { NODE_OPTIONS: _, FORCE_COLOR: __, NO_COLOR: ___, ...own } = process.env;
  return spawn(process.execPath, [...NODE_ARGS, ...args], { env: { ...own, ...env } });
}

/** Runs the command in a process of its own. */
export async function countersign(args: readonly string[], given: Given = {}): Promise<Ended> {
  const child = start(args, given);
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(given.input ?? '');
  return ended(child);
}

/** Waits for the end of a started command. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const bytes = Buffer.concat(stdout);
  return { code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(stderr).toString() };
}

/** Runs the command in this process, with streams of its own: the same program, in a fraction of the time. */
export async function inProcess(
  args: readonly string[],
  { env = {}, input = '' }: Given = {},
): Promise<Ended> {
  const stdin = new PassThrough();
  stdin.end(input);
  const out = collector();
  const err = collector();
  const code = await run(args, { stdin, stdout: out.stream, stderr: err.stream, env });
  const bytes = out.bytes();
  return { code, bytes, stdout: bytes.toString(), stderr: err.bytes().toString() };
}

function collector(): { stream: PassThrough; bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, bytes: () => Buffer.concat(chunks) };
}
