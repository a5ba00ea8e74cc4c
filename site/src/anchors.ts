import type { MarkdownRenderer } from 'vitepress';

const ANCHOR = /^<a id="([\w-]+)"><\/a>/;

/** Lets a page have `<a id="…"></a>`, which typedoc writes where its links lead. All other HTML is text. */
export function allowAnchors(md: MarkdownRenderer): void {
  md.inline.ruler.before('autolink', 'anchor', (state, silent) => {
    const [anchor] = ANCHOR.exec(state.src.slice(state.pos)) ?? [];
    if (anchor === undefined) return false;
    if (!silent) state.push('html_inline', '', 0).content = anchor;
    state.pos += anchor.length;
    return true;
  });
}
