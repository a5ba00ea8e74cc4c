import { type NpmBinary, npmBinary } from '../../support/servers/npm-binary.ts';

/** A runtime that runs programs for Node.js and is not Node.js. */
export type OtherRuntime = 'bun' | 'deno';

/** How to run a program in a runtime. */
export interface Runtime {
  readonly name: string;
  readonly binary: string;
  /** What comes before the program's file. */
  readonly args: readonly string[];
}

const { platform, arch } = process;
const onWindows = platform === 'win32';

const BINARIES: Readonly<Record<OtherRuntime, NpmBinary>> = {
  bun: {
    package: `@oven/bun-${onWindows ? 'windows' : platform}-${arch === 'arm64' ? 'aarch64' : arch}`,
    version: '1.4.5',
    path: onWindows ? 'bin/bun.exe' : 'bin/bun',
  },
  deno: {
    package: `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`,
    version: '2.9.6',
    path: onWindows ? 'deno.exe' : 'deno',
  },
};

/** A runtime that npm brings. It is downloaded once, and is no dependency: each takes about 100 MB. */
export async function runtimeOf(name: OtherRuntime): Promise<Runtime> {
  const { version } = BINARIES[name];
  const binary = await npmBinary(BINARIES[name]);
  return name === 'bun'
    ? { name: `Bun ${version}`, binary, args: [] }
    : { name: `Deno ${version}`, binary, args: ['run', '--allow-all', '--quiet'] };
}
