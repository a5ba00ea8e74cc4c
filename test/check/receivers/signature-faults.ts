import { createHmac } from 'node:crypto';
import {
  github,
  greetSlack,
  hmac,
  isFresh,
  same,
  shopify,
  slack,
  slackMac,
  standardWebhooks,
  stripe,
  stripeEntries,
  stripeMac,
  twilioAt,
  twilioMac,
} from './by-hand.ts';
import { onExpress, onExpressJson, onFastify, onHono, onKoa, onNest, onNode } from './hosts.ts';
import { PUBLIC_URL } from './ours.ts';
import {
  EVERYTHING,
  githubHeader,
  githubMac,
  MALFORMED,
  on,
  type PlantedFault,
  throwing,
} from './planted-fault.ts';

/** Mistakes in the verification. */
export const SIGNATURE_FAULTS: readonly PlantedFault[] = [
  {
    mistake: 'receives without verifying, although the secret is required',
    ...{ host: 'Hono', sender: 'github', row: 'other-secret', consequences: EVERYTHING },
    start: on(onHono, github, { verify: () => true }),
  },
  {
    mistake: 'forgets to await the verification: a promise is always true',
    ...{ host: 'Nest', sender: 'stripe', row: 'other-secret', consequences: EVERYTHING },
    start: on(onNest, stripe, {
      verify: (request, secrets) =>
        (Promise.resolve(stripe.verify(request, secrets)) as unknown as boolean) && true,
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
    consequences: [
      ...MALFORMED,
      'empty-signature',
      'unsigned',
      'signature-start',
      'signature-longer',
      'empty-post',
    ],
    start: on(onExpress, github, {
      verify: (request, secrets) =>
        secrets.some((secret) => throwing(githubHeader(request), githubMac(secret, request.body))),
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
    mistake: 'accepts an optional second secret that is not set: the empty text',
    ...{ host: 'Express', sender: 'github', row: 'key-empty' },
    start: on(onExpress, github, { verify: (request, secrets) => github.verify(request, [...secrets, '']) }),
  },
  {
    mistake: 'writes a second secret that is not set into a text: "undefined"',
    ...{ host: 'Hono', sender: 'shopify', row: 'key-undefined' },
    start: on(onHono, shopify, {
      verify: (request, secrets) => shopify.verify(request, [...secrets, `${undefined}`]),
    }),
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
    ...{
      host: 'Express',
      sender: 'standardWebhooks',
      row: 'key-empty',
      consequences: ['key-placeholder', 'key-whitespace', 'key-object', 'key-none'],
    },
    start: on(onExpress, standardWebhooks, {
      verify: (request, secrets) => standardWebhooks.verify(request, [...secrets, '']),
    }),
  },
  {
    mistake: 'does not look at the signed time',
    ...{ host: 'Fastify', sender: 'stripe', row: 'stale', consequences: ['future'] },
    start: on(onFastify, stripe, {
      verify({ headers, body }, secrets) {
        const { time, signatures } = stripeEntries(headers['stripe-signature']);
        return secrets.some((secret) =>
          signatures.some((given) => same(given, stripeMac(secret, time, body))),
        );
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
        return secrets.some((secret) =>
          same(headers['x-slack-signature'] ?? '', slackMac(secret, time, body)),
        );
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
        return (
          isFresh(time) && secrets.some((secret) => same(signatures[0] ?? '', stripeMac(secret, time, body)))
        );
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
    ...{
      host: 'node:http',
      sender: 'shopify',
      row: 'signature-start',
      consequences: ['unsigned', 'empty-signature', 'empty-post'],
    },
    start: on(onNode, shopify, {
      verify: ({ headers, body }, secrets) =>
        secrets.some((secret) =>
          hmac('sha256', secret, body)
            .toString('base64')
            .startsWith(headers['x-shopify-hmac-sha256'] ?? ''),
        ),
    }),
  },
  {
    mistake: 'compares only as many characters as the expected signature has',
    ...{ host: 'Koa', sender: 'github', row: 'signature-longer' },
    start: on(onKoa, github, {
      verify: (request, secrets) =>
        secrets.some((secret) => githubHeader(request).startsWith(githubMac(secret, request.body))),
    }),
  },
  {
    mistake: 'verifies only if there is a signature',
    ...{
      host: 'Express',
      sender: 'shopify',
      row: 'unsigned',
      consequences: ['empty-signature', 'empty-post'],
    },
    start: on(onExpress, shopify, {
      verify: (request, secrets) =>
        !request.headers['x-shopify-hmac-sha256'] || shopify.verify(request, secrets),
    }),
  },
  {
    mistake: 'takes the algorithm from the request',
    ...{
      host: 'Fastify',
      sender: 'github',
      row: 'unknown-version',
      consequences: ['unsigned', 'empty-signature', 'empty-post'],
    },
    start: on(onFastify, github, {
      verify(request, secrets) {
        const [algorithm = '', given = ''] = githubHeader(request).split('=');
        return secrets.some((secret) =>
          same(given, createHmac(algorithm, secret).update(request.body).digest('hex')),
        );
      },
    }),
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
    mistake: 'decodes the body as latin1',
    ...{ host: 'Hono', sender: 'github', row: 'bytes-utf8' },
    start: on(onHono, github, {
      verify: (request, secrets) =>
        secrets.some((secret) =>
          same(githubHeader(request), githubMac(secret, request.body.toString('latin1'))),
        ),
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
    mistake: 'parses before it verifies',
    ...{
      host: 'Fastify',
      sender: 'github',
      row: 'malformed-json',
      consequences: ['not-utf8', 'empty-post', 'compressed-junk', 'oversized', 'no-content-type', 'unsigned'],
    },
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
        return secrets.some((secret) =>
          same(headers['x-twilio-signature'] ?? '', twilioMac(secret, publicUrl, fields)),
        );
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
        return secrets.some((secret) =>
          same(headers['x-twilio-signature'] ?? '', twilioMac(secret, publicUrl, fields)),
        );
      },
    }),
  },
];
