import type { createServer, Server } from 'node:http';
import { runInThisContext } from 'node:vm';
import { getRequestListener } from '@hono/node-server';
import ts from 'typescript';
import { listen, portOf } from '../../../support/listen.ts';
import { type Action, reactRouterListener } from './react-router-host.ts';

/** What the code of a page leaves to the reader: what the handler does with an event. */
export type Save = (...values: unknown[]) => Promise<void>;

export interface RunningReceiver {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Runs the code of a page as it is, except that its port is a free one. A file that exports POST, an action or an app with fetch()
 * is run as its host would run it.
 */
export async function runPageCode(
  code: string,
  save: Save,
  modules: Readonly<Record<string, object>> = {},
): Promise<RunningReceiver> {
  let listening: Promise<Server> | undefined;
  const start = (app: Startable, method: 'listen' | 'start') => {
    const server =
      'ready' in app
        ? app.listen({ port: 0, host: '127.0.0.1' }).then(() => app.server)
        : method === 'start'
          ? app.start({ port: 0, host: '127.0.0.1' })
          : app.listen(0, '127.0.0.1');
    listening = Promise.resolve(server);
    return server;
  };
  const exported = await evaluate(withFreePort(code), { save, start }, modules);
  if (listening !== undefined) return running(await listening);
  return listen(listenerOf(exported));
}

/** Two majors of this package are installed, so one has another name. */
const RENAMED: Readonly<Record<string, () => Promise<object>>> = {
  '@polar-sh/sdk/2026-10': () => import('polar-sdk-1/2026-10'),
};

/** Runs the module of a page, and returns what it exports. */
export async function evaluate(
  code: string,
  names: Readonly<Record<string, unknown>>,
  modules: Readonly<Record<string, object>> = {},
): Promise<Record<string, unknown>> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      esModuleInterop: true,
      experimentalDecorators: true,
    },
  });
  const imported = new Map<string, unknown>();
  for (const [, name = ''] of outputText.matchAll(/\brequire\("([^"]+)"\)/g)) {
    const module = modules[name] ?? (await (RENAMED[name]?.() ?? import(name)));
    imported.set(name, { ...module, __esModule: true });
  }
  const exported: Record<string, unknown> = {};
  const parameters = ['require', 'exports', ...Object.keys(names)].join(', ');
  const run = runInThisContext(`(async (${parameters}) => {${outputText}\n})`);
  await run((name: string) => imported.get(name), exported, ...Object.values(names));
  return exported;
}

function withFreePort(code: string): string {
  return code.replace(/(\w+)\.(listen|start)\((?:3000|\{ port: 3000 \})\)/, "start($1, '$2')");
}

/** Express, Koa, Nest, Node's own server, Bolt, or Fastify (which has ready()). */
type Startable =
  | { ready(): unknown; listen(options: object): Promise<unknown>; server: Server }
  | {
      listen(port: number, host: string): Server | Promise<Server>;
      start(options: object): Promise<Server>;
    };

async function running(server: Server): Promise<RunningReceiver> {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  return {
    port: portOf(server),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listenerOf(exported: Record<string, unknown>): Parameters<typeof createServer>[1] & object {
  const { POST, action, default: app } = exported as Exported;
  if (action !== undefined) return reactRouterListener(action);
  const handler = POST ?? app?.fetch;
  if (handler === undefined) throw new Error('The code neither listens nor exports a handler.');
  return getRequestListener(async (request) => {
    try {
      return await handler(request);
    } catch {
      return new Response(null, { status: 500 });
    }
  });
}

interface Exported {
  POST?: (request: Request) => Promise<Response>;
  action?: Action;
  default?: { fetch(request: Request): Promise<Response> };
}
