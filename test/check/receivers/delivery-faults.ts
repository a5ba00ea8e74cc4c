import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import {
  github,
  gitlabToken,
  greetSlack,
  receive,
  shopify,
  slack,
  standardWebhooks,
  stepsOf,
  stripe,
} from './by-hand.ts';
import {
  koaWith,
  onAnyMethod,
  onExpress,
  onExpressSmall,
  onFastify,
  onHono,
  onKoa,
  onNest,
} from './hosts.ts';
import { handle, type ReceiverSetup } from './ours.ts';
import { githubMac, on, type PlantedFault } from './planted-fault.ts';

/** Mistakes around the verification: what is read, remembered and answered. */
export const DELIVERY_FAULTS: readonly PlantedFault[] = [
  {
    mistake: 'lets the error of the verification become a 500',
    ...{ host: 'Nest', sender: 'stripe', row: 'refusal-status' },
    start: on(onNest, stripe, {
      refuse: () => {
        throw new Error('No signatures found matching the expected signature for payload');
      },
    }),
  },
  {
    mistake: 'redirects to the login page what is not signed',
    ...{ host: 'Koa', sender: 'github', row: 'refusal-status' },
    start: on(onKoa, github, { refuse: () => ({ status: 302, headers: { location: '/login' } }) }),
  },
  {
    mistake: 'logs the error of the handler and responds with 200',
    ...{ host: 'Hono', sender: 'shopify', row: 'failure-answer' },
    start: on(onHono, shopify, { failed: () => ({ status: 200 }) }),
  },
  {
    mistake: 'remembers a delivery although its handler failed',
    ...{ host: 'Fastify', sender: 'stripe', row: 'failure-retry' },
    start: on(onFastify, stripe, { release: () => undefined }),
  },
  {
    mistake: 'remembers no delivery',
    ...{ host: 'Express', sender: 'github', row: 'duplicate', consequences: ['new-label', 'parallel'] },
    start: on(onExpress, github, { claim: () => true }),
  },
  {
    mistake: 'looks a delivery up, and writes it down only afterwards',
    ...{ host: 'Fastify', sender: 'standardWebhooks', row: 'parallel' },
    start: (setup) => {
      const seen = new Set<string>();
      return on(onFastify, standardWebhooks, {
        async claim(key) {
          if (seen.has(key)) return false;
          await delay(50);
          seen.add(key);
          return true;
        },
        release: (key) => void seen.delete(key),
      })(setup);
    },
  },
  {
    mistake: 'recognizes duplicates by X-GitHub-Delivery, which is not signed',
    ...{ host: 'Express', sender: 'github', row: 'new-label' },
    start: on(onExpress, github, { key: ({ headers }) => headers['x-github-delivery'] ?? '' }),
  },
  {
    mistake: 'recognizes duplicates by the signature',
    ...{ host: 'Hono', sender: 'standardWebhooks', row: 'retry' },
    start: on(onHono, standardWebhooks, { key: ({ headers }) => headers['webhook-signature'] ?? '' }),
  },
  {
    mistake: 'recognizes duplicates by the content, although an id is signed',
    ...{ host: 'Koa', sender: 'standardWebhooks', row: 'same-content' },
    start: on(onKoa, standardWebhooks, {
      key: ({ body }) => createHash('sha256').update(body).digest('hex'),
    }),
  },
  {
    mistake: 'recognizes duplicates by the type and the minute',
    ...{ host: 'Fastify', sender: 'slack', row: 'distinct' },
    consequences: [
      /^bytes-/,
      /^(?!.*(?:signature|secret|key|altered|leak|refusal|unsigned)).*$/,
      'several-signatures',
      'previous-secret',
      'altered-time',
    ],
    start: on(onFastify, slack, {
      key: ({ body }) => `${JSON.parse(body.toString()).event?.type} ${Math.floor(Date.now() / 1000 / 60)}`,
      greet: (request, when) => (when === 'after' ? greetSlack(request) : undefined),
    }),
  },
  {
    mistake: 'responds to a duplicate with 409',
    ...{ host: 'Nest', sender: 'github', row: 'duplicate-answer' },
    start: on(onNest, github, { duplicate: () => ({ status: 409 }) }),
  },
  {
    mistake: 'shows the expected signature in the refusal',
    ...{ host: 'Express', sender: 'github', row: 'leak-signature' },
    start: on(onExpress, github, {
      refuse: ({ body }, { secret }) => ({ status: 401, body: `expected ${githubMac(secret, body)}` }),
    }),
  },
  {
    mistake: 'shows its configuration in the refusal',
    ...{ host: 'Koa', sender: 'stripe', row: 'leak-secret' },
    start: on(onKoa, stripe, {
      refuse: (_request, { secret }) => ({
        status: 400,
        body: JSON.stringify({ error: 'bad signature', config: { secret } }),
      }),
    }),
  },
  {
    mistake: 'shows the stack trace of the verification',
    ...{ host: 'Fastify', sender: 'shopify', row: 'leak-stack' },
    start: on(onFastify, shopify, {
      refuse: () => ({ status: 401, body: new Error('bad signature').stack ?? '' }),
    }),
  },
  {
    mistake: 'keeps the limit of 100 kB of the parser',
    ...{ host: 'Express', sender: 'github', row: 'large-body' },
    start: on(onExpressSmall, github),
  },
  {
    mistake: 'verifies the first piece of the body',
    ...{
      host: 'Koa',
      sender: 'stripe',
      row: 'slow-body',
      consequences: ['large-body', 'broken-off', 'oversized'],
    },
    start: on(koaWith(firstPiece), stripe),
  },
  {
    mistake: 'reads as many bytes as Content-Length says',
    ...{ host: 'Koa', sender: 'github', row: 'chunked-body' },
    start: on(koaWith(asDeclared), github),
  },
  {
    mistake: 'collects bodies of any length',
    ...{ host: 'Koa', sender: 'standardWebhooks', row: 'oversized' },
    start: on(koaWith(anyLength), standardWebhooks),
  },
  {
    mistake: 'handles what has arrived when the connection breaks',
    ...{ host: 'Koa', sender: 'gitlabToken', row: 'broken-off' },
    start: on(koaWith(whatArrived), gitlabToken),
  },
  {
    mistake: 'responds with 200 to what it refuses',
    ...{ host: 'Koa', sender: 'shopify', row: 'refusal-acknowledged' },
    start: on(onKoa, shopify, { refuse: () => ({ status: 200, body: 'ok' }) }),
  },
  {
    mistake: 'responds with 410 to what it refuses',
    ...{ host: 'Fastify', sender: 'standardWebhooks', row: 'refusal-gone' },
    start: on(onFastify, standardWebhooks, { refuse: () => ({ status: 410 }) }),
  },
  {
    mistake: 'responds with 403 to a sender that tests for 401',
    ...{ host: 'Hono', sender: 'slack', row: 'refusal-401' },
    start: on(onHono, slack, {
      refuse: () => ({ status: 403 }),
      greet: (request, when) => (when === 'after' ? greetSlack(request) : undefined),
    }),
  },
  {
    mistake: 'blocks everybody for a while after six forgeries at once',
    ...{ host: 'Express', sender: 'standardWebhooks', row: 'flood' },
    start: blocking,
  },
  {
    mistake: 'does not know the test of the endpoint',
    ...{ host: 'Express', sender: 'slack', row: 'handshake' },
    start: on(onExpress, slack),
  },
  {
    mistake: 'responds to the test of the endpoint before it verifies',
    ...{ host: 'Nest', sender: 'slack', row: 'handshake-forged' },
    start: on(onNest, slack, {
      greet: (request, when) => (when === 'before' ? greetSlack(request) : undefined),
    }),
  },
  {
    mistake: 'does its work before it responds, and takes longer than the sender waits',
    ...{ host: 'Express', sender: 'slack', row: 'answer-time' },
    start: (setup) => {
      let runs = 0;
      return on(onExpress, slack, {
        greet: (request, when) => (when === 'after' ? greetSlack(request) : undefined),
        async handle(ran, body) {
          handle(ran, body);
          // Only at first, so that the check does not take minutes.
          if (runs++ < 3) await delay(3_200);
        },
      })(setup);
    },
  },
  {
    mistake: 'reads GET requests as if they had a body',
    ...{ host: 'Express', sender: 'shopify', row: 'other-methods' },
    start: onEveryMethod,
  },
];

function firstPiece(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve) => {
    incoming.once('data', resolve).once('end', () => resolve(Buffer.of()));
  });
}

async function asDeclared(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const declared = Number(incoming.headers['content-length'] ?? 0);
  if (declared > 1_000_000) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).subarray(0, declared);
}

async function anyLength(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function whatArrived(incoming: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(incoming.headers['content-length'] ?? 0) > 1_000_000) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    const done = () => resolve(Buffer.concat(chunks));
    incoming.once('end', done).once('close', done).once('error', done);
  });
}

function blocking(setup: ReceiverSetup) {
  let failing = 0;
  let blockedUntil = 0;
  const steps = stepsOf(standardWebhooks, {
    async refuse() {
      failing += 1;
      if (failing >= 6) blockedUntil = Date.now() + 5_000;
      await delay(100);
      failing -= 1;
      return { status: 401 };
    },
  });
  return onExpress(async (request) => {
    if (Date.now() < blockedUntil) return { status: 429 };
    return receive(request, steps, setup);
  });
}

function onEveryMethod(setup: ReceiverSetup) {
  const steps = stepsOf(shopify);
  return onAnyMethod((request) => {
    if (request.method !== 'POST' && request.body.length === 0) throw new TypeError('body is undefined');
    return receive(request, steps, setup);
  });
}
