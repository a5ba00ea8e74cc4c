import type { Server } from 'node:http';
import type { ReplayStore, SecretSetInput } from '@countersign/core';
import type { LambdaFunction } from '../support/lambda/emulator.ts';

/** What an app has before it receives webhooks. A solution uses what its task names, and nothing else. */
export interface App {
  /** The file with the set of secrets, or the directory with one file per secret. */
  readonly secretsPath: string;
  /** The environment variable with the secret. */
  readonly secretVariable: string;
  /** Asks the app's database for the set of secrets. */
  loadSecrets(): Promise<SecretSetInput>;
  /** Calls the listener when an operator has changed secrets in the database, with the name of the customer if there is one. */
  onSecretsChanged(listener: (tenant: string) => void): void;
  /** Asks the app's database for the set of secrets of a customer. */
  loadSecretsOf(tenant: string): Promise<SecretSetInput | undefined>;
  /** The replay store that all instances of the app share. */
  readonly sharedStore: ReplayStore;
  /** The URL that the sender was given. */
  readonly publicUrl: string;
  /** The app's work for an event: the parsed JSON, or the fields of a form. It rejects if the work failed. */
  work(event: unknown, tenant?: string): Promise<void>;
}

/** What a solution starts: a server that listens on a free port, a handler of the Web, or a function of AWS Lambda. */
export type Receiver = (
  | { readonly server: Server }
  | { fetch(request: Request): Response | Promise<Response> }
  | { readonly lambda: LambdaFunction }
) & {
  /** Stops it in the right order. */
  close(): Promise<unknown>;
};

/** What each file in `solutions/` exports. */
export interface Solution {
  start(app: App): Promise<Receiver>;
}

export type Framework =
  | 'Express'
  | 'Fastify'
  | 'Koa'
  | 'NestJS on Express'
  | 'NestJS on Fastify'
  | 'Hono'
  | 'Next.js with the App Router'
  | 'AWS Lambda';

/** Where the secrets are. */
export type Source = 'file' | 'directory' | 'environment' | 'function' | 'tenants';
