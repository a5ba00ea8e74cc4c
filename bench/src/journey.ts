// What a reader meets: the files and functions that one request passes through, counted on the sources with V8's coverage, and
// the shape of core, compared with this project's own limits. `npm run journey`; with `--files`, the files too; with `--functions`,
// each function.
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVerifier } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhook } from '@countersign/express';
import { stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import express from 'express';
import { circlesIn, filesIn, importersOf, linesOf, ROOT } from '../../.ci/sources.ts';

const SECRET = 'whsec_a-text-secret-of-some-length';
const OTHER = 'whsec_another-secret-of-some-length';
const BODY = JSON.stringify({ id: 'evt_1', type: 'invoice.paid' });
/** Functions that esbuild adds to each file. */
const HELPERS = new Set(['__name', '__decorateClass']);
const session = new Session();

interface Passed {
  readonly files: readonly string[];
  readonly functions: number;
  /** Each function: its file, its name, and how often it ran. */
  readonly names: readonly string[];
}

/** The files of packages that `run` executes something of, and how many of their functions. */
async function passed(run: () => Promise<unknown>): Promise<Passed> {
  await session.post('Profiler.takePreciseCoverage');
  await run();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const files = new Set<string>();
  const names: string[] = [];
  for (const script of result) {
    if (!script.url.startsWith('file:')) continue;
    const path = relative(ROOT, fileURLToPath(script.url.split('?')[0] ?? ''));
    if (!/^packages\/[^/]+\/src\//.test(path)) continue;
    for (const { functionName, ranges } of script.functions) {
      const [whole] = ranges;
      if (whole === undefined || whole.count === 0 || whole.startOffset === 0 || HELPERS.has(functionName))
        continue;
      files.add(path);
      names.push(`${path}  ${functionName || '(anonymous)'} @${whole.startOffset}  ×${whole.count}`);
    }
  }
  return { files: [...files].sort(), functions: names.length, names: names.sort() };
}

/** One Stripe request through Express, from the socket to the commit. */
async function throughExpress(): Promise<Passed> {
  const verifier = createVerifier({ scheme: stripe(), secrets: SECRET });
  await verifier.ready();
  const app = express();
  app.post('/hook', webhook(verifier), (_request, response) => {
    response.sendStatus(204);
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  let number = 0;
  const signed = () => {
    number += 1;
    const { headers, body } = sign(stripe(), {
      secret: SECRET,
      body: BODY.replace('evt_1', `evt_${number}`),
    });
    return async () => {
      const { status } = await fetch(url, { method: 'POST', headers, body });
      if (status !== 204) throw new Error(`The delivery got ${status}.`);
      // The commit ends after the response.
      await new Promise((resolve) => setImmediate(resolve));
    };
  };
  for (let count = 0; count < 5; count++) await signed()();
  const counts = await passed(signed());
  server.close();
  server.closeAllConnections();
  await verifier.close();
  return counts;
}

async function throughVerify(): Promise<Passed> {
  const verifier = createVerifier({ scheme: stripe(), secrets: SECRET });
  await verifier.ready();
  const { headers, body } = sign(stripe(), { secret: SECRET, body: BODY });
  const verify = () => verifier.verify({ headers, body });
  for (let count = 0; count < 5; count++) await verify();
  const counts = await passed(verify);
  await verifier.close();
  return counts;
}

/** From a file that changes on disk to the set of keys that holds the new secret. */
async function throughReload(): Promise<Passed> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-journey-'));
  const path = join(folder, 'secrets.json');
  const write = async (secrets: object) => {
    await writeFile(`${path}.new`, JSON.stringify(secrets));
    await rename(`${path}.new`, path);
  };
  await write({ current: SECRET });
  const loaded = new EventEmitter();
  const verifier = createVerifier({
    scheme: stripe(),
    secrets: fileSecrets(path),
    observe: (event) => {
      if (event.type === 'secrets-loaded' && event.reason === 'change') loaded.emit('changed');
    },
  });
  await verifier.ready();
  const change = async (secrets: object) => {
    // A verifier's own watching keeps no process alive.
    const alive = setTimeout(() => loaded.emit('error', new Error('The file was not read again.')), 30_000);
    const changed = once(loaded, 'changed');
    await write(secrets);
    await changed;
    clearTimeout(alive);
  };
  await change({ current: SECRET, previous: OTHER });
  const counts = await passed(() => change({ current: OTHER, previous: SECRET }));
  await verifier.close();
  await rm(folder, { recursive: true });
  return counts;
}

const rows: [what: string, found: number, wanted: number | undefined][] = [];
const journeys: Record<string, Passed> = {};

await session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
journeys['Stripe through Express'] = await throughExpress();
journeys['verify() alone'] = await throughVerify();
journeys['a changed file to the new key'] = await throughReload();
session.disconnect();

const limits: Record<string, { files: number; functions?: number }> = {
  'Stripe through Express': { files: 24, functions: 110 },
  'verify() alone': { files: 14 },
  'a changed file to the new key': { files: 16 },
};
for (const [name, { files, functions }] of Object.entries(journeys)) {
  rows.push([`${name}: files`, files.length, limits[name]?.files]);
  rows.push([`${name}: functions`, functions, limits[name]?.functions]);
}
const core = filesIn('packages/core/src');
const importers = importersOf(core);
rows.push(['core: files', core.length, 88]);
rows.push([
  'core: files that one other file imports',
  [...importers.values()].filter((each) => each.length === 1).length,
  undefined,
]);
rows.push(['biome.json: lines', linesOf('biome.json'), 150]);
const circles = circlesIn(filesIn('packages').filter((path) => /^packages\/[^/]+\/src\//.test(path)));
rows.push(['circles of imports, types included', circles.length, 0]);

const width = Math.max(...rows.map(([what]) => what.length));
for (const [what, found, wanted] of rows) {
  const judged =
    wanted === undefined ? '' : found <= wanted ? `at most ${wanted}` : `at most ${wanted}: OVER`;
  console.log(`${what.padEnd(width)}  ${String(found).padStart(5)}  ${judged}`.trimEnd());
}
for (const circle of circles) console.log(`circle: ${circle.join(' → ')}`);
if (process.argv.includes('--functions')) {
  for (const [name, { names }] of Object.entries(journeys))
    console.log(`\n${name}:\n  ${names.join('\n  ')}`);
}
if (process.argv.includes('--files')) {
  for (const [name, { files }] of Object.entries(journeys))
    console.log(`\n${name}:\n  ${files.join('\n  ')}`);
  console.log('\ncore, by importers:');
  const sorted = [...importers].sort(([, a], [, b]) => a.length - b.length);
  for (const [path, by] of sorted)
    console.log(`  ${String(by.length).padStart(3)} ${path}${by.length === 1 ? `  ← ${by[0]}` : ''}`);
}
