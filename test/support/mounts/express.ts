import { webhook } from '@countersign/express';
import type { AdapterMount, AdapterSetup, RouteAction } from '@countersign/testing';
import express5, { type Express, type NextFunction, type RequestHandler, type Response } from 'express';
import express4 from 'express4';
import { listen } from '../listen.ts';

/** How users mount the adapter. */
export type ExpressStyle = 'route' | 'use' | 'router';

// What is used here is the same in both; only the type packages differ.
const VERSIONS = { 4: express4 as unknown as typeof express5, 5: express5 };
export type ExpressVersion = keyof typeof VERSIONS;

export function expressOf(version: ExpressVersion): typeof express5 {
  return VERSIONS[version];
}

/** The adapter under one version of Express, mounted in one of the usual styles. */
export function expressMount(version: ExpressVersion, style: ExpressStyle = 'route'): AdapterMount {
  return async (setup) => listen(expressApp(version, setup, style));
}

/** The app of {@link expressMount}, for hosts that run it in another way. */
export function expressApp(
  version: ExpressVersion,
  setup: AdapterSetup,
  style: ExpressStyle = 'route',
): Express {
  const express = expressOf(version);
  const app = express();
  app.set('env', 'test');
  app.post('/sibling', express.json(), (req, res) => {
    res.json(req.body);
  });
  const parsers = parsersOf(express);
  if (setup.parser === 'before') app.use(parsers);
  const guard: RequestHandler[] = [webhook(setup.verifier, setup.options)];
  if (setup.parser === 'after') guard.push(...parsers);
  const route = routeOf(setup);
  if (style === 'route') app.route('/hooks/case').get(guard, route).post(guard, route).put(guard, route);
  else if (style === 'use') {
    app.use('/hooks', guard);
    app.route('/hooks/case').get(route).post(route).put(route);
  } else {
    const router = express.Router();
    router.use(guard);
    router.route('/case').get(route).post(route).put(route);
    app.use('/hooks', router);
  }
  return app;
}

function parsersOf(express: typeof express5): RequestHandler[] {
  return [express.json(), express.urlencoded({ extended: false })];
}

function routeOf(setup: AdapterSetup): RequestHandler {
  return (req, res, next) => {
    const action = setup.handler({ webhook: req.webhook, body: req.body });
    if (!(action instanceof Promise)) return perform(action, res, next);
    // Express 4 does not look at what a handler returns.
    return action.then((later) => perform(later, res, next)).catch(next);
  };
}

/** Does what the guarded route does. */
export function perform(action: RouteAction, res: Response, next: NextFunction): void | Promise<void> {
  switch (action.action) {
    case 'respond':
      res.status(action.status).send(action.body);
      return;
    case 'throw':
      throw action.error;
    case 'reject':
      return Promise.reject(action.error).catch(next);
    case 'respond-then-throw':
      res.status(action.status).send(action.body);
      throw action.error;
    case 'stream':
      return stream(res, action).catch(next);
    case 'never-end':
      return;
  }
}

async function stream(res: Response, action: Extract<RouteAction, { action: 'stream' }>): Promise<void> {
  res.status(action.status);
  for (const piece of action.pieces) {
    res.write(piece);
    await action.pause;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (action.error !== undefined) throw action.error;
  res.end();
}
