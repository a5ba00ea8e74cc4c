/** The values of a page's front matter that the site reads. */
export interface FrontMatter {
  readonly order?: number;
  readonly title?: string;
}

const FRONT_MATTER = /^---\n([\s\S]*?\n)?---\n/;

/** The front matter of a page. Only lines of the form `name: value` are read. */
export function frontMatterOf(markdown: string): FrontMatter {
  const [, block = ''] = FRONT_MATTER.exec(markdown) ?? [];
  const values = new Map(
    [...block.matchAll(/^(\w+):[ \t]*(.+?)[ \t]*$/gm)].map(([, name, value = '']) => [
      name,
      value.replace(/^(['"])(.*)\1$/, '$2'),
    ]),
  );
  const order = Number(values.get('order'));
  const title = values.get('title');
  return {
    ...(values.has('order') && Number.isFinite(order) ? { order } : {}),
    ...(title === undefined ? {} : { title }),
  };
}

export function withoutFrontMatter(markdown: string): string {
  return markdown.replace(FRONT_MATTER, '');
}

/** The first heading, as text. */
export function titleOf(markdown: string, fallback: string): string {
  const { title } = frontMatterOf(markdown);
  const heading = headingsOf(markdown).find(({ level }) => level === 1);
  return title ?? heading?.text ?? fallback;
}

/** The first paragraph after the first heading, as text on one line. */
export function summaryOf(markdown: string): string {
  const [, afterHeading = ''] = withoutFrontMatter(markdown).split(/^# .*$/m);
  const paragraph = afterHeading
    .split(/\n{2,}/)
    .map((each) => each.trim())
    .find((each) => /^[A-Z0-9`*[]/.test(each));
  return plainText((paragraph ?? '').replace(/\s+/g, ' '));
}

interface Heading {
  readonly level: number;
  readonly text: string;
  /** What a link to it has after `#`, on GitHub and on the site. */
  readonly anchor: string;
}

export function headingsOf(markdown: string): Heading[] {
  const seen = new Map<string, number>();
  return [...withoutCode(withoutFrontMatter(markdown)).matchAll(/^(#{1,6}) (.+?)[ #]*$/gm)].map(
    ([, marks = '', raw = '']) => {
      const text = plainText(raw);
      const slug = slugOf(text);
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return { level: marks.length, text, anchor: count === 0 ? slug : `${slug}-${count}` };
    },
  );
}

/** The anchor that GitHub gives a heading. The site uses the same, so that a link works in both. */
export function slugOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}

function plainText(markdown: string): string {
  return markdown
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/`([^`]*)`/g, '$1')
    .replace(/\*\*?([^*]+)\*\*?/g, '$1')
    .replace(/\\([^\w\s])/g, '$1')
    .trim();
}

const FENCE = /^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1\2[`~]* *$/gm;

/** As many backticks at its end as at its beginning. It stays in its paragraph. */
const CODE_SPAN = /(?<!`)(`+)(?!`)(?:(?!\n\n)[\s\S])+?(?<!`)\1(?!`)/g;

/** Removes fenced code: what looks like a heading or a link there is none. */
function withoutCode(markdown: string): string {
  return markdown.replace(FENCE, '');
}

/** Changes the text outside of fenced and inline code. */
export function outsideCode(markdown: string, change: (text: string) => string): string {
  const code: string[] = [];
  const keep = (text: string) => `\0${code.push(text) - 1}\0`;
  const prose = markdown.replace(FENCE, keep).replace(CODE_SPAN, keep);
  let changed = change(prose);
  // Inline code may contain a kept fence.
  while (changed.includes('\0'))
    changed = changed.replace(/\0(\d+)\0/g, (_, index) => code[Number(index)] ?? '');
  return changed;
}
