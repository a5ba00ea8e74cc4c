import { npmBinary } from './npm-binary.ts';

/**
 * A Node.js that has `node:sqlite` and runs workerd's tools: this one, or one that npm brings. It is not a dependency, because
 * its command `node` would then come before this one on the path of every script. `undefined`: there is none, which is said in a
 * line, and is a failure if `CI` is set.
 *
 * @param version The one that npm brings.
 */
export async function modernNode(version = '24.22.3'): Promise<string | undefined> {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  try {
    return await npmBinary({
      package: `node-${process.platform}-${process.arch}`,
      version,
      path: 'bin/node',
    });
  } catch (error) {
    const said = 'Tests that need Node.js 22 or newer have none. Run the tests under one.';
    if ((process.env.CI ?? '') !== '') throw new Error(said, { cause: error });
    console.warn(`SKIPPED: ${said}`);
    return undefined;
  }
}
