import type { AdapterMount } from '@countersign/testing';
import { fetchApp } from './fetch.ts';

// The servers that other runtimes have of their own. Their types are not installed: only what is used here is declared.

type Handler = (request: Request) => Response | Promise<Response>;

interface BunRuntime {
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    readonly fetch: Handler;
    readonly error: (error: unknown) => Response;
  }): { readonly port: number; stop(closeActiveConnections: boolean): Promise<void> };
}

interface DenoRuntime {
  serve(
    options: {
      readonly port: number;
      readonly hostname: string;
      readonly onListen: () => void;
      readonly onError: (error: unknown) => Response;
    },
    handler: Handler,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
}

const { Bun, Deno } = globalThis as unknown as { readonly Bun: BunRuntime; readonly Deno: DenoRuntime };

/** The adapter in `Bun.serve()`. */
export const bunMount: AdapterMount = async (setup) => {
  const server = Bun.serve({ ...LOOPBACK, fetch: fetchApp(setup), error: failed });
  return { port: server.port, close: () => server.stop(true) };
};

/** The adapter in `Deno.serve()`. */
export const denoMount: AdapterMount = async (setup) => {
  const abort = new AbortController();
  const options = { ...LOOPBACK, signal: abort.signal, onListen: () => undefined, onError: failed };
  const server = Deno.serve(options, fetchApp(setup));
  return { port: server.addr.port, close: async () => abort.abort() };
};

const LOOPBACK = { port: 0, hostname: '127.0.0.1' } as const;

const failed = () => new Response('failed', { status: 500 });
