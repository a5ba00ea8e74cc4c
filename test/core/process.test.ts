import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BundledScript, bundleScript } from '../support/bundled-script.ts';

// What a verifier keeps running in a process that has nothing else to do.

let script: BundledScript;

beforeAll(async () => {
  script = await bundleScript(new URL('../support/lonely-process.ts', import.meta.url));
});

afterAll(() => script.remove());

/** What the process printed when it ended by itself. */
async function run(scenario: string): Promise<unknown> {
  // With a code other than 0, for example 13 for a promise that nobody can settle any more, this rejects.
  const { stdout } = await promisify(execFile)(process.execPath, [script.path, scenario]);
  return JSON.parse(stdout);
}

it('a verifier at module level starts nothing: no load, no timer, no watch', async () => {
  expect(await run('at-module-level')).toEqual({ loads: 0, watches: 0, started: [] });
});

it.each([
  ['ready()', 'ready', 'ready'],
  ['verify(), while the first load is awaited,', 'first-load', 'ERR_WEBHOOK_NOT_READY'],
  ['verify(), while a reload after a mismatch is awaited,', 'mismatch', 'ERR_WEBHOOK_SIGNATURE_MISMATCH'],
  ['handle()', 'handle', 204],
])('whoever awaits %s keeps the process alive until it settles', async (_, scenario, settled) => {
  expect(await run(scenario)).toEqual({ settled });
});

it('what runs in the background keeps no process alive', async () => {
  expect(await run('background')).toEqual({ settled: 204 });
});
