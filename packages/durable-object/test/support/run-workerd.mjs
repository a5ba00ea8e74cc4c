// Runs a bundled Worker in workerd, until its input ends: `run-workerd.mjs BUNDLE DIRECTORY`. Under a Node.js that miniflare supports.
import { readFileSync } from 'node:fs';
import { Miniflare } from 'miniflare';

const [bundle, directory] = process.argv.slice(2);
const miniflare = new Miniflare({
  modules: [{ type: 'ESModule', path: 'worker.mjs', contents: readFileSync(bundle, 'utf8') }],
  compatibilityDate: '2026-06-01',
  compatibilityFlags: ['nodejs_compat'],
  durableObjects: {
    REPLAY: { className: 'CountersignReplay', useSQLite: true },
    OTHER: { className: 'Plain', useSQLite: true },
  },
  durableObjectsPersist: directory,
  bindings: { SECRET: process.env.WEBHOOK_SECRET ?? '' },
});
console.log(String(await miniflare.ready));
process.stdin.resume();
process.stdin.once('end', async () => {
  await miniflare.dispose();
  process.exit();
});
