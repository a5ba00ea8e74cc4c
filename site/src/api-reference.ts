import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Application, type TypeDocOptions } from 'typedoc';
import type { PluginOptions } from 'typedoc-plugin-markdown';
import { PACKAGES, REPOSITORY, ROOT } from './project.ts';

/** Writes the reference of all packages, which typedoc makes from the sources, as Markdown. */
export async function writeApiReference(folder: string): Promise<void> {
  const options: TypeDocOptions & PluginOptions = {
    outputs: [{ name: 'markdown', path: folder }],
    ...{ name: 'API', entryPointStrategy: 'resolve', entryPoints: entryPoints() },
    ...{ tsconfig: join(ROOT, 'tsconfig.json'), basePath: ROOT, skipErrorChecking: true },
    ...{ plugin: ['typedoc-plugin-markdown'], readme: 'none', logLevel: 'Error' },
    ...{ disableGit: true, sourceLinkTemplate: `${REPOSITORY}/blob/HEAD/{path}#L{line}` },
    ...{ excludePrivate: true, excludeInternal: true, excludeExternals: true, disableSources: false },
    ...{ validation: false, excludeNotDocumented: false, sort: ['source-order'] },
    // For VitePress: one page for each entry, no HTML, and no navigation of its own.
    ...{ router: 'module', hidePageHeader: true, hideBreadcrumbs: true, useHTMLAnchors: false },
    ...{ entryFileName: 'index', fileExtension: '.md', sanitizeComments: true },
    ...{ parametersFormat: 'table', propertiesFormat: 'table', typeDeclarationFormat: 'table' },
  };
  const app = await Application.bootstrapWithPlugins(options as TypeDocOptions);
  const project = await app.convert();
  if (project === undefined) throw new Error('typedoc could not read the packages.');
  await app.generateOutputs(project);
}

/** The sources of what users import from each package. */
function entryPoints(): string[] {
  return PACKAGES.flatMap((folder) => {
    const manifest = join(ROOT, folder, 'package.json');
    if (!existsSync(manifest)) return [];
    const { exports = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      exports?: Record<string, unknown>;
    };
    return Object.values(exports).flatMap((targets) => {
      const source = (targets as { 'countersign-source'?: string })['countersign-source'];
      return source === undefined ? [] : [join(ROOT, folder, source)];
    });
  });
}
