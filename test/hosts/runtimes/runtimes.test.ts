import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BundledScript, bundleScript } from '../../support/bundled-script.ts';
import { type OtherRuntime, type Runtime, runtimeOf } from './runtimes.ts';
import { resultsIn, shown } from './suite.ts';

// The short form: two hosts of each runtime, from the sources. `npm run test:hosts` runs all of them, from the packed packages.

const HOSTS: Readonly<Record<OtherRuntime, readonly string[]>> = {
  bun: ['Express 5', 'fetch in Bun.serve'],
  deno: ['Fastify 5', 'fetch in Deno.serve'],
};

let script: BundledScript;
beforeAll(async () => {
  script = await bundleScript(new URL('run-hosts.ts', import.meta.url));
});
afterAll(() => script?.remove());

for (const name of ['bun', 'deno'] as const) {
  const runtime = await fetched(name);
  describe.skipIf(runtime === undefined)(`the adapter cases in ${runtime?.name ?? name}`, () => {
    test.each(HOSTS[name])('%s', async (host) => {
      const { binary, args } = runtime as Runtime;
      const { stdout } = await promisify(execFile)(binary, [...args, script.path, name, host], {
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      const results = resultsIn(stdout);
      for (const result of results) console.info(shown(`${runtime?.name}`, result));
      expect(results).toEqual([expect.objectContaining({ host, failures: [] })]);
      expect(results[0]?.run).toBeGreaterThan(150);
    });
  });
}

async function fetched(name: OtherRuntime): Promise<Runtime | undefined> {
  try {
    return await runtimeOf(name);
  } catch (error) {
    console.warn(`SKIPPED: the adapter cases in ${name}, because npm can't download it. ${error}`);
    return undefined;
  }
}
