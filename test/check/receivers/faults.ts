import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Formula,
  github,
  gitlabToken,
  greetSlack,
  hmac,
  isFresh,
  type Received,
  receive,
  same,
  type Steps,
  shopify,
  slack,
  slackMac,
  standardWebhooks,
  stepsOf,
  stripe,
  stripeEntries,
  stripeMac,
  twilioAt,
  twilioMac,
} from './by-hand.ts';
import {
  type Host,
  koaWith,
  onAnyMethod,
  onExpress,
  onExpressJson,
  onExpressSmall,
  onFastify,
  onHono,
  onKoa,
  onNest,
  onNode,
} from './hosts.ts';
import { handle, PUBLIC_URL, type ReceiverSetup, type StartReceiver } from './ours.ts';
import { python } from './python.ts';

/** A receiver with one mistake that people make. */
export interface PlantedFault {
  /** What its author did. */
  readonly mistake: string;
  readonly host: string;
  readonly sender: string;
  /** The row that names it. */
  readonly row: string;
  /** Rows that fail with it, because the same mistake breaks them too. */
  readonly consequences?: readonly (string | RegExp)[];
  readonly start: StartReceiver;
}

const FORGED = [/^altered-/, 'unsigned', 'empty-signature', 'other-delivery', 'missing-signed-header', 'signature-start', 'signature-longer'];
const MALFORMED = [/^(?:short|long|odd|non-ascii|huge|repeated)-signature$/, 'unknown-version', 'odd-time'];
const HARMLESS = ['empty-post', 'malformed-json', 'not-utf8', 'no-content-type', 'compressed-junk'];
const EVERYTHING = [...FORGED, ...MALFORMED, ...HARMLESS, /^key-/, 'stale', 'future', 'flood', 'oversized', 'connection-reuse', 'retry', 'handshake-forged'];

const on = (host: Host, formula: Formula, faults: Partial<Steps> = {}): StartReceiver => {
  return (setup) => {
    const steps = stepsOf(formula, faults);
    return host((request) => receive(request, steps, setup));
  };
};

/** Compares as examples do: it throws if the lengths differ. */
const throwing = (given: string, expected: string) => timingSafeEqual(Buffer.from(given), Buffer.from(expected));

const githubMac = (secret: string, body: Buffer | string) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
const githubHeader = ({ headers }: Received) => headers['x-hub-signature-256'] ?? '';
export const FAULTS: readonly PlantedFault[] = [
  {
    mistake: 'receives without verifying, although the secret is required',
    ...{ host: 'Hono', sender: 'github', row: 'other-secret', consequences: EVERYTHING },
    start: on(onHono, github, { verify: () => true }),
  },
  {
    mistake: 'forgets to await the verification: a promise is always true',
    ...{ host: 'Nest', sender: 'stripe', row: 'other-secret', consequences: EVERYTHING },
    start: on(onNest, stripe, {
      verify: (request, secrets) => (Promise.resolve(stripe.verify(request, secrets)) as unknown as boolean) && true,
    }),
  },
  {
    mistake: 'verifies JSON.stringify(req.body)',
    ...{ host: 'Express', sender: 'github', row: 'bytes-unicode-escapes' },
    consequences: [/^bytes-/, 'altered-spacing'],
    start: on(onExpressJson, github),
  },
  {
    mistake: 'compares with timingSafeEqual() without comparing lengths',
    ...{ host: 'Express', sender: 'github', row: 'short-signature' },
    consequences: [...MALFORMED, 'empty-signature', 'unsigned', 'signature-start', 'signature-longer', 'empty-post'],
    start: on(onExpress, github, {
      verify: (request, secrets) => secrets.some((secret) => throwing(githubHeader(request), githubMac(secret, request.body))),
    }),
  },
  {
    mistake: 'compares the lengths of the texts, and not of their bytes',
    ...{ host: 'Koa', sender: 'shopify', row: 'non-ascii-signature' },
    start: on(onKoa, shopify, {
      verify: ({ headers, body }, secrets) =>
        secrets.some((secret) => {
          const given = headers['x-shopify-hmac-sha256'] ?? '';
          const expected = hmac('sha256', secret, body).toString('base64');
          return given.length === expected.length && throwing(given, expected);
        }),
    }),
  },
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
    start: on(onKoa, standardWebhooks, { key: ({ body }) => createHash('sha256').update(body).digest('hex') }),
  },
  {
    mistake: 'recognizes duplicates by the type and the minute',
    ...{ host: 'Fastify', sender: 'slack', row: 'distinct' },
    consequences: [/^bytes-/, /^(?!.*(?:signature|secret|key|altered|leak|refusal|unsigned)).*$/, 'several-signatures', 'previous-secret', 'altered-time'],
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
    mistake: 'accepts an optional second secret that is not set: the empty text',
    ...{ host: 'Express', sender: 'github', row: 'key-empty' },
    start: on(onExpress, github, { verify: (request, secrets) => github.verify(request, [...secrets, '']) }),
  },
  {
    mistake: 'writes a second secret that is not set into a text: "undefined"',
    ...{ host: 'Hono', sender: 'shopify', row: 'key-undefined' },
    start: on(onHono, shopify, { verify: (request, secrets) => shopify.verify(request, [...secrets, `${undefined}`]) }),
  },
  {
    mistake: 'falls back to the secret of an example',
    ...{ host: 'Fastify', sender: 'slack', row: 'key-placeholder' },
    start: on(onFastify, slack, {
      verify: (request, secrets) => slack.verify(request, [...secrets, 'changeme']),
      greet: (request, when) => (when === 'after' ? greetSlack(request) : undefined),
    }),
  },
  {
    mistake: 'decodes a secret that is not set as base64: no bytes',
    ...{ host: 'Express', sender: 'standardWebhooks', row: 'key-empty', consequences: ['key-placeholder', 'key-whitespace', 'key-object', 'key-none'] },
    start: on(onExpress, standardWebhooks, {
      verify: (request, secrets) => standardWebhooks.verify(request, [...secrets, '']),
    }),
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
      refuse: (_request, { secret }) => ({ status: 400, body: JSON.stringify({ error: 'bad signature', config: { secret } }) }),
    }),
  },
  {
    mistake: 'shows the stack trace of the verification',
    ...{ host: 'Fastify', sender: 'shopify', row: 'leak-stack' },
    start: on(onFastify, shopify, { refuse: () => ({ status: 401, body: new Error('bad signature').stack ?? '' }) }),
  },
  {
    mistake: 'does not look at the signed time',
    ...{ host: 'Fastify', sender: 'stripe', row: 'stale', consequences: ['future'] },
    start: on(onFastify, stripe, {
      verify({ headers, body }, secrets) {
        const { time, signatures } = stripeEntries(headers['stripe-signature']);
        return secrets.some((secret) => signatures.some((given) => same(given, stripeMac(secret, time, body))));
      },
    }),
  },
  {
    mistake: 'looks only at the age of the signed time, which may be negative',
    ...{ host: 'Hono', sender: 'slack', row: 'future' },
    start: on(onHono, slack, {
      verify({ headers, body }, secrets) {
        const time = headers['x-slack-request-timestamp'] ?? '';
        if (Date.now() / 1000 - Number(time) > 300) return false;
        return secrets.some((secret) => same(headers['x-slack-signature'] ?? '', slackMac(secret, time, body)));
      },
      greet: (request, when) => (when === 'after' ? greetSlack(request) : undefined),
    }),
  },
  {
    mistake: 'accepts a signed time for 5 seconds only',
    ...{ host: 'Koa', sender: 'standardWebhooks', row: 'recent-time' },
    start: on(onKoa, standardWebhooks, {
      verify: (request, secrets) =>
        isFresh(request.headers['webhook-timestamp'] ?? '', 5) && standardWebhooks.verify(request, secrets),
    }),
  },
  {
    mistake: 'reads only the first v1 entry',
    ...{ host: 'Express', sender: 'stripe', row: 'several-signatures' },
    start: on(onExpress, stripe, {
      verify({ headers, body }, secrets) {
        const { time, signatures } = stripeEntries(headers['stripe-signature']);
        return isFresh(time) && secrets.some((secret) => same(signatures[0] ?? '', stripeMac(secret, time, body)));
      },
    }),
  },
  {
    mistake: 'knows one secret, not two',
    ...{ host: 'Nest', sender: 'github', row: 'previous-secret' },
    start: on(onNest, github, { verify: (request, [secret = '']) => github.verify(request, [secret]) }),
  },
  {
    mistake: 'compares only as many characters as the request has',
    ...{ host: 'node:http', sender: 'shopify', row: 'signature-start', consequences: ['unsigned', 'empty-signature', 'empty-post'] },
    start: on(onNode, shopify, {
      verify: ({ headers, body }, secrets) =>
        secrets.some((secret) =>
          hmac('sha256', secret, body).toString('base64').startsWith(headers['x-shopify-hmac-sha256'] ?? ''),
        ),
    }),
  },
  {
    mistake: 'compares only as many characters as the expected signature has',
    ...{ host: 'Koa', sender: 'github', row: 'signature-longer' },
    start: on(onKoa, github, {
      verify: (request, secrets) => secrets.some((secret) => githubHeader(request).startsWith(githubMac(secret, request.body))),
    }),
  },
  {
    mistake: 'verifies only if there is a signature',
    ...{ host: 'Express', sender: 'shopify', row: 'unsigned', consequences: ['empty-signature', 'empty-post'] },
    start: on(onExpress, shopify, {
      verify: (request, secrets) => !request.headers['x-shopify-hmac-sha256'] || shopify.verify(request, secrets),
    }),
  },
  {
    mistake: 'takes the algorithm from the request',
    ...{ host: 'Fastify', sender: 'github', row: 'unknown-version', consequences: ['unsigned', 'empty-signature', 'empty-post'] },
    start: on(onFastify, github, {
      verify(request, secrets) {
        const [algorithm = '', given = ''] = githubHeader(request).split('=');
        return secrets.some((secret) => same(given, createHmac(algorithm, secret).update(request.body).digest('hex')));
      },
    }),
  },
  {
    mistake: 'keeps the limit of 100 kB of the parser',
    ...{ host: 'Express', sender: 'github', row: 'large-body' },
    start: on(onExpressSmall, github),
  },
  {
    mistake: 'accepts only the exact content type "application/json"',
    ...{ host: 'node:http', sender: 'github', row: 'content-type-charset' },
    start: on(onNode, github, {
      verify: (request, secrets) =>
        request.headers['content-type'] === 'application/json' && github.verify(request, secrets),
    }),
  },
  {
    mistake: 'verifies the first piece of the body',
    ...{ host: 'Koa', sender: 'stripe', row: 'slow-body', consequences: ['large-body', 'broken-off', 'oversized'] },
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
    mistake: 'decodes the body as latin1',
    ...{ host: 'Hono', sender: 'github', row: 'bytes-utf8' },
    start: on(onHono, github, {
      verify: (request, secrets) => secrets.some((secret) => same(githubHeader(request), githubMac(secret, request.body.toString('latin1')))),
    }),
  },
  {
    mistake: 'trims the body',
    ...{ host: 'Hono', sender: 'stripe', row: 'bytes-trailing-newline', consequences: ['altered-spacing'] },
    start: on(onHono, stripe, {
      verify: (request, secrets) =>
        stripe.verify({ ...request, body: Buffer.from(request.body.toString().trim()) }, secrets),
    }),
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
    mistake: 'parses before it verifies',
    ...{ host: 'Fastify', sender: 'github', row: 'malformed-json', consequences: ['not-utf8', 'empty-post', 'compressed-junk', 'oversized', 'no-content-type', 'unsigned'] },
    start: on(onFastify, github, {
      verify(request, secrets) {
        JSON.parse(request.body.toString());
        return github.verify(request, secrets);
      },
    }),
  },
  {
    mistake: 'looks for a header only as it is usually written',
    ...{ host: 'node:http', sender: 'stripe', row: 'header-case' },
    start: on(onNode, stripe, {
      verify({ rawHeaders, ...request }, secrets) {
        const at = rawHeaders.indexOf('stripe-signature');
        const headers = { 'stripe-signature': at === -1 ? undefined : rawHeaders[at + 1] };
        return stripe.verify({ ...request, rawHeaders, headers }, secrets);
      },
    }),
  },
  {
    mistake: 'does not know the test of the endpoint',
    ...{ host: 'Express', sender: 'slack', row: 'handshake' },
    start: on(onExpress, slack),
  },
  {
    mistake: 'responds to the test of the endpoint before it verifies',
    ...{ host: 'Nest', sender: 'slack', row: 'handshake-forged' },
    start: on(onNest, slack, { greet: (request, when) => (when === 'before' ? greetSlack(request) : undefined) }),
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
    mistake: 'rebuilds the URL from X-Forwarded-Host',
    ...{ host: 'Express', sender: 'twilio', row: 'other-url' },
    start: on(onExpress, twilioAt(PUBLIC_URL), {
      verify({ headers, url, body }, secrets) {
        const host = headers['x-forwarded-host'] ?? new URL(PUBLIC_URL).host;
        const fields = new URLSearchParams(body.toString());
        return secrets.some((secret) =>
          same(headers['x-twilio-signature'] ?? '', twilioMac(secret, `https://${host}${url}`, fields)),
        );
      },
    }),
  },
  {
    mistake: 'leaves the plus signs of a form as they are',
    ...{ host: 'Koa', sender: 'twilio', row: 'form-encoding' },
    start: on(onKoa, twilioAt(PUBLIC_URL), {
      verify({ headers, url, body }, secrets) {
        const fields = body
          .toString()
          .split('&')
          .map((pair): [string, string] => {
            const [name = '', value = ''] = pair.split('=').map(decodeURIComponent);
            return [name, value];
          });
        const publicUrl = new URL(url, PUBLIC_URL).href;
        return secrets.some((secret) => same(headers['x-twilio-signature'] ?? '', twilioMac(secret, publicUrl, fields)));
      },
    }),
  },
  {
    mistake: 'drops empty values of a form',
    ...{ host: 'Hono', sender: 'twilio', row: 'form-empty-values' },
    start: on(onHono, twilioAt(PUBLIC_URL), {
      verify({ headers, url, body }, secrets) {
        const fields = [...new URLSearchParams(body.toString())].filter(([, value]) => value !== '');
        const publicUrl = new URL(url, PUBLIC_URL).href;
        return secrets.some((secret) => same(headers['x-twilio-signature'] ?? '', twilioMac(secret, publicUrl, fields)));
      },
    }),
  },
  {
    mistake: 'reads GET requests as if they had a body',
    ...{ host: 'Express', sender: 'shopify', row: 'other-methods' },
    start: onEveryMethod,
  },
  {
    mistake: 'verifies json.dumps(json.loads(body))',
    ...{ host: 'Python', sender: 'github', row: 'bytes-spacing', consequences: [/^bytes-/, 'altered-spacing', 'malformed-json', 'not-utf8', 'empty-post', 'compressed-junk', 'oversized', 'connection-reuse'] },
    start: python('dumps'),
  },
  {
    mistake: 'reads a header that may be missing, so that the thread ends',
    ...{ host: 'Python', sender: 'github', row: 'unsigned', consequences: ['empty-post'] },
    start: python('missing-header'),
  },
  {
    mistake: 'makes a text of a second secret that is not set: "None"',
    ...{ host: 'Python', sender: 'github', row: 'key-none' },
    start: python('none'),
  },
  {
    mistake: 'decodes the body before it verifies',
    ...{ host: 'Python', sender: 'github', row: 'not-utf8', consequences: ['compressed-junk'] },
    start: python('decode'),
  },
  {
    mistake: 'reads what has arrived so far',
    ...{ host: 'Python', sender: 'github', row: 'slow-body', consequences: ['large-body', 'broken-off', 'connection-reuse'] },
    start: python('read1'),
  },
  {
    mistake: 'writes the traceback into the response',
    ...{ host: 'Python', sender: 'github', row: 'leak-stack' },
    start: python('traceback'),
  },
  {
    mistake: 'shares a set of ids between threads without a lock',
    ...{ host: 'Python', sender: 'github', row: 'parallel' },
    start: python('unlocked'),
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
