import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of a test's own for a file of a database. */
export interface TestDirectory {
  readonly path: string;
  remove(): void;
}

export function testDirectory(): TestDirectory {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-sqlite-'));
  return {
    path: join(directory, 'webhooks.db'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
