import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The TypeScript files below a folder, as paths from the root. */
export function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : filesIn(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

export function linesOf(path: string): number {
  return readFileSync(join(ROOT, path), 'utf8').trimEnd().split('\n').length;
}

/** What a file imports by relative paths, types included. */
function importsOf(path: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, path), 'utf8'), true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => normalize(join(dirname(path), fileName)));
}

/** Which of the files import each of them; the doors of a package count as files. */
export function importersOf(paths: readonly string[]): Map<string, string[]> {
  const importers = new Map<string, string[]>(paths.map((path) => [path, []]));
  for (const path of paths)
    for (const imported of new Set(importsOf(path))) importers.get(imported)?.push(path);
  return importers;
}

/** Files that import each other in a circle, each circle once: the strongly connected components of the imports (Tarjan). */
export function circlesIn(paths: readonly string[]): string[][] {
  const known = new Set(paths);
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (path: string): number => {
    const number = order.size;
    order.set(path, number);
    lowest.set(path, number);
    stack.push(path);
    for (const imported of importsOf(path)) {
      if (!known.has(imported)) continue;
      if (!order.has(imported)) lowest.set(path, Math.min(lowest.get(path) ?? 0, visit(imported)));
      else if (stack.includes(imported))
        lowest.set(path, Math.min(lowest.get(path) ?? 0, order.get(imported) ?? 0));
    }
    if (lowest.get(path) === number) {
      const circle = stack.splice(stack.indexOf(path));
      if (circle.length > 1) circles.push(circle);
    }
    return lowest.get(path) ?? 0;
  };
  for (const path of paths) if (!order.has(path)) visit(path);
  return circles;
}
