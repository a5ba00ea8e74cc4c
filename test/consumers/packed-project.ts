import { execFile } from 'node:child_process';
import { cp, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGES, ROOT } from './packages.ts';

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url));
const NPM_INSTALL = [
  'install',
  '--no-audit',
  '--no-fund',
  '--no-package-lock',
  '--ignore-scripts',
  '--prefer-offline',
];

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  /** A folder of the project. */
  readonly in?: string;
  /** The runtime. Default: this one. */
  readonly binary?: string;
}

/** A project of a user, who installed this repository's packages as they would be published. */
export interface PackedProject {
  readonly folder: string;
  /** The dependencies that lead to the tarballs. */
  readonly tarballs: Readonly<Record<string, string>>;
  /** Copies a fixture into the project, as the folder of its name. */
  addFixture(name: string): Promise<void>;
  /** Runs a command of an installed package through npm, as `npx` does. @throws {@link CommandFailed} */
  npx(args: readonly string[]): Promise<Output>;
  /** Runs a JavaScript file of the project in a process of its own. @throws {@link CommandFailed} */
  node(args: readonly string[], options?: RunOptions): Promise<Output>;
  remove(): Promise<void>;
}

/** That npm could not reach its registry, which says nothing about the packages. */
export class RegistryUnreachable extends Error {}

/** That a command ended with anything but 0. */
export class CommandFailed extends Error {
  readonly output: string;

  constructor(
    command: string,
    readonly code: unknown,
    { stdout, stderr }: Output,
  ) {
    const output = `${stdout}\n${stderr}`.trim();
    super(`${command} failed (${code})\n${output}`);
    this.output = output;
  }
}

/**
 * Installs the packages' tarballs beside the given dependencies into a new temporary project.
 *
 * @param packed The tarballs. By default, the packages are built and packed, and the tarballs are removed with the project.
 */
export async function packedProject(
  dependencies: Readonly<Record<string, string>>,
  packed?: PackedProject['tarballs'],
): Promise<PackedProject> {
  // Not the path of a link: Node reports real paths.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'countersign-consumer-')));
  const addFixture = (name: string) => cp(join(FIXTURES, name), join(folder, name), { recursive: true });
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  let tarballs: PackedProject['tarballs'];
  try {
    tarballs = packed ?? (await pack(folder));
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ private: true, dependencies: { ...dependencies, ...tarballs } }),
    );
    await install(folder);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    folder,
    tarballs,
    addFixture,
    npx: (args) => npm(['exec', '--offline', '--', ...args], folder),
    node: (args, options = {}) =>
      run(options.binary ?? process.execPath, args, join(folder, options.in ?? '.')),
    remove,
  };
}

/** Builds the packages, and packs them into a folder. */
async function pack(folder: string): Promise<Record<string, string>> {
  // One at a time: other tests need the processors too.
  await run(
    process.execPath,
    ['--env-file=.ci/turbo.env', 'node_modules/turbo/bin/turbo', 'run', 'build', '--concurrency=1'],
    ROOT,
  );
  const workspaces = PACKAGES.map((path) => `--workspace=${path}`);
  const { stdout } = await npm(['pack', '--json', '--pack-destination', folder, ...workspaces], ROOT);
  const packed: { name: string; filename: string }[] = Object.values(JSON.parse(stdout));
  return Object.fromEntries(packed.map(({ name, filename }) => [name, `file:${join(folder, filename)}`]));
}

async function install(folder: string): Promise<void> {
  try {
    await npm(NPM_INSTALL, folder);
  } catch (error) {
    // Without a registry npm may well report a conflict between peers.
    await npm(['view', 'npm', 'version', '--prefer-online', '--fetch-retries=0'], folder).catch((cause) => {
      throw new RegistryUnreachable("npm can't reach its registry", { cause });
    });
    throw error;
  }
}

function npm(args: readonly string[], cwd: string): Promise<Output> {
  const cli = process.env.npm_execpath;
  return cli?.includes('npm-cli') ? run(process.execPath, [cli, ...args], cwd) : run('npm', args, cwd);
}

function run(file: string, args: readonly string[], cwd: string): Promise<Output> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd, env: userEnv(), maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else
        reject(new CommandFailed([file, ...args].join(' '), error.code ?? error.signal, { stdout, stderr }));
    });
  });
}

/** The environment without what npm and the test runner tell the processes that they start about this repository. */
function userEnv(): NodeJS.ProcessEnv {
  const ours =
    /^(?:NODE_OPTIONS|NODE_ENV|INIT_CWD|VITEST.*|npm_(?:package|lifecycle|command|config_local_prefix).*)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
