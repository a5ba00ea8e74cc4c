import { renderMermaidSVG } from 'beautiful-mermaid';
import type { MarkdownRenderer } from 'vitepress';

const COLORS = {
  ...{
    bg: 'var(--vp-c-bg)',
    fg: 'var(--vp-c-text-1)',
    line: 'var(--vp-c-text-3)',
    accent: 'var(--vp-c-brand-1)',
  },
  ...{ muted: 'var(--vp-c-text-2)', surface: 'var(--vp-c-bg-soft)', border: 'var(--vp-c-divider)' },
};

/** Draws `mermaid` blocks when the site is built: GitHub draws them itself, and a reader needs no script for them. */
export function renderDiagrams(md: MarkdownRenderer): void {
  const { fence } = md.renderer.rules;
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const token = tokens[index];
    if (token?.info.trim() !== 'mermaid') return fence?.(tokens, index, ...rest) ?? '';
    const svg = withoutFonts(renderMermaidSVG(token.content, COLORS));
    // As a string: the server and the browser must agree on the text of its <style>.
    const html = md.utils.escapeHtml(JSON.stringify(svg));
    return `<div class="diagram" role="img" aria-label="Diagram" tabindex="0" v-html="${html}"></div>\n`;
  };
}

/** The renderer asks a server for fonts. This site loads nothing from elsewhere. */
function withoutFonts(svg: string): string {
  return svg.replace(/@import url\([^)]*\);?/g, '');
}
