/** The page's script and style, ready to be inlined. */
export interface PageSource {
  readonly script: string;
  readonly style: string;
}

/**
 * Builds the page from its sources. Only code that runs from the sources does it: in the published package, this file contains the
 * finished page (see `.ci/build.mjs`).
 */
export async function pageSource(): Promise<PageSource> {
  const { buildPage } = await import('../page/build.mjs');
  return buildPage();
}
