import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What the numbers depend on: the machine, the versions, the commit. */
export function describeRun(): string[] {
  const processors = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return [
    `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown processor'}, ${gigabytes} GiB, ${type()} ${release()}`,
    `Node ${process.versions.node}, OpenSSL ${process.versions.openssl}, V8 ${process.versions.v8}`,
    `Commit ${commit()}, ${new Date().toISOString().slice(0, 10)}`,
    `Peers: ${peers().join(', ')}`,
  ];
}

/** A copy without a repository has no commit; the numbers are good all the same. */
function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', ':!bench/results');
    return `${git('rev-parse', '--short=12', 'HEAD')}${changed === '' ? '' : ' with changes'}`;
  } catch {
    return 'unknown';
  }
}

function peers(): string[] {
  const { devDependencies } = readJson(join(root, 'bench/package.json')) as {
    devDependencies: Record<string, string>;
  };
  const require = createRequire(join(root, 'bench/package.json'));
  return Object.entries(devDependencies).flatMap(([name]) => {
    if (/^@(countersign|countersign-internal|types)\/|^(echarts|vitest|reflect-metadata)$/.test(name))
      return [];
    const home = (require.resolve.paths(name) ?? []).map((path) => join(path, name, 'package.json'));
    for (const path of home) {
      try {
        return [`${name} ${(readJson(path) as { version: string }).version}`];
      } catch {
        // Installed further up.
      }
    }
    return [];
  });
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
