import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PackedProject } from '../../../consumers/packed-project.ts';
import { blocksOf } from '../../../consumers/readme-snippets.ts';
import { deliver, signed } from '../../../docs/support/deliveries.ts';
import { startProcess } from '../../../docs/support/guide-process.ts';
import { report, runCases } from '../packed-cases.ts';
import type { SuiteResult } from '../suite.ts';

const VERSION = '16.4.6';

/** What a project needs that has the cases and Next.js. */
export const NEXT: Readonly<Record<string, string>> = {
  next: VERSION,
  react: '19.3.1',
  'react-dom': '19.3.1',
  typescript: '5.9.3',
  '@types/react': '19.2.14',
  '@types/node': '20.19.43',
  '@types/express': '5.0.6',
};

const SITE = fileURLToPath(new URL('fixtures/site', import.meta.url));
const THIS_NODE = { name: `Next.js ${VERSION}`, binary: process.execPath, args: [] };

const GUIDE = 'docs/start/nextjs.md';

/** The examples of the READMEs and of the guide, by the file that their first line names. */
const EXAMPLES = ['packages/fetch/README.md', 'packages/express/README.md', GUIDE]
  .flatMap(blocksOf)
  .flatMap((block) => {
    const [, file] = /^\/\/ ((?:app|pages)\/\S+)\n/.exec(block) ?? [];
    return file === undefined ? [] : [{ file, code: block }];
  });

/** `next build` with all examples, where no secret is set; then the guide's application, and the cases of both routers. */
export async function testNext(project: PackedProject): Promise<boolean> {
  await cp(SITE, project.folder, { recursive: true });
  for (const { file, code } of EXAMPLES) {
    const target = join(project.folder, file);
    await mkdir(join(target, '..'), { recursive: true });
    await writeFile(target, `${code}\ndeclare function save(event: unknown): Promise<void>;\n`);
  }
  const built = await build(project);
  if (built.passed === 0) return report(THIS_NODE.name, [built]);
  const results = await runCases(project, THIS_NODE, ['next/run-next.js', project.folder]);
  return report(THIS_NODE.name, [built, await followGuide(project), ...results]);
}

async function build(project: PackedProject): Promise<SuiteResult> {
  const host = `next build without a secret, with ${EXAMPLES.map(({ file }) => file).join(' and ')}`;
  const result = { host, limits: [], run: 1, passed: 1, failures: [] };
  try {
    await project.node([join('node_modules', 'next', 'dist', 'bin', 'next'), 'build']);
    return result;
  } catch (error) {
    return { ...result, passed: 0, failures: [(error as Error).message] };
  }
}

/** What the guide has its reader write, in `next start`: handles a delivery once, and refuses a forged one. */
async function followGuide({ folder }: PackedProject): Promise<SuiteResult> {
  const result = { host: `${GUIDE}, in next start`, limits: [], run: 1, passed: 1, failures: [] };
  const secret = 'whsec_4e0f1c7a9b2d4865af03d1c85b7e6f92';
  const next = join('node_modules', 'next', 'dist', 'bin', 'next');
  const app = await startProcess(process.execPath, [next, 'start', '-p', 'PORT'], {
    cwd: folder,
    env: { STRIPE_SECRET: secret, NODE_ENV: 'production' },
  });
  try {
    const genuine = signed(secret, 'evt_genuine');
    const forged = signed('whsec_another_secret_of_someone', 'evt_forged');
    const statuses = [
      await deliver(app.port, genuine),
      await deliver(app.port, genuine),
      await deliver(app.port, forged),
    ];
    const handled = app.log().match(/handled evt_\w+/g) ?? [];
    if (`${statuses} ${handled}` === '204,200,401 handled evt_genuine') return result;
    return { ...result, passed: 0, failures: [`got ${statuses}; ${handled}; ${app.log()}`] };
  } finally {
    await app.stop();
  }
}
