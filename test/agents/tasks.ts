import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  anchorBrowser,
  github,
  langsmith,
  linear,
  shopify,
  slack,
  standardWebhooks,
  stripe,
  svix,
  twilio,
} from '@countersign/schemes';
import type { Framework, Source } from './contract.ts';

/** A task for a coding agent, and what the grader must know to judge the result. */
export interface Task {
  /** The name of the solution's file. */
  readonly name: string;
  readonly prompt: string;
  /** Signs as the sender does. */
  readonly scheme: DefinedScheme;
  readonly framework: Framework;
  readonly source: Source;
  /** `sender`: the new secret is current at once. `own`: it is `next` first. */
  readonly rotation: 'sender' | 'own';
  /** Two instances run, with the shared store. */
  readonly shared?: true;
  /** The body is a form, not JSON. */
  readonly form?: true;
  /** What the sender sends to test the endpoint, and what must come back. */
  readonly handshake?: { readonly body: string; readonly response: unknown };
}

/** Nobody's scheme: the prompt describes it. */
const ORBITAL = defineScheme({
  name: 'orbital',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha512' },
    signature: { header: 'x-orbital-signature', encoding: 'base64' },
    timestamp: { header: 'x-orbital-time', unit: 'ms' },
    content: '{timestamp}:{body}',
  },
  identity: { bodyField: 'event_id' },
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
});

const PLAIN = defineScheme({
  name: 'plain',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-plain-signature', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
});

const WHERE: Readonly<Record<Source, string>> = {
  file: 'The JSON file app.secretsPath has the secrets; operators rewrite it to rotate.',
  directory:
    'The directory app.secretsPath (a Kubernetes secret) has the secrets; operators update it to rotate.',
  environment: 'The environment variable app.secretVariable has the secret; a rotation restarts the app.',
  function:
    'app.loadSecrets() asks the database for the secrets, and app.onSecretsChanged(listener) tells when operators have rotated them.',
  tenants:
    'Each customer has a secret of its own: app.loadSecretsOf(customer) returns the set, or undefined, and app.onSecretsChanged(listener) tells whose has changed. The path /hooks/<customer> names the customer, and app.work gets it as its second argument.',
};

/** The frameworks in which the app has another route. */
export const OTHER_ROUTE: readonly Framework[] = [
  'Express',
  'Fastify',
  'Koa',
  'NestJS on Express',
  'NestJS on Fastify',
  'Hono',
];

function task(
  name: string,
  sender: string,
  scheme: DefinedScheme,
  framework: Framework,
  source: Source,
  more: Partial<Task> & { readonly hint?: string } = {},
): Task {
  const { hint = '', ...rest } = more;
  const path = source === 'tenants' ? '/hooks/<customer>' : '/hooks';
  const prompt = [
    `Receive the webhooks of ${sender} at POST ${path} in ${framework}, and call app.work with each event once.`,
    WHERE[source],
    rest.shared ? 'Two instances of the app run; app.sharedStore is their replay store.' : '',
    hint,
    OTHER_ROUTE.includes(framework)
      ? 'The app also has POST /orders, which gets any JSON and responds with it.'
      : '',
  ];
  return {
    name,
    prompt: prompt.filter(Boolean).join(' '),
    scheme,
    framework,
    source,
    rotation: 'sender',
    ...rest,
  };
}

const STATUS_CALLBACK = 'They are status callbacks, sent to app.publicUrl: each is to run once.';

export const TASKS: readonly Task[] = [
  task('stripe-express', 'Stripe', stripe(), 'Express', 'file'),
  task('github-express', 'GitHub', github(), 'Express', 'function', { rotation: 'own' }),
  task('twilio-express', 'Twilio', twilio(), 'Express', 'environment', { form: true, hint: STATUS_CALLBACK }),
  task('orbital-express', 'Orbital', ORBITAL, 'Express', 'file', {
    hint: 'Orbital sends x-orbital-signature (base64) and x-orbital-time (milliseconds since 1970). The signature is HMAC-SHA512 over the time, a colon and the body. It retries any failure, signed anew, with the same event_id in the body.',
  }),
  task('stripe-tenants-express', 'Stripe', stripe(), 'Express', 'tenants'),
  task('stripe-fastify', 'Stripe', stripe(), 'Fastify', 'directory'),
  task('shopify-fastify', 'Shopify', shopify(), 'Fastify', 'file'),
  task('linear-fastify', 'Linear', linear(), 'Fastify', 'function', { rotation: 'own', shared: true }),
  task('slack-koa', 'Slack', slack(), 'Koa', 'file', {
    handshake: {
      body: '{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV"}',
      response: { challenge: '3eZbrw1aBm2rZgRNFdxV' },
    },
  }),
  task('anchor-browser-koa', 'Anchor Browser', anchorBrowser(), 'Koa', 'environment'),
  task('shopify-nest-express', 'Shopify', shopify(), 'NestJS on Express', 'file'),
  task('github-nest-express', 'GitHub', github(), 'NestJS on Express', 'environment', { rotation: 'own' }),
  task('svix-nest-fastify', 'a service that uses Svix', svix(), 'NestJS on Fastify', 'file'),
  task('plain-nest-fastify', 'another team', PLAIN, 'NestJS on Fastify', 'function', {
    rotation: 'own',
    hint: 'They send x-plain-signature: sha256=<hex>, HMAC-SHA256 over the body. Nothing is known of retries, and nothing in the body identifies a delivery.',
  }),
  task('langsmith-hono', 'LangSmith', langsmith(), 'Hono', 'file'),
  task(
    'standard-webhooks-hono',
    'a service that uses Standard Webhooks',
    standardWebhooks(),
    'Hono',
    'function',
    {
      shared: true,
    },
  ),
  task('anchor-browser-next', 'Anchor Browser', anchorBrowser(), 'Next.js with the App Router', 'file'),
  task('stripe-next', 'Stripe', stripe(), 'Next.js with the App Router', 'environment'),
  task('stripe-lambda', 'Stripe', stripe(), 'AWS Lambda', 'function', { shared: true }),
  task('slack-lambda', 'Slack', slack(), 'AWS Lambda', 'environment', { shared: true }),
];
