import { type AdapterMount, adapterCases } from '@countersign/testing';
import { fetchApp } from '../../../support/mounts/fetch.ts';
import { relay } from './relay-socket.ts';

// The Worker in which the adapter cases run: both their receivers, which requests on the other ports reach, and the cases
// themselves, one for each request on the first port.

type App = ReturnType<typeof fetchApp>;

const apps = new Map<string, App>();

const mount: AdapterMount = async (setup) => {
  const port = PORTS.find((each) => !apps.has(each));
  if (port === undefined) throw new Error('All ports are in use.');
  apps.set(port, fetchApp(setup));
  return {
    port: Number(port),
    close: async () => void apps.delete(port),
  };
};
let PORTS: readonly string[] = [];

const cases = adapterCases(mount, {
  limits: [...FETCH_LIMITS, 'no-continue'],
});

export default {
  async fetch(request: Request, env: { PORTS: string; RELAY: string }, context: unknown): Promise<Response> {
    PORTS = env.PORTS.split(' ');
    relay.port = Number(env.RELAY);
    const port = request.headers.get('x-port');
    if (port !== null) {
      const app = apps.get(port);
      return app === undefined ? new Response('no app', { status: 500 }) : app(request, env, context);
    }
    const { searchParams } = new URL(request.url);
    const number = searchParams.get('case');
    if (number === null) return Response.json(cases.map(({ name }) => name));
    const each = cases[Number(number)];
    const alive = setInterval(() => undefined, 10);
    try {
      await each?.run();
      return Response.json(null);
    } catch (error) {
      return Response.json((error as Error).stack);
    } finally {
      clearInterval(alive);
    }
  },
};
