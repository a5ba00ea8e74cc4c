// Makes the links of a package's README absolute. In the repository they are relative, so that they work on any branch and the tests can
// follow them. A registry shows the README on a page of its own, where a relative link leads nowhere.
import { statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REPOSITORY } from './project.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

// What stands in a fence or between backticks is code, and stays.
const CODE = /^```.*?^```|`[^`\n]*`/gms;
const LINK = /(!?\[(?:[^[\]]|\[[^\]]*\])*\]\()([^)\s]+)(\))/g;

/** The README of a package in `folder` (from the root), as the registry shows it. */
export function registryReadme(text: string, folder: string): string {
  const code: string[] = [];
  const prose = text.replace(CODE, (each) => `\0${code.push(each) - 1}\0`);
  return prose
    .replace(LINK, (link: string, before: string, target: string, after: string) =>
      isRelative(target) ? `${before}${absolute(target, folder, before.startsWith('!'))}${after}` : link,
    )
    .replace(/\0(\d+)\0/g, (_, index: string) => code[Number(index)] ?? '');
}

/** The links of a README that work only inside the repository. */
export function relativeLinks(text: string): string[] {
  const prose = text.replace(CODE, '');
  return [...prose.matchAll(/\]\(\s*<?([^)\s>]+)|^\[[^\]]+\]:\s*<?(\S+)|\b(?:src|href)="([^"]+)"/gm)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? '')
    .filter(isRelative);
}

/** An anchor of the same page works everywhere. */
function isRelative(target: string): boolean {
  return !/^(?:[a-z][a-z0-9+.-]*:|\/\/|#)/i.test(target);
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
