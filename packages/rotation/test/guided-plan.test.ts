import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileTarget, guided, rotate } from '@countersign/rotation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const OLD = '0123456789abcdef0123456789abcdef';
let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-guided-'));
  path = join(directory, 'secrets.json');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the plan of a guided rotation', () => {
  it('plans without asking the person', async () => {
    await writeFile(path, JSON.stringify({ current: OLD }));
    const plan = await rotate({
      vendor: guided({ sender: 'slack', ask: () => expect.fail('asked') }),
      target: fileTarget(path),
      dryRun: true,
    });
    expect(plan.steps.slice(1, 5)).toEqual([
      `Announce the rotation in file ${path}.`,
      expect.stringMatching(
        /^Write this to the journal, and wait until a person has done this at https:\/\/api\.slack\.com\/apps, and has passed on the new secret: Open the app/,
      ),
      `Publish the new secret as "next" in file ${path}.`,
      expect.stringContaining(`Write the new secret as "current" in file ${path}`),
    ]);
  });

  it('plans to publish a secret that is shown first before the person switches over', async () => {
    await writeFile(path, JSON.stringify({ current: OLD }));
    const plan = await rotate({
      vendor: guided({ sender: 'shopify', ask: () => expect.fail('asked') }),
      target: fileTarget(path),
      health: () => expect.fail('asked'),
      dryRun: true,
    });
    expect(plan.steps.slice(1, 7)).toEqual([
      expect.stringMatching(
        /^Wait until a person has done this at https:.*, and has passed on the new secret: In the Dev/,
      ),
      `Publish the new secret as "next" in file ${path}, and announce the rotation there.`,
      expect.stringContaining('Wait until all instances have loaded it'),
      expect.stringMatching(
        /^Write this to the journal, and wait until a person has done this at https:.*: Also give/,
      ),
      expect.stringContaining('Wait for a delivery that is verified with the new secret.'),
      expect.stringContaining(`Write the new secret as "current" in file ${path}`),
    ]);
  });
});
