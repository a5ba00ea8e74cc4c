import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type AdapterLimit, type AdapterMount, type AdapterSetup, adapterCases } from '@countersign/testing';
import { portOf } from '../../../support/listen.ts';
import { FETCH_LIMITS } from '../../../support/mounts/fetch.ts';
import { PATIENCE_MS, runSuites, type Suite } from '../suite.ts';

// `run-next DIRECTORY`, in a project with Next.js that has been built: the cases of both routers, on Next's own request handler.

type Handle = (req: IncomingMessage, res: ServerResponse) => Promise<void>;
type Next = (options: { dev: boolean; dir: string }) => {
  prepare(): Promise<void>;
  getRequestHandler(): Handle;
};

const [directory = ''] = process.argv.slice(2);
const next: Next = createRequire(join(directory, 'package.json'))('next');

/** The routes look here for what they receive with. */
const mountedAt = new Map<string, { setup: AdapterSetup }>();
Object.assign(globalThis, { mountedAt });

const app = next({ dev: false, dir: directory });
await app.prepare();
const handle = app.getRequestHandler();

const HOSTS: Readonly<Record<'app' | 'pages', readonly AdapterLimit[]>> = {
  app: [...FETCH_LIMITS, 'rewritten-query'],
  pages: [
    'no-parser-before',
    'no-parser-after',
    'rewritten-query',
    'failed-streams-end',
    'unseen-handler-errors',
  ],
};
const suites = Object.entries(HOSTS).map(
  ([router, limits]): Suite => ({
    host: `Next.js, ${router} router`,
    limits,
    cases: adapterCases(mountOf(router), { limits, patienceMs: PATIENCE_MS }),
  }),
);
await runSuites(suites);

function mountOf(router: string): AdapterMount {
  return async (setup) => {
    const server = createServer((req, res) => {
      for (const [name, value] of Object.entries({ 'x-port': port, 'x-router': router })) {
        req.headers[name] = value;
        req.rawHeaders.push(name, value);
      }
      void handle(req, res);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = String(portOf(server));
    mountedAt.set(port, { setup });
    return {
      port: Number(port),
      async close() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        mountedAt.delete(port);
      },
    };
  };
}
