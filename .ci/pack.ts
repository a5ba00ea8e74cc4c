// Packs the built packages as they are published. The links of their READMEs become absolute on the way, in
// a copy: packing changes no file of the repository.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { registryReadme } from './registry-readme.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const ALWAYS_PACKED = ['package.json', 'README.md', 'LICENSE'];

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
}

interface Packed {
  readonly name: string;
  readonly manifest: Manifest;
  /** The path of the tarball. */
  readonly tarball: string;
  /** What `npm pack` reports. */
  readonly report: PackReport;
}

interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** Packs all packages into a folder. */
export function packAll(destination: string): Packed[] {
  mkdirSync(destination, { recursive: true });
  const staging = mkdtempSync(join(tmpdir(), 'countersign-staging-'));
  try {
    return readdirSync(join(root, 'packages')).map((name) => {
      const folder = `packages/${name}`;
      const manifest = stage(folder, join(staging, name));
      const [report] = Object.values<PackReport>(
        JSON.parse(npm(['pack', '--json', '--pack-destination', destination], join(staging, name))),
      );
      if (report === undefined) throw new Error(`npm packed nothing in ${folder}.`);
      return { name: manifest.name, manifest, tarball: join(destination, report.filename), report };
    });
  } finally {
    rmSync(staging, { recursive: true });
  }
}

/** Copies what a package publishes, and returns its manifest. */
function stage(folder: string, staged: string): Manifest {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  for (const path of [...ALWAYS_PACKED, ...manifest.files])
    cpSync(join(root, folder, path), join(staged, path), { recursive: true });
  const readme = readFileSync(join(root, folder, 'README.md'), 'utf8');
  writeFileSync(join(staged, 'README.md'), registryReadme(readme, folder));
  return manifest;
}

function npm(args: readonly string[], cwd: string): string {
  const cli = process.env.npm_execpath;
  const [file, before] = cli?.includes('npm-cli') ? [process.execPath, [cli]] : ['npm', []];
  return execFileSync(file, [...before, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
