import { type AdapterLimit, type AdapterMount, adapterCases } from '@countersign/testing';
import { expressMount } from '../../support/mounts/express.ts';
import { fastifyMount } from '../../support/mounts/fastify.ts';
import { FETCH_LIMITS, fetchApp, honoApp, honoMount, nodeMount } from '../../support/mounts/fetch.ts';
import { koaMount } from '../../support/mounts/koa.ts';
import { lambdaMount } from '../../support/mounts/lambda.ts';
import { nestMount } from '../../support/mounts/nest.ts';
import { bunMount, denoMount } from '../../support/mounts/web-servers.ts';
import { PATIENCE_MS, type Suite } from './suite.ts';

/** A runtime that runs programs written for Node.js, and so the cases themselves. */
export type NodeLike = 'node' | 'bun' | 'deno';

interface Host {
  readonly mount: AdapterMount;
  readonly limits: readonly AdapterLimit[];
}

const NEST = {
  major: 11,
  common: await import('@nestjs/common'),
  core: await import('@nestjs/core'),
  express: await import('@nestjs/platform-express'),
  fastify: await import('@nestjs/platform-fastify'),
  adapter: await import('@countersign/nestjs'),
};

/** The Nest of this project, whichever major it is. */
const nest = () => NEST as never;

const FRAMEWORKS: Readonly<Record<string, Host>> = {
  'Express 5': { mount: expressMount(5), limits: ['unseen-handler-errors'] },
  'Express 4': { mount: expressMount(4), limits: ['unseen-handler-errors'] },
  'Fastify 5': {
    mount: fastifyMount(),
    limits: ['no-parser-before', 'no-parser-after', 'streams-end-with-client'],
  },
  'Koa 3': { mount: koaMount(3), limits: ['streams-end-with-client'] },
  'Nest 11 on Express': { mount: nestMount(nest, 'express'), limits: ['streams-end-with-client'] },
  'Nest 11 on Fastify': {
    mount: nestMount(nest, 'fastify'),
    limits: ['no-parser-after', 'streams-end-with-client'],
  },
};

const FUNCTION_URL: readonly AdapterLimit[] = [
  ...['early-body', 'host-connections', 'no-parser-after', 'no-body-property', 'no-late-failure'],
  ...['whole-responses', 'settles-before-response', 'joined-headers', 'text-bodies', 'failures-are-502'],
] as AdapterLimit[];

/** The hosts that only one of these runtimes has. */
const OF_RUNTIME: Readonly<Record<NodeLike, Readonly<Record<string, Host>>>> = {
  node: {
    'fetch on node:http': { mount: nodeMount, limits: FETCH_LIMITS },
    'Hono on node:http': { mount: honoMount, limits: FETCH_LIMITS },
    'Lambda function URL': { mount: lambdaMount('function URL'), limits: FUNCTION_URL },
  },
  bun: {
    'fetch in Bun.serve': { mount: bunMount(fetchApp), limits: FETCH_LIMITS },
    'Hono in Bun.serve': { mount: bunMount(honoApp), limits: FETCH_LIMITS },
  },
  deno: {
    'fetch in Deno.serve': { mount: denoMount(fetchApp), limits: FETCH_LIMITS },
    'Hono in Deno.serve': { mount: denoMount(honoApp), limits: FETCH_LIMITS },
  },
};

/** The hosts of a runtime, with their cases. */
export function hostsOf(runtime: NodeLike): readonly Suite[] {
  return Object.entries({ ...FRAMEWORKS, ...OF_RUNTIME[runtime] }).map(([host, { mount, limits }]) => ({
    host,
    limits,
    cases: adapterCases(mount, { limits, patienceMs: PATIENCE_MS }),
  }));
}
