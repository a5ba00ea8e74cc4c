import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { SITE, workFolder } from './project.ts';
import { brokenReferences, htmlFiles, referencesOf } from './references.ts';
import { siteListener } from './serve.ts';

const PATHS = ['', 'why-was-it-refused', 'senders/stripe', 'errors/ERR_WEBHOOK_SIGNATURE_MISMATCH', 'api/'];
const RUNS = 5;

/** Prints how large the built site is, how many links it has, and how long pages take in Chromium on this machine. */
export async function measure(): Promise<void> {
  const site = join(workFolder(), 'site');
  const pages = htmlFiles(site);
  const files = readdirSync(site, { recursive: true, encoding: 'utf8' })
    .map((path) => join(site, path))
    .filter((path) => statSync(path).isFile());
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  const links = pages.reduce((sum, page) => sum + referencesOf(site, page).length, 0);
  const search = files.filter((path) => path.includes('localSearchIndex'));
  console.log(`pages: ${pages.length}`);
  console.log(`size of the site: ${mebibytes(bytes)} in ${files.length} files`);
  for (const path of search)
    console.log(
      `search index, loaded when the search opens: ${mebibytes(statSync(path).size)}, ${mebibytes(gzipSync(readFileSync(path)).length)} compressed`,
    );
  console.log(`links and anchors inside of the site: ${links}, broken: ${brokenReferences(site).length}`);
  await measureLoading(site);
}

async function measureLoading(site: string): Promise<void> {
  const server = createServer(siteListener(site)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  for (const path of PATHS) {
    const times: number[] = [];
    let received = 0;
    for (let run = 0; run < RUNS; run++) {
      // A context of its own has an empty cache.
      const context = await browser.newContext();
      const page = await context.newPage();
      received = 0;
      page.on('response', async (response) => {
        received += (await response.body().catch(() => Buffer.of())).length;
      });
      const begin = performance.now();
      await page.goto(origin + new URL(SITE).pathname + path, { waitUntil: 'load' });
      times.push(performance.now() - begin);
      await context.close();
    }
    const median = times.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
    console.log(
      `/${path}: ${median.toFixed(0)} ms to load (median of ${RUNS}, nothing cached), ${Math.round(received / 1024)} KiB uncompressed`,
    );
  }
  await browser.close();
  server.close();
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
