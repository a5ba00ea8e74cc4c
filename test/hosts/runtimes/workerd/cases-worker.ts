import { type AdapterLimit, type AdapterMount, adapterCases } from '@countersign/testing';
import { FETCH_LIMITS, type FetchApp, fetchApp, honoApp } from '../../../support/mounts/fetch.ts';
import { PATIENCE_MS } from '../suite.ts';
import { relay } from './relay-socket.ts';

// The Worker in which the adapter cases run. A request to the first port runs one case; the requests of its clients come to the
// others, where the receivers are.

interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

/** What the caller tells with each request, because a Worker can't find it out. */
export interface CaseRequest {
  readonly app: 'fetch' | 'Hono';
  /** `undefined`: list the cases. */
  readonly index?: number;
  readonly ports: readonly number[];
  readonly relayPort: number;
}

export interface CaseList {
  readonly limits: readonly string[];
  readonly names: readonly string[];
}

const LIMITS: readonly AdapterLimit[] = [...FETCH_LIMITS, 'no-continue'];
const APPS: Readonly<Record<CaseRequest['app'], FetchApp>> = { fetch: fetchApp, Hono: honoApp };

let ports: readonly number[] = [];
/** By the index of the port. */
const receivers = new Map<number, ReturnType<FetchApp>>();

function mountOf(app: FetchApp): AdapterMount {
  return async (setup) => {
    const index = ports.findIndex((_, each) => each > 0 && !receivers.has(each));
    const port = ports[index];
    if (port === undefined) throw new Error('Every port is in use.');
    receivers.set(index, app(setup));
    return { port, close: async () => void receivers.delete(index) };
  };
}

export default {
  async fetch(request: Request, env: unknown, context: Context): Promise<Response> {
    const port = request.headers.get('x-port');
    if (port !== null) {
      const receiver = receivers.get(Number(port));
      return receiver?.(request, env, lasting(context)) ?? new Response('closed', { status: 500 });
    }
    const { app, index, ...addresses } = (await request.json()) as CaseRequest;
    ports = addresses.ports;
    relay.port = addresses.relayPort;
    const cases = adapterCases(mountOf(APPS[app]), { limits: LIMITS, patienceMs: PATIENCE_MS });
    if (index === undefined) return Response.json({ limits: LIMITS, names: cases.map(({ name }) => name) });
    const failure = await cases[index]?.run().then(
      () => '',
      (error: Error) => error.message,
    );
    return new Response(failure);
  },
};

/**
 * A Worker is stopped if it waits for something that no timer and no connection of the same request can bring. What waits for the
 * clock of a case does, so a real timer stands for those of that clock.
 */
function lasting(context: Context): Context {
  return {
    waitUntil(promise) {
      const timer = setInterval(() => undefined, 1000);
      context.waitUntil(promise.finally(() => clearInterval(timer)));
    },
  };
}
