import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { tamper } from '@countersign/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ROOT } from '../consumers/packages.ts';
import { runCommandLine } from './support/command-line.ts';
import { deliver, signed } from './support/deliveries.ts';
import { patternOf, stepsOf } from './support/guide.ts';
import { type GuideFiles, guideFiles } from './support/guide-files.ts';
import type { RunningGuide } from './support/guide-process.ts';
import { GUIDES, type Guide } from './support/guides.ts';

// Each page of docs/start is followed to the letter: its files are saved, its secret is made up, its application is started, its
// commands are run, and what it shows is what they print.

test('every page is followed', () => {
  const pages = readdirSync(join(ROOT, 'docs/start')).filter((file) => file !== 'index.md');
  expect(new Set(GUIDES.map(({ page }) => `${page}.md`))).toEqual(new Set(pages));
});

describe.each(GUIDES)('docs/start/$page.md$variant', (guide: Guide) => {
  const page = `docs/start/${guide.page}.md`;
  let files: GuideFiles;
  let app: RunningGuide | undefined;

  beforeAll(async () => {
    if ((await guide.isHere?.()) === false) return;
    files = await guideFiles(page, guide.nth);
    app = await guide.start(files);
  });
  afterAll(async () => {
    await app?.stop();
    await files?.remove();
  });

  /** The application, or the test is skipped. */
  function running(skip: (note: string) => never): RunningGuide {
    return app ?? skip('npm can not download the runtime');
  }

  test('starts with the command that it gives, and prints what it shows', async ({ skip }) => {
    const { log } = running(skip);
    const step = stepsOf(page).find(({ commands }) => commands.at(-1) === guide.command);
    expect(step, `the page does not say "${guide.command}"`).toBeDefined();
    for (const shown of step?.shown ?? []) {
      const pattern = new RegExp(patternOf(shown).source.replaceAll('3000', '\\d+'));
      await vi.waitFor(() => expect(log()).toMatch(pattern));
    }
  });

  // Before others: a log has only one line for all duplicates, and one a minute for refusals.
  test('its commands print what it shows, and its log has what it shows', async ({ skip }) => {
    const { log, port } = running(skip);
    const steps = stepsOf(page).filter(({ commands }) => commands[0]?.includes('cli send'));
    expect(steps).toHaveLength(2);
    for (const { commands, shown } of steps) {
      const [printed = '', logged = ''] = shown;
      const { code, output } = await runCommandLine(commands[0] ?? '', { folder: files.folder, port });
      expect(output).toMatch(patternOf(printed));
      expect(code).toBe(0);
      await vi.waitFor(() => expect(log()).toMatch(patternOf(logged)));
    }
  });

  test('handles a genuine delivery, once', async ({ skip }) => {
    const { log, port } = running(skip);
    const genuine = signed(files.secret, 'evt_genuine');
    expect([await deliver(port, genuine), await deliver(port, genuine)]).toEqual([204, 200]);
    await vi.waitFor(() => expect(log().match(/handled evt_genuine/g)).toHaveLength(1));
  });

  test('refuses forgeries, and handles none of them', async ({ skip }) => {
    const { log, port } = running(skip);
    const forged = [
      tamper(signed(files.secret, 'evt_tampered')),
      signed('whsec_another_secret_of_someone', 'evt_forged'),
    ];
    for (const delivery of forged) expect(await deliver(port, delivery)).toBe(401);
    // Handled after them, so they would have been, too.
    expect(await deliver(port, signed(files.secret, 'evt_after'))).toBe(204);
    await vi.waitFor(() => expect(log()).toContain('handled evt_after'));
    expect(log()).not.toMatch(/handled evt_(?:tampered|forged)/);
  });
});
