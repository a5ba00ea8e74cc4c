import { configure as serverlessExpress } from '@codegenie/serverless-express';
import type { AdapterMount, AdapterSetup } from '@countersign/testing';
import awsLambdaFastify from '@fastify/aws-lambda';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import serverlessHttp from 'serverless-http';
import { emulator, type LambdaFunction } from '../lambda/emulator.ts';
import { LAMBDA_HOSTS, type LambdaHostName } from '../lambda/hosts.ts';
import { listen, portOf } from '../listen.ts';
import { type ExpressVersion, expressApp } from './express.ts';
import { fastifyApp } from './fastify.ts';
import { type KoaVersion, koaApp } from './koa.ts';

const quiet = () => undefined;
/** The cases make mistakes on purpose. */
const SILENT = { debug: quiet, error: quiet, info: quiet, verbose: quiet, warn: quiet };

/** Makes a function of Lambda from an app that has the adapter. */
type Wrap = (setup: AdapterSetup) => LambdaFunction | Promise<LambdaFunction>;

export const expressByServerlessHttp =
  (version: ExpressVersion): Wrap =>
  (setup) =>
    serverlessHttp(expressApp(version, setup)) as LambdaFunction;

export const koaByServerlessHttp =
  (version: KoaVersion): Wrap =>
  (setup) =>
    serverlessHttp(koaApp(version, setup) as never) as LambdaFunction;

export const expressByServerlessExpress =
  (version: ExpressVersion): Wrap =>
  (setup) =>
    serverlessExpress({ app: expressApp(version, setup), log: SILENT }) as unknown as LambdaFunction;

export const fastifyByAwsLambda: Wrap = async (setup) =>
  awsLambdaFastify(await fastifyApp(setup)) as LambdaFunction;

/** An app with the adapter in a function of Lambda. The host stops the process after the response, so it must settle before. */
export function serverlessMount(wrap: Wrap, host: LambdaHostName): AdapterMount {
  return async (setup) => {
    const options = { settle: 'before-response', ...setup.options } as const;
    return listen(emulator(LAMBDA_HOSTS[host], await wrap({ ...setup, options })));
  };
}

let functions = 0;

/** An Express app with the adapter in a Cloud Function. The framework has parsed every body, and keeps the bytes. */
export function cloudFunctionMount(version: ExpressVersion): AdapterMount {
  return async (setup) => {
    const options: object = {
      rawBody: ({ rawBody }: { rawBody?: Uint8Array }) => rawBody,
      settle: 'before-response',
      ...setup.options,
    };
    const name = `case-${++functions}`;
    http(name, expressApp(version, { ...setup, options }) as never);
    const server = getTestServer(name);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      port: portOf(server),
      async close() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
}
