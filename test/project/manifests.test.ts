import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFields, REPOSITORY, SITE } from '../../.ci/project.ts';
import { PACKAGES, ROOT } from '../consumers/packages.ts';

const manifestIn = (folder: string) => JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
const readmeIn = (folder: string) => readFileSync(join(ROOT, folder, 'README.md'), 'utf8');
const versions = new Set(PACKAGES.map((folder) => manifestIn(folder).version));

test.each(PACKAGES)('the manifest of %s says what a registry shows', (folder) => {
  const manifest = manifestIn(folder);
  expect(manifest).toMatchObject(projectFields(folder));
  expect(manifest.name).toBe(`@countersign/${folder.replace('packages/', '')}`);
  expect(manifest.description).toMatch(/^\S.{20,}/);
  expect(manifest.keywords).toEqual(expect.arrayContaining(['webhook', 'webhooks']));
  expect(manifest.engines).toEqual(manifestIn('.').engines);
  expect(manifest.sideEffects).toBe(false);
  expect(manifest.publishConfig).toEqual({ access: 'public' });
});

test.each(PACKAGES)('%s has the version of all packages, and a changelog for it', (folder) => {
  const { name, version } = manifestIn(folder);
  expect([...versions]).toEqual([version]);
  const changelog = readFileSync(join(ROOT, folder, 'CHANGELOG.md'), 'utf8');
  expect(changelog).toMatch(new RegExp(`^# ${name}\n\n## ${version.replaceAll('.', '\\.')}\n`));
});

test.each(PACKAGES)('the first command in the README of %s installs it', (folder) => {
  const [, first = ''] = /^```sh\n(.*?)\n/ms.exec(readmeIn(folder)) ?? [];
  expect(first).toMatch(/^(?:npm install|npx) /);
  expect(first.split(' ')).toContain(manifestIn(folder).name);
});

test('changesets release all packages together, and nothing else', () => {
  const config = JSON.parse(readFileSync(join(ROOT, '.changeset/config.json'), 'utf8'));
  expect(config.fixed).toEqual([PACKAGES.map((folder) => manifestIn(folder).name).sort()]);
  expect(config).toMatchObject({ access: 'public', privatePackages: { version: false, tag: false } });
});

test('each changeset names packages that exist', () => {
  const folder = join(ROOT, '.changeset');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md')) {
    const [, header = '', text = ''] =
      /^---\n(.*?)---\n(.*)$/s.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
    for (const line of header.trim().split('\n').filter(Boolean)) {
      const [, name = '', kind = ''] = /^'(.+)': (\w+)$/.exec(line) ?? [];
      expect(
        PACKAGES.map((each) => manifestIn(each).name),
        file,
      ).toContain(name);
      expect(['patch', 'minor', 'major'], file).toContain(kind);
    }
    expect(text.trim(), file).toMatch(/\.$/);
  }
});

/** Files in which an old address would hide. */
const TRACKED = execFileSync('git', ['ls-files', '*.md', '*.yml', '*.ts', '*.mjs', '*.json'], {
  cwd: ROOT,
  encoding: 'utf8',
}).split('\n');

test('each mention of the repository and of the site is the one that .ci/project.ts defines', () => {
  const others = TRACKED.filter((path) => path !== '' && existsSync(join(ROOT, path))).flatMap((path) =>
    [
      ...readFileSync(join(ROOT, path), 'utf8').matchAll(
        /https:\/\/(?:github\.com\/\w+\/|\w+\.github\.io\/)countersign\b\/?/g,
      ),
    ]
      .map(([url]) => url)
      .filter((url) => !`${REPOSITORY}/`.startsWith(url) && url !== SITE)
      .map((url) => `${path}: ${url}`),
  );
  expect(others).toEqual([]);
});
