import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../consumers/packages.ts';
import { runCommandLine } from './support/command-line.ts';
import { patternOf, stepsOf } from './support/guide.ts';

// Every command on the pages about rotating is run as a dry run: the options are those that the vendor takes, and the plan has the
// order that the page describes.

const HEX = '0123456789abcdef0123456789abcdef';
const BASE64 = `whsec_${Buffer.from(HEX).toString('base64')}`;
/** What the target contains before the rotation, where it is not a secret of any text. */
const SETS: Readonly<Record<string, object>> = {
  ada: { current: BASE64 },
  'agent-message': { current: [HEX, HEX.toUpperCase()].map((text) => Buffer.from(text).toString('base64')) },
};

const PAGES = readdirSync(join(ROOT, 'docs/rotating'));
const COMMANDS = PAGES.flatMap((page) =>
  stepsOf(`docs/rotating/${page}`).flatMap(({ commands, shown }) =>
    commands
      .filter((command) => command.includes('@countersign/cli rotate'))
      .map((command) => ({ page, command, shown })),
  ),
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-rotating-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('every page has a command', () => {
  expect(new Set(COMMANDS.map(({ page }) => page))).toEqual(new Set(PAGES));
});

describe.each(COMMANDS)('docs/rotating/$page: $command', ({ command, shown }) => {
  const [, sender = ''] = /rotate (\S+)/.exec(command) ?? [];
  const [, path = ''] = /--target (\S+)/.exec(command) ?? [];

  test('is a plan that can be made, and changes nothing', async () => {
    const target = join(folder, basename(path));
    const set = JSON.stringify(SETS[sender] ?? { current: HEX });
    await writeFile(target, set);
    const variables = [...command.matchAll(/--option-env \w+=(\w+)/g)].map(([, name = '']) => [name, HEX]);
    expect(command).toMatch(/ --dry-run$/);
    const { code, output } = await runCommandLine(command.replace(path, target), {
      folder,
      port: 0,
      env: Object.fromEntries(variables),
    });
    expect(output).toContain('Nothing was changed.');
    expect(code).toBe(0);
    for (const text of shown) expect(output).toMatch(patternOf(text));
    expect(await readFile(target, 'utf8')).toBe(set);
  });
});
