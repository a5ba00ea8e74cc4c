import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/**
 * A Node.js that has `node:sqlite` and runs workerd's tools: this one, or the one that npm brings on Linux (x64). `undefined`: there is
 * none, which is said in a line, and is a failure where `CI` is set.
 */
export function modernNode(): string | undefined {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  try {
    const binary = join(dirname(require.resolve('node24-linux-x64/package.json')), 'bin/node');
    execFileSync(binary, ['--version']);
    return binary;
  } catch (error) {
    const said = 'Tests that need Node.js 22 or newer have none. Run the tests under one.';
    if ((process.env.CI ?? '') !== '') throw new Error(said, { cause: error });
    console.warn(`SKIPPED: ${said}`);
    return undefined;
  }
}
