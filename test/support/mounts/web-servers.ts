import type { AdapterMount } from '@countersign/testing';
import type { FetchApp } from './fetch.ts';

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
      readonly signal: AbortSignal;
      readonly onListen: () => void;
      readonly onError: (error: unknown) => Response;
    },
    handler: Handler,
  ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> };
}

const { Bun, Deno } = globalThis as unknown as { readonly Bun: BunRuntime; readonly Deno: DenoRuntime };

/** An app in `Bun.serve()`. */
export function bunMount(app: FetchApp): AdapterMount {
  return async (setup) => {
    const server = Bun.serve({ ...LOOPBACK, fetch: app(setup), error: failed });
    return { port: server.port, close: () => server.stop(true) };
  };
}

/** An app in `Deno.serve()`. */
export function denoMount(app: FetchApp): AdapterMount {
  return async (setup) => {
    const abort = new AbortController();
    const options = { ...LOOPBACK, signal: abort.signal, onListen: () => undefined, onError: failed };
    const server = Deno.serve(options, app(setup));
    return {
      port: server.addr.port,
      async close() {
        abort.abort();
        await server.finished;
      },
    };
  };
}

const LOOPBACK = { port: 0, hostname: '127.0.0.1' } as const;

const failed = () => new Response('failed', { status: 500 });
