// Makes the links of a package's README absolute. In the repository they are relative, so that they work on any branch and the tests can
// follow them. A registry shows the README on a page of its own, where a relative link leads nowhere.
import { statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRelative } from '../site/src/links.ts';
import { outsideCode } from '../site/src/markdown.ts';
import { REPOSITORY } from './project.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

const LINK = /(!?\[(?:[^[\]]|\[[^\]]*\])*\]\()([^)\s]+)(\))/g;

/** The README of a package in `folder` (from the root), as the registry shows it. */
export function registryReadme(text: string, folder: string): string {
  return outsideCode(text, (prose) =>
    prose.replace(LINK, (link: string, before: string, target: string, after: string) =>
      isRelative(target) ? `${before}${absolute(target, folder, before.startsWith('!'))}${after}` : link,
    ),
  );
}

/** The links of a README that work only inside the repository. */
export function relativeLinks(text: string): string[] {
  const targets: string[] = [];
  outsideCode(text, (prose) => {
    for (const match of prose.matchAll(
      /\]\(\s*<?([^)\s>]+)|^\[[^\]]+\]:\s*<?(\S+)|\b(?:src|href)="([^"]+)"/gm,
    ))
      targets.push(match[1] ?? match[2] ?? match[3] ?? '');
    return prose;
  });
  return targets.filter(isRelative);
}

function absolute(target: string, folder: string, isImage: boolean): string {
  const [path = '', anchor] = target.split('#');
  const file = posix.join(folder, path);
  if (file.startsWith('..'))
    throw new Error(`${folder}/README.md links to ${target}, outside of the repository.`);
  // GitHub resolves HEAD to the default branch.
  let kind = statSync(join(root, file)).isDirectory() ? 'tree' : 'blob';
  if (isImage) kind = 'raw';
  return `${REPOSITORY}/${kind}/HEAD/${file}${anchor === undefined ? '' : `#${anchor}`}`;
}
