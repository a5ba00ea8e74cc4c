import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createKeyring, createVerifier, memoryReplayStore } from '@countersign/core';
import { envSecrets, fileSecrets } from '@countersign/core/node';
import { github } from '@countersign/schemes';
import { manualClock } from '@countersign/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BundledScript, bundleScript } from '../support/bundled-script.ts';

// A verifier may be made at module level: where a bundler runs the module to build it, where no secret is set yet, and on Cloudflare
// Workers, which allow no timer there (test/hosts/runtimes/workerd).

const SECRET = 'a-signing-secret-of-32-characters';

test('a verifier that is made loads nothing and schedules nothing until it is used', async () => {
  const clock = manualClock();
  let loads = 0;
  const load = async () => {
    loads += 1;
    return { current: SECRET };
  };
  const settings = { scheme: github(), clock, replay: memoryReplayStore({ clock }) };
  const verifiers = [
    createVerifier({ ...settings, secrets: SECRET, endpoint: 'text' }),
    createVerifier({ ...settings, secrets: load, endpoint: 'function' }),
    createVerifier({ ...settings, secrets: { name: 'provider', load }, endpoint: 'provider' }),
    createVerifier({
      ...settings,
      secrets: createKeyring({ name: 'keyring', load }, { scheme: github(), clock }),
      endpoint: 'keyring',
    }),
    createVerifier({ ...settings, secrets: envSecrets('NOT_SET_ANYWHERE'), endpoint: 'env' }),
    createVerifier({ ...settings, secrets: fileSecrets('/does/not/exist'), endpoint: 'file' }),
    createVerifier({ scheme: github(), disabled: true }),
  ];
  await clock.advance(0);
  expect([loads, clock.pending()]).toEqual([0, 0]);
  for (const verifier of verifiers) await verifier.close();
  expect(loads).toBe(0);
});

let script: BundledScript;
beforeAll(async () => {
  script = await bundleScript(new URL('../support/module-level.ts', import.meta.url));
});
afterAll(() => script?.remove());

test('a process in which verifiers are made, and nothing else, has nothing open and ends', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script.path]);
  expect({ open: JSON.parse(stdout), stderr }).toEqual({ open: [], stderr: '' });
});
