import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { builtinModules, createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { endWithUs } from '../../../support/servers/end-with-us.ts';

const WORKERD = createRequire(import.meta.url).resolve('workerd');
const BINARY: string = createRequire(import.meta.url)(WORKERD).default;

/** A Worker as Cloudflare runs it: in workerd, with `nodejs_compat`. */
export interface Worker {
  /** Its ports. Requests to another one than the first have the number of that port, from 0, in the header `x-port`. */
  readonly ports: readonly number[];
  readonly url: string;
  /** What workerd and the Worker have written. */
  readonly log: () => string;
  stop(): Promise<void>;
}

export interface WorkerOptions {
  readonly script: URL;
  /** Default: the sources. */
  readonly packages?: 'sources' | 'built';
  /** Default: 1. */
  readonly ports?: number;
  /** Texts in the Worker's environment. */
  readonly bindings?: Readonly<Record<string, string>>;
}

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-workerd-'));
  await bundle(options, join(directory, 'worker.mjs'));
  await writeFile(join(directory, 'config.capnp'), configOf(options));
  // The schema that configurations import is beside its package's folder.
  const schemas = dirname(dirname(dirname(WORKERD)));
  const child = spawn(
    BINARY,
    ['serve', '--control-fd=3', `-I${schemas}`, join(directory, 'config.capnp'), 'config'],
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  );
  const dismiss = child.pid === undefined ? () => undefined : endWithUs(child.pid);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      log += chunk;
    });
  }
  const stop = async () => {
    const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await exited;
    dismiss();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const ports = await portsOf(child, options.ports ?? 1);
    return { ports, url: `http://127.0.0.1:${ports[0]}`, log: () => log, stop };
  } catch (error) {
    await stop();
    throw new Error(`workerd did not start.\n${log}`, { cause: error });
  }
}

async function bundle({ script, packages }: WorkerOptions, outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(script)],
    outfile,
    bundle: true,
    format: 'esm',
    conditions: packages === 'built' ? ['workerd', 'worker'] : ['countersign-source', 'workerd', 'worker'],
    mainFields: ['module', 'main'],
    // Workers have the modules of Node.js, by both their names.
    external: ['node:*', 'cloudflare:*', ...builtinModules],
    plugins: [clientsByRelay],
    logLevel: 'silent',
  });
}

/** The adapter cases' own connections, and nothing else, go through the relay. */
const clientsByRelay: Plugin = {
  name: 'clients by relay',
  setup({ onResolve }) {
    onResolve({ filter: /^node:net$/ }, ({ importer }) =>
      /adapter-cases|packages\/testing\/dist/.test(importer)
        ? { path: fileURLToPath(new URL('relay-socket.ts', import.meta.url)) }
        : undefined,
    );
  },
};

function configOf({ ports = 1, bindings = {} }: WorkerOptions): string {
  const sockets = Array.from({ length: ports }, (_, port) => {
    const headers = port === 0 ? '' : `injectRequestHeaders = [(name = "x-port", value = "${port}")]`;
    return `(name = "${port}", address = "127.0.0.1:0", http = (${headers}), service = "worker")`;
  });
  const texts = Object.entries(bindings).map(
    ([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`,
  );
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [${sockets.join(', ')}],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  bindings = [${texts.join(', ')}],
  compatibilityDate = "2025-12-01",
  compatibilityFlags = ["nodejs_compat"],
);
`;
}

/** workerd says on its control pipe where each socket listens. */
async function portsOf(child: ChildProcess, count: number): Promise<number[]> {
  const ports: number[] = [];
  for await (const line of createInterface(child.stdio[3] as Readable)) {
    const { event, socket, port } = JSON.parse(line);
    if (event === 'listen') ports[Number(socket)] = port;
    if (Object.keys(ports).length === count) return ports;
  }
  throw new Error('It ended.');
}
