import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, startBrowser } from '../../packages/inspector/test/support/browser.ts';
import { chaptersOf, linkOf } from '../../site/src/navigation.ts';
import { allPages } from '../../site/src/pages.ts';
import { SITE } from '../../site/src/project.ts';
import { brokenReferences, externalAssets, htmlFiles } from '../../site/src/references.ts';
import { siteListener } from '../../site/src/serve.ts';
import { ROOT } from '../consumers/packages.ts';
import { listen } from '../support/listen.ts';
import { describeWith } from '../support/servers/available.ts';

// What functions use that run in the page.
declare const document: {
  readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number };
  readonly body: object;
};
declare const getComputedStyle: (element: object) => { readonly backgroundColor: string };

const WORK = join(ROOT, 'site/dist/test');
const built = join(WORK, 'site');
const pages = allPages();

async function docs(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import=tsx', 'site/src/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, SITE_WORK: WORK, NODE_ENV: 'production' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  return { code, output };
}

test('an unknown docs command lists the known ones', async () => {
  expect(await docs('bulid')).toEqual({
    code: 2,
    output: 'There is no docs command "bulid". There are: build, dev, preview, measure.\n',
  });
});

describe('the navigation', () => {
  test('has every page exactly once, and the home page is above it', () => {
    const shown = chaptersOf(pages).flatMap((chapter) => chapter.pages.map(({ place }) => place));
    const all = pages.map(({ place }) => place).filter((place) => place !== 'index.md');
    expect(shown.sort()).toEqual(all.sort());
    expect(pages.some(({ place }) => place === 'index.md')).toBe(true);
  });

  test('every page has a title, which is its first heading', () => {
    expect(pages.filter(({ title, place }) => title === place || title === '')).toEqual([]);
  });
});

describe('the built site', () => {
  beforeAll(async () => {
    rmSync(WORK, { recursive: true, force: true });
    const { code, output } = await docs('build', '--without-api');
    expect(code, output).toBe(0);
  });
  afterAll(() => rmSync(WORK, { recursive: true, force: true }));

  test('has a page for each Markdown page, and its Markdown beside it', () => {
    expect(htmlFiles(built)).toEqual(pages.map(({ place }) => place.replace(/\.md$/, '.html')).sort());
    expect(pages.filter(({ place }) => !existsSync(join(built, place)))).toEqual([]);
  });

  test('no link leads nowhere, and no anchor is missing', () => {
    expect(brokenReferences(built)).toEqual([]);
  });

  test('loads nothing from elsewhere', () => {
    expect(htmlFiles(built).flatMap((page) => externalAssets(built, page))).toEqual([]);
  });

  test('llms.txt lists every page, and llms-full.txt has their text', () => {
    const list = readFileSync(join(built, 'llms.txt'), 'utf8');
    const full = readFileSync(join(built, 'llms-full.txt'), 'utf8');
    for (const { place, title } of pages.filter(({ place }) => place !== 'index.md')) {
      expect(list).toContain(`[${title}](${SITE}${place})`);
      expect(full).toContain(`<!-- ${SITE}${place} -->`);
    }
    expect(list).toMatch(/^# Countersign\n\n> /);
  });

  test('diagrams are drawn, and ask no server for fonts', () => {
    const html = readFileSync(join(built, 'design.html'), 'utf8');
    expect(html.match(/<div class="diagram"[^>]*><svg/g)?.length).toBe(
      readFileSync(join(ROOT, 'docs/design.md'), 'utf8').match(/^```mermaid$/gm)?.length,
    );
    expect(html).not.toContain('googleapis');
  });

  opened();
});

const describeWithChromium = await describeWith('chromium');

function opened(): void {
  describeWithChromium('in Chromium', () => {
    let browser: Browser;
    let home: string;
    let stop: () => Promise<void>;
    let tab: Awaited<ReturnType<Browser['open']>>;

    beforeAll(async () => {
      browser = await startBrowser();
      const { port, close } = await listen(siteListener(built));
      home = `http://127.0.0.1:${port}${new URL(SITE).pathname}`;
      stop = close;
    });
    afterAll(async () => {
      await browser.close();
      await stop();
    });

    const open = async (path: string, options?: Parameters<Browser['open']>[1]) => {
      tab = await browser.open(home + path, options);
      return tab;
    };
    const done = async () => {
      await tab.close();
      expect(browser.problems.splice(0)).toEqual([]);
    };
    const heading = (name: string) => tab.getByRole('heading', { level: 1, name });

    test('the navigation leads to each kind of page without a reload', async () => {
      await open('');
      await heading('Countersign').waitFor();
      const sidebar = tab.getByRole('navigation', { name: 'Sidebar Navigation' });
      await sidebar.getByRole('link', { name: 'Why was it refused?' }).click();
      await heading('Why was it refused?').waitFor();
      await sidebar.getByRole('link', { name: 'All senders' }).click();
      await heading('Senders').waitFor();
      await tab.getByRole('main').getByRole('link', { name: 'GitHub', exact: true }).click();
      await heading('GitHub').waitFor();
      expect(new URL(tab.url()).pathname).toMatch(/\/senders\/github$/);
      await done();
    });

    test('the search finds a page by a word in it, and opens it', async () => {
      await open('design');
      await tab.getByRole('button', { name: 'Search' }).first().click();
      await tab.getByRole('searchbox').fill('MAXPENDINGBYTES');
      await tab.locator('.result').filter({ hasText: 'ERR_WEBHOOK_OVERLOADED' }).first().click();
      await heading('ERR_WEBHOOK_OVERLOADED').waitFor();
      await done();
    });

    test('it follows the system into the dark, and a switch turns it', async () => {
      const colour = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await open('glossary', { colorScheme: 'light' });
      expect(await colour()).toBe('rgb(255, 255, 255)');
      await tab.getByRole('switch').first().click();
      await tab.locator('html.dark').waitFor();
      const dark = await colour();
      expect(dark).not.toBe('rgb(255, 255, 255)');
      await tab.getByRole('switch').first().click();
      await tab.locator('html:not(.dark)').waitFor();
      await tab.evaluate('localStorage.clear()');
      await done();
      await open('glossary', { colorScheme: 'dark' });
      expect(await colour()).toBe(dark);
      await done();
    });

    test('on a narrow screen, the menu leads to a page, and no page is wider than the screen', async () => {
      await open('', { width: 390 });
      await tab.getByRole('button', { name: 'Menu' }).click();
      await tab
        .getByRole('navigation', { name: 'Sidebar Navigation' })
        .getByRole('link', { name: 'Glossary' })
        .click();
      await heading('Glossary').waitFor();
      await done();
      for (const path of [
        '',
        'senders/',
        'senders/stripe',
        'errors/',
        'errors/ERR_WEBHOOK_SIGNATURE_MISMATCH',
        'packages/core',
        'design',
      ]) {
        await open(path, { width: 390 });
        const { scrollWidth, clientWidth } = await tab.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return { scrollWidth, clientWidth };
        });
        expect([path, scrollWidth]).toEqual([path, clientWidth]);
        await done();
      }
    });

    test('every section of the navigation is in the sidebar, in its order', async () => {
      await open('glossary');
      const titles = await tab.locator('.VPSidebar .level-0 > .item h2').allInnerTexts();
      const chapters = chaptersOf(pages);
      expect(titles).toEqual(chapters.map(({ section }) => section.title));
      const links = await tab.locator('.VPSidebar a').evaluateAll((all) => all.map((each) => String(each)));
      for (const { section, pages: own } of chapters) {
        for (const page of section.apart === undefined ? own : own.slice(0, 1))
          expect(links.map((link) => new URL(link).pathname)).toContain(
            new URL(SITE).pathname.replace(/\/$/, '') + linkOf(page),
          );
      }
      await done();
    });
  });
}
