import { type AdapterLimit, type AdapterMount, adapterCases } from '@countersign/testing';
import { describe, it } from 'vitest';
import {
  cloudFunctionMount,
  expressByServerlessExpress,
  expressByServerlessHttp,
  fastifyByAwsLambda,
  koaByServerlessHttp,
  serverlessMount,
} from '../support/mounts/serverless.ts';

// Other people's hosts, which make requests and responses by hand.

/** Behind a function URL, whole requests become events, and results become whole responses. */
const LAMBDA: readonly AdapterLimit[] = [
  'early-body',
  'host-connections',
  'whole-responses',
  'settles-before-response',
  'joined-headers',
  'text-bodies',
];

const HOSTS: readonly [string, AdapterMount, readonly AdapterLimit[]][] = [
  ...([5, 4] as const).map(
    (version) =>
      [
        `Express ${version} by serverless-http`,
        serverlessMount(expressByServerlessHttp(version), 'function URL'),
        [...LAMBDA, 'failed-streams-hang', 'unseen-handler-errors'],
      ] satisfies (typeof HOSTS)[number],
  ),
  ['Koa 3 by serverless-http', serverlessMount(koaByServerlessHttp(3), 'function URL'), LAMBDA],
  ...([5, 4] as const).map(
    (version) =>
      [
        `Express ${version} by @codegenie/serverless-express`,
        serverlessMount(expressByServerlessExpress(version), 'function URL'),
        [...LAMBDA, 'failed-streams-hang', 'unseen-handler-errors'],
      ] satisfies (typeof HOSTS)[number],
  ),
  [
    'Fastify 5 by @fastify/aws-lambda',
    serverlessMount(fastifyByAwsLambda, 'function URL'),
    [...LAMBDA, 'no-parser-before', 'no-parser-after', 'rewritten-query'],
  ],
  [
    'Express 5 in a Cloud Function',
    cloudFunctionMount(5),
    [
      'early-body',
      'host-connections',
      'settles-before-response',
      'no-parser-before',
      'malformed-json',
      'unseen-handler-errors',
    ],
  ],
];

describe.each(HOSTS)('%s', (_, mount, limits) => {
  for (const { name, run } of adapterCases(mount, { limits })) it(name, run);
});
