import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { REPOSITORY } from '../../.ci/project.ts';
import { registryReadme, relativeLinks } from '../../.ci/registry-readme.ts';
import { PACKAGES, ROOT } from '../consumers/packages.ts';

const AT = 'packages/express';
const published = (text: string) => registryReadme(text, AT);

describe('a README on a registry', () => {
  it('links to files of the repository by absolute URLs, with their anchors', () => {
    expect(published('[terms](../../docs/glossary.md#claim).')).toBe(
      `[terms](${REPOSITORY}/blob/HEAD/docs/glossary.md#claim).`,
    );
  });

  it('links to folders', () => {
    expect(published('[an app](../../examples/express)')).toBe(
      `[an app](${REPOSITORY}/tree/HEAD/examples/express)`,
    );
  });

  it('shows images', () => {
    expect(published('![page](../../docs/inspector.png)')).toBe(
      `![page](${REPOSITORY}/raw/HEAD/docs/inspector.png)`,
    );
  });

  it('keeps anchors of its own, and links to other sites', () => {
    const text = '[below](#options), [Node](https://nodejs.org/), [mail](mailto:a@b.example)';
    expect(published(text)).toBe(text);
  });

  it('keeps code, and finds links whose text contains code', () => {
    expect(published('`[a](../core)` [`fleet()`](../rotation/README.md) `x`')).toBe(
      `\`[a](../core)\` [\`fleet()\`](${REPOSITORY}/blob/HEAD/packages/rotation/README.md) \`x\``,
    );
    const fence = '```ts\nconst a = [b](../core);\n```\n';
    expect(published(fence)).toBe(fence);
  });

  it('names a link that leads nowhere', () => {
    expect(() => published('[a](../gone.md)')).toThrow('gone.md');
    expect(() => published('[a](../../../elsewhere.md)')).toThrow('outside of the repository');
  });

  it('is searched for links that are left, in each way to write one', () => {
    const text =
      '[a](./a.md) [b](<b.md>)\n[c]: ../c.md\n<img src="d.png">\n[e](https://e.example) [f](#f) `[g](g.md)`';
    expect(relativeLinks(text)).toEqual(['./a.md', 'b.md', '../c.md', 'd.png']);
  });
});

test.each(PACKAGES)('no link in the README of %s leads nowhere on a registry', (folder) => {
  const text = registryReadme(readFileSync(join(ROOT, folder, 'README.md'), 'utf8'), folder);
  expect(relativeLinks(text)).toEqual([]);
  const targets = [...text.matchAll(/\((https:[^)\s]+)\)/g)].map(([, url = '']) => url);
  const ours = targets.filter((url) => url.startsWith(`${REPOSITORY}/`));
  const missing = ours.filter((url) => {
    const [path = ''] = url
      .slice(REPOSITORY.length)
      .replace(/^\/(?:blob|tree|raw)\/HEAD\//, '')
      .split('#');
    return !existsSync(join(ROOT, path));
  });
  expect(missing).toEqual([]);
});
