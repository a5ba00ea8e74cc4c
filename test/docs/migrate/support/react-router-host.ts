import type { RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { createRequestHandler, type ServerBuild } from 'react-router';

export type Action = (args: { request: Request }) => Promise<unknown>;

/** React Router itself, with one route that is an action and nothing else, as a route for webhooks is. */
export function reactRouterListener(action: Action): RequestListener {
  const route = { id: 'routes/hooks', path: '*', module: { action } };
  const build = {
    entry: { module: { default: () => new Response(null, { status: 500 }), handleError() {} } },
    routes: { [route.id]: route },
    assets: { entry: { module: '', imports: [] }, routes: {}, url: '', version: '' },
    ...{ publicPath: '/', assetsBuildDirectory: '', future: {}, ssr: true, isSpaMode: false },
    ...{ prerender: [], routeDiscovery: { mode: 'initial', manifestPath: '/__manifest' } },
  } as unknown as ServerBuild;
  return getRequestListener(createRequestHandler(build, 'production'));
}
