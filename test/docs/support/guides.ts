import { pathToFileURL } from 'node:url';
import { runtimeOf } from '../../hosts/runtimes/runtimes.ts';
import { startWorker } from '../../hosts/runtimes/workerd/workerd.ts';
import { serve } from '../../support/mounts/fetch.ts';
import type { GuideFiles } from './guide-files.ts';
import { type RunningGuide, startProcess } from './guide-process.ts';

/** How a page of docs/start is followed. */
export interface Guide {
  readonly page: string;
  /** Which of several applications on the page. */
  readonly variant: string;
  /** The command with which the page starts it. */
  readonly command: string;
  readonly nth?: Readonly<Record<string, number>>;
  /** Whether its runtime is there. */
  isHere?(): Promise<boolean>;
  start(files: GuideFiles): Promise<RunningGuide>;
}

const onNode =
  (file: string, environment: (files: GuideFiles) => Record<string, string> = () => ({})) =>
  async (files: GuideFiles) =>
    startProcess(process.execPath, [await files.bundle(file)], {
      cwd: files.folder,
      env: environment(files),
    });

const server = (page: string): Guide => ({
  page,
  variant: '',
  command: 'node server.mjs',
  start: onNode('server.mjs'),
});

const nest = (platform: string, index: number): Guide => ({
  page: 'nestjs',
  variant: `, on ${platform}`,
  command: 'npm run start',
  nth: { 'src/main.ts': index },
  start: onNode('src/main.ts'),
});

async function canFetch(name: 'bun' | 'deno'): Promise<boolean> {
  try {
    await runtimeOf(name);
    return true;
  } catch (error) {
    console.warn(`SKIPPED: docs/start/${name}.md, because npm can't download it. ${error}`);
    return false;
  }
}

const BUN: Guide = {
  page: 'bun',
  variant: '',
  command: 'bun server.ts',
  isHere: () => canFetch('bun'),
  async start(files) {
    const { binary } = await runtimeOf('bun');
    return startProcess(binary, [await files.bundle('server.ts')], { cwd: files.folder });
  },
};

const DENO: Guide = {
  page: 'deno',
  variant: '',
  command: 'deno serve --port 3000 --allow-read --allow-env server.ts',
  isHere: () => canFetch('deno'),
  async start(files) {
    const { binary } = await runtimeOf('deno');
    const args = this.command
      .split(' ')
      .slice(1, -1)
      .map((arg) => (arg === '3000' ? 'PORT' : arg));
    return startProcess(binary, [...args, await files.bundle('server.ts')], { cwd: files.folder });
  },
};

const WORKERS: Guide = {
  page: 'workers',
  variant: '',
  command: 'npx wrangler dev',
  async start({ folder, secret }) {
    const worker = await startWorker({
      script: pathToFileURL(`${folder}/src/index.ts`),
      bindings: { STRIPE_SECRET: secret },
    });
    return { port: worker.ports[0] as number, log: worker.log, stop: worker.stop };
  },
};

/** The route alone, as Next.js calls it. `npm run test:hosts -- next` runs it in Next.js. */
const NEXT: Guide = {
  page: 'nextjs',
  variant: '',
  command: 'npm run dev',
  async start(files) {
    const log = captureConsole();
    process.env.STRIPE_SECRET = files.secret;
    const { POST } = await import(await files.bundle('app/webhook/route.ts'));
    const { port, close } = await serve((request) => POST(request, { params: Promise.resolve({}) }));
    return {
      port,
      log: log.text,
      async stop() {
        await close();
        log.restore();
        delete process.env.STRIPE_SECRET;
      },
    };
  },
};

/** Everything that is written to the console of this process. */
function captureConsole(): { text(): string; restore(): void } {
  const lines: string[] = [];
  const levels = ['debug', 'log', 'info', 'warn', 'error'] as const;
  const originals = levels.map((level) => console[level]);
  for (const level of levels) console[level] = (...parts: unknown[]) => void lines.push(parts.join(' '));
  return {
    text: () => lines.join('\n'),
    restore: () => {
      for (const [index, level] of levels.entries()) console[level] = originals[index] as typeof console.log;
    },
  };
}

/** All of them. */
export const GUIDES: readonly Guide[] = [
  ...['express', 'fastify', 'koa', 'hono'].map(server),
  nest('Express', 0),
  nest('Fastify', 1),
  {
    page: 'lambda',
    variant: '',
    command: 'STRIPE_SECRET="$(cat stripe.secret)" node local.mjs',
    start: onNode('local.mjs', ({ secret }) => ({ STRIPE_SECRET: secret })),
  },
  NEXT,
  WORKERS,
  BUN,
  DENO,
];
