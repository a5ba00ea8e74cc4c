import { expect, test } from 'vitest';
import { loadNest } from '../../support/mounts/nest-majors.ts';
import { readGuidePage, tableOf } from './support/guide-page.ts';
import { measure } from './support/measure.ts';
import { nestModules } from './support/nest-modules.ts';
import { SENDERS } from './support/senders.ts';

// The page for Nest says that its statuses are those of Nest 10, 11 and 12. Those of 12 are measured with all pages.

test.each([10, 11] as const)('Nest %i responds as docs/migrate/nestjs-raw-body.md says', async (major) => {
  const nest = await loadNest(major);
  try {
    nest.common.Logger.overrideLogger(false);
    const { tables, files } = readGuidePage('nestjs-raw-body');
    for (const table of tables) {
      const responses = new Map<string, string[]>();
      for (const file of table.files) {
        const code = files.get(file) ?? '';
        responses.set(file, await measure(code, SENDERS.stripe, table.requests, nestModules(nest)));
      }
      expect(tableOf(table, responses)).toBe(table.text);
    }
    expect(tables).toHaveLength(1);
  } finally {
    await nest.unload();
  }
});
