import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from '@countersign/cli';
import { PUBLIC_URL } from './receivers/ours.ts';

/** A row as `--json` prints it. */
interface JsonRow {
  readonly name: string;
  readonly group: string;
  readonly severity: string;
  readonly title: string;
  readonly verdict: 'ok' | 'fault' | 'not judged';
  readonly seen: string;
  readonly runsJudged?: boolean;
  readonly why: string;
  readonly fix: string;
}

/** What `--json` prints. */
export interface JsonReport {
  readonly version: number;
  readonly sender: string;
  readonly to: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly requests: number;
  readonly runsCounted: boolean;
  readonly settleMs?: number;
  readonly summary: { readonly ok: number; readonly fault: number; readonly notJudged: number };
  readonly rows: readonly JsonRow[];
  readonly notApplicable: readonly string[];
}

/** Runs the command line in this process. */
export async function command(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const console = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), env };
  const texts = [console.stdout, console.stderr].map(async (stream) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  });
  const exitCode = await run(args, console);
  console.stdout.end();
  console.stderr.end();
  const [stdout = '', stderr = ''] = await Promise.all(texts);
  return { exitCode, stdout, stderr };
}

/** Checks a receiver and returns its report. The short wait is enough for receivers that run before they respond. */
export async function checked(
  sender: string,
  port: number,
  options: {
    readonly secret: string;
    readonly previous?: string | undefined;
    readonly ran?: string | undefined;
    readonly path?: string;
    readonly more?: readonly string[];
  },
): Promise<JsonReport> {
  const { secret, previous, ran, path = '/hooks', more = [] } = options;
  const args = [
    'check',
    sender,
    '--to',
    `http://127.0.0.1:${port}${path}`,
    '--secret-env',
    'SECRET',
    '--json',
    '--public-url',
    PUBLIC_URL,
  ];
  // No verdict may depend on how busy this machine is.
  args.push('--timeout', '90000', '--budget', '900000');
  if (ran !== undefined) args.push('--ran', ran, '--settle', '15');
  const env = { SECRET: secret, ...(previous === undefined ? {} : { SECRET_PREVIOUS: previous }) };
  const { stdout, stderr } = await command([...args, ...more], env);
  if (stdout === '') throw new Error(`no report: ${stderr}`);
  return JSON.parse(stdout);
}

/** The names of the rows that found a fault, with what was seen. */
export function faultsOf({ rows }: JsonReport): Record<string, string> {
  return Object.fromEntries(
    rows.filter(({ verdict }) => verdict === 'fault').map(({ name, seen }) => [name, seen]),
  );
}

/** Gives a folder for the files of one check, and removes it. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-check-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes a file into a folder. */
export async function fileIn(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}
