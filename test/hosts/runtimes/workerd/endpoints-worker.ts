import {
  createKeyring,
  createVerifier,
  memoryReplayStore,
  type Verifier,
  type WebhookEvent,
} from '@countersign/core';
import { envSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/fetch';
import { standardWebhooks } from '@countersign/schemes';

// A Worker with everything at module level, where Cloudflare allows no timer, no request and no random number.

/** A server of Node.js beside the Worker: the source of secrets, and what a handler waits for. */
let outside = '';
const ask = async (path: string) => (await fetch(`${outside}${path}`)).text();

const scheme = standardWebhooks();
const events: string[] = [];
const observe = ({ type, ...event }: WebhookEvent) =>
  events.push('code' in event ? `${type} ${event.code}` : type);
const STATIC = `whsec_${btoa('a static secret of 24 by')}`;

const VERIFIERS: Readonly<Record<string, Verifier>> = {
  static: createVerifier({ scheme, secrets: STATIC, observe }),
  remembered: createVerifier({ scheme, secrets: STATIC, replay: memoryReplayStore(), observe }),
  env: createVerifier({ scheme, secrets: envSecrets('SECRET'), observe }),
  unset: createVerifier({ scheme, secrets: envSecrets('NOT_SET'), observe }),
  // A context is passed with requests to the first of these only.
  loaded: createVerifier({ scheme, secrets: async () => ({ current: await ask('/secret') }), observe }),
  'no-context': createVerifier({ scheme, secrets: async () => ({ current: await ask('/secret') }), observe }),
  shared: createVerifier({
    scheme,
    secrets: createKeyring(
      { name: 'outside', load: async () => ({ current: await ask('/secret') }) },
      { scheme, intervalSeconds: 1, timeoutSeconds: 0.5 },
    ),
    observe,
  }),
  disabled: createVerifier({ scheme, disabled: true }),
};

const ROUTES = Object.fromEntries(
  Object.entries(VERIFIERS).map(([name, verifier]) => [
    `/${name}`,
    webhookHandler(verifier, async (webhook) => {
      if (webhook.text().includes('slow')) await ask('/slow');
    }),
  ]),
);

export default {
  async fetch(request: Request, env: { OUTSIDE: string }, context: object): Promise<Response> {
    outside = env.OUTSIDE;
    const { pathname, searchParams } = new URL(request.url);
    const verifier = VERIFIERS[searchParams.get('health') ?? ''];
    if (verifier !== undefined) return Response.json({ ...verifier.health(), events: events.splice(0) });
    const route = ROUTES[pathname];
    if (route === undefined) return new Response('no such endpoint', { status: 404 });
    return pathname === '/no-context' ? route(request) : route(request, env, context);
  },
};
