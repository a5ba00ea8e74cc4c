import { type AdapterLimit, adapterCases } from '@countersign/testing';
import { describe, it } from 'vitest';
import { LAMBDA_HOSTS, type LambdaHostName } from '../support/lambda/hosts.ts';
import { lambdaMount } from '../support/mounts/lambda.ts';

/** A function gets whole requests and returns whole responses, and ends with its return. */
const LIMITS = [
  'early-body',
  'host-connections',
  'no-parser-after',
  'no-body-property',
  'no-late-failure',
  'whole-responses',
  'settles-before-response',
] as const;

const OF_HOST: Readonly<Record<LambdaHostName, readonly AdapterLimit[]>> = {
  'REST API with binary media types': ['failures-are-502'],
  'REST API as it is set up by default': ['text-bodies', 'failures-are-502'],
  'HTTP API, format 1.0': ['text-bodies'],
  'HTTP API, format 2.0': ['joined-headers', 'text-bodies'],
  'function URL': ['joined-headers', 'text-bodies', 'failures-are-502'],
  'load balancer': ['last-of-repeated', 'text-bodies', 'host-body-refusals', 'failures-are-502'],
  'load balancer with multi-value headers': ['text-bodies', 'host-body-refusals', 'failures-are-502'],
};

describe.each(Object.keys(LAMBDA_HOSTS) as LambdaHostName[])('webhookHandler behind a %s', (host) => {
  const limits = [...LIMITS, ...OF_HOST[host]];
  for (const { name, run } of adapterCases(lambdaMount(host), { limits })) it(name, run);
});
