import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ROOT } from '../../consumers/packages.ts';
import { loadNest } from '../../support/mounts/nest-majors.ts';
import { type GuidePage, readGuidePage, tableOf } from './support/guide-page.ts';
import { measure } from './support/measure.ts';
import { nestModules } from './support/nest-modules.ts';
import { SENDERS, type Sender } from './support/senders.ts';

// The tables of the migration guides say what a receiver responds before and after. Here the code of each page runs, with the
// sender's own library, on a real socket, and gets every request of the page's tables. `vitest --update` writes what it responded.

/** The senders of the tables of each page, in their order. */
const PAGES: Readonly<Record<string, readonly Sender[]>> = {
  stripe: [SENDERS.stripe],
  svix: [SENDERS.svix, SENDERS.standardWebhooks, SENDERS.clerk, SENDERS.resend],
  octokit: [SENDERS.github],
  'slack-bolt': [SENDERS.slack],
  shopify: [SENDERS.shopify, SENDERS.shopify],
  twilio: [SENDERS.twilio, SENDERS.twilioVoice],
  paddle: [SENDERS.paddle],
  polar: [SENDERS.polar],
  'hand-written': [SENDERS.acme, SENDERS.lemonSqueezy, SENDERS.meta],
  'nestjs-raw-body': [SENDERS.stripe],
  index: [SENDERS.stripe],
};

/** Nest has to be of the same major as the adapter's sources think; the other majors are in nest-majors.test.ts. */
const nest = await loadNest(12);
nest.common.Logger.overrideLogger(false);
const MODULES = nestModules(nest);

// What the receivers say about the requests is not looked at.
beforeEach(() => {
  for (const method of ['debug', 'info', 'log', 'warn', 'error'] as const)
    vi.spyOn(console, method).mockImplementation(() => undefined);
});

test('no guide is left out', () => {
  const pages = readdirSync(join(ROOT, 'docs/migrate')).map((file) => basename(file, '.md'));
  expect(Object.keys(PAGES).sort()).toEqual(pages.sort());
});

describe.each(Object.keys(PAGES))('docs/migrate/%s.md', (name) => {
  const page = readGuidePage(name);
  const senders = PAGES[name] ?? [];

  test('has a table for each receiver', () => {
    expect(page.tables).toHaveLength(senders.length);
    for (const { requests } of page.tables) expect(requests).toEqual(expect.arrayContaining([...ALWAYS]));
  });

  test('says what its code responds', async () => {
    let text = page.text;
    for (const [index, sender] of senders.entries()) {
      const table = page.tables[index];
      if (table === undefined) continue;
      const responses = new Map<string, string[]>();
      for (const file of table.files) {
        responses.set(file, await measure(codeOf(page, file), sender, table.requests, MODULES));
      }
      text = text.replace(table.text, () => tableOf(table, responses));
    }
    await expect(text).toMatchFileSnapshot(page.path);
  });
});

/** No page may leave these out. */
const ALWAYS = [
  'genuine',
  'the same delivery again',
  'forged',
  'no signature',
  'signed with the previous secret',
  'your handler throws',
  'the retry after that',
  'an empty body, signed',
] as const;

function codeOf({ files, path }: GuidePage, file: string): string {
  const code = files.get(file);
  if (code === undefined) throw new Error(`${path} has no code that begins with the name ${file}.`);
  return code;
}
