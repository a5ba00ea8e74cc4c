import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { run } from '@countersign/cli';

/** Runs a command line of a page, `npx @countersign/cli …`, in a folder and against the port of this test. */
export async function runCommandLine(
  line: string,
  { folder, port, env = {} }: { folder: string; port: number; env?: Readonly<Record<string, string>> },
): Promise<{ code: number; output: string }> {
  const args = line
    .replace(/^npx @countersign\/cli /, '')
    .replace(/\/\/localhost:\d+/, `//127.0.0.1:${port}`)
    .replace(/--secret-file (\S+)/, (_, file) => `--secret-file ${join(folder, file)}`)
    .split(/\s+/);
  const stdout = new PassThrough();
  const output = text(stdout);
  const code = await run(args, { stdin: new PassThrough(), stdout, stderr: stdout, env });
  stdout.end();
  return { code, output: await output };
}
