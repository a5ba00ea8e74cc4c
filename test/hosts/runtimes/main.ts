import { NEXT, testNext } from './next/next.ts';
import { casesProject, report, testUnder } from './packed-cases.ts';
import { type OtherRuntime, runtimeOf } from './runtimes.ts';
import { runInWorkerd } from './workerd/run-cases.ts';

// `npm run test:hosts`, or with names behind it, `npm run test:hosts -- bun next`: the packed packages on the runtimes that are not
// Node.js, and on Next.js. npm brings all of them.

const TESTS = ['bun', 'deno', 'workerd', 'next'];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !TESTS.includes(name));
if (unknown.length > 0) throw new Error(`There is no ${unknown.join(', ')}. Known: ${TESTS.join(', ')}.`);
const isAsked = (name: string) => asked.length === 0 || asked.includes(name);

const project = await casesProject(isAsked('next') ? NEXT : {});
try {
  for (const name of ['bun', 'deno'] satisfies OtherRuntime[]) {
    if (isAsked(name)) judge(await testUnder(project, await runtimeOf(name), name));
  }
  if (isAsked('workerd')) {
    for (const app of ['fetch', 'Hono'] as const)
      judge(report('workerd', [await runInWorkerd(app, 'built')]));
  }
  if (isAsked('next')) judge(await testNext(project));
} finally {
  await project.remove();
}

function judge(hasPassed: boolean): void {
  if (!hasPassed) process.exitCode = 1;
}
