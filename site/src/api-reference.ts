import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Application, Converter, type TypeDocOptions } from 'typedoc';
import type { PluginOptions } from 'typedoc-plugin-markdown';
import { REPOSITORY } from '../../.ci/project.ts';
import { PACKAGES, ROOT } from './project.ts';

/** Writes the reference of all packages as Markdown: typedoc makes it from the sources. */
export async function writeApiReference(folder: string): Promise<void> {
  const entries = entryPoints();
  const options: TypeDocOptions & PluginOptions = {
    outputs: [{ name: 'markdown', path: folder }],
    ...{ name: 'API', entryPointStrategy: 'resolve', entryPoints: [...entries.keys()] },
    // The repository's own type check finds errors.
    ...{ tsconfig: join(ROOT, 'tsconfig.json'), basePath: ROOT, skipErrorChecking: true },
    ...{ plugin: ['typedoc-plugin-markdown'], readme: 'none', logLevel: 'Error', validation: false },
    ...{ disableGit: true, sourceLinkTemplate: `${REPOSITORY}/blob/HEAD/{path}#L{line}` },
    ...{ excludePrivate: true, excludeInternal: true, excludeExternals: true, sort: ['source-order'] },
    // For VitePress: one page for each entry, no HTML except anchors, and no navigation of its own.
    ...{ router: 'module', hidePageHeader: true, hideBreadcrumbs: true, useHTMLAnchors: true },
    ...{ entryFileName: 'index', fileExtension: '.md', sanitizeComments: true },
    ...{ parametersFormat: 'table', propertiesFormat: 'table', typeDeclarationFormat: 'table' },
  };
  const app = await Application.bootstrapWithPlugins(options as TypeDocOptions);
  // Without this, a page is named after its source: packages/core/src.
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) {
      const source = module.sources?.[0]?.fullFileName;
      module.name = entries.get(resolve(source ?? '')) ?? module.name;
    }
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('typedoc could not read the packages.');
  await app.generateOutputs(project);
}

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, { readonly 'countersign-source'?: string }>>;
}

/** The sources of what users import, with the name by which they import it. */
function entryPoints(): Map<string, string> {
  const entries = PACKAGES.flatMap((folder) => {
    const path = join(ROOT, folder, 'package.json');
    if (!existsSync(path)) return [];
    const { name, exports = {} } = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
    return Object.entries(exports).flatMap(([entry, { 'countersign-source': source }]) =>
      source === undefined ? [] : [[join(ROOT, folder, source), `${name}${entry.slice(1)}`] as const],
    );
  });
  return new Map(entries);
}
