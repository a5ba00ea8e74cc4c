import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumBinary } from '../../../../test/support/servers/binaries.ts';

/** Chromium, with a profile of its own that is removed with it. */
export interface Browser {
  /** Opens a page. What goes wrong in it is noted in `problems`. */
  open(url: string, options?: PageOptions): Promise<Page>;
  /** What any page has logged as an error, or thrown. */
  readonly problems: string[];
  close(): Promise<void>;
}

interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
}

export async function startBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'countersign-chromium-'));
  const problems: string[] = [];
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumBinary() ?? 'chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Containers often have a small /dev/shm.
      '--disable-dev-shm-usage',
    ],
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(60_000);
  return {
    problems,
    async open(url, { width = 1280, height = 800, colorScheme = 'light' } = {}) {
      const page = await context.newPage();
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      page.on('pageerror', (error) => problems.push(String(error)));
      await page.goto(url);
      return page;
    },
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
