import { createVerifier, type ReceivedWebhook, type Verifier, type WebhookEvent } from '@countersign/core';
import type { WebhookModuleOptions } from '@countersign/nestjs';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import type { ControllerOptions, ModuleMetadata, NestApplicationOptions, Type } from '@nestjs/common';
import { onTestFinished } from 'vitest';
import { portOf } from '../../../../test/support/listen.ts';
import { createApp, type INestApplication } from '../../../../test/support/mounts/nest.ts';
import { decorateClass, decorateMethod } from '../../../../test/support/mounts/nest-decorate.ts';
import type { NestSetup } from './setups.ts';

export const SECRET = 'a secret that only tests have';

/** A verifier of GitHub's deliveries, and what it saw. */
export function watchedVerifier(): { verifier: Verifier; events: WebhookEvent[]; types(): string[] } {
  const events: WebhookEvent[] = [];
  const verifier = createVerifier({
    scheme: github(),
    secrets: { current: SECRET },
    observe: (event) => events.push(event),
  });
  return { verifier, events, types: () => events.map(({ type }) => type) };
}

export interface Parts extends Omit<ModuleMetadata, 'imports'> {
  readonly webhooks: WebhookModuleOptions;
  readonly imports?: ModuleMetadata['imports'];
  /** What `main.ts` does between creation and start. */
  readonly configure?: (app: INestApplication) => void;
  readonly options?: NestApplicationOptions;
  /** Further methods of the module's class. */
  readonly module?: Type;
}

export interface Served {
  readonly app: INestApplication;
  /** Sends a JSON body as it is, signed unless it says otherwise. */
  post(
    path: string,
    body: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; text: string }>;
}

/** An application that is not started yet; closed after the test. */
export async function created({ nest, platform }: NestSetup, parts: Parts): Promise<INestApplication> {
  const { webhooks, imports = [], configure, options, module: App = class App {}, ...metadata } = parts;
  decorateClass(App, [
    nest().common.Module({
      ...metadata,
      imports: [nest().adapter.WebhookModule.forRoot(webhooks), ...imports],
    }),
  ]);
  const app = await createApp(nest(), platform, App, options);
  onTestFinished(() => app.close());
  configure?.(app);
  return app;
}

/** An application that listens. */
export async function serve(setup: NestSetup, parts: Parts): Promise<Served> {
  const app = await created(setup, parts);
  await app.listen(0, '127.0.0.1');
  return { app, post: poster(app) };
}

export function poster(app: INestApplication): Served['post'] {
  return async (path, body, headers = signed(body)) => {
    const url = `http://127.0.0.1:${portOf(app.getHttpServer())}${path}`;
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    return { status: answer.status, text: await answer.text() };
  };
}

/** The headers of a genuine delivery. */
export function signed(body: string, secret = SECRET): Record<string, string> {
  return sign(github(), { secret, body }).headers;
}

export type Handler = (webhook: ReceivedWebhook, body: unknown) => unknown;

/** A controller with one webhook, `POST /hooks/anchor` for the verifier "anchor" unless it says otherwise. */
export function hooksController(
  { nest }: NestSetup,
  handler: Handler,
  given: {
    readonly controller?: readonly ClassDecorator[];
    readonly method?: readonly MethodDecorator[];
  } = {},
): Type {
  const { Body, Controller, Post } = nest().common;
  const { VerifyWebhook, Webhook } = nest().adapter;
  const { controller = [Controller('hooks')], method = [Post('anchor'), VerifyWebhook('anchor')] } = given;
  class Hooks {
    anchor(webhook: ReceivedWebhook, body: unknown): unknown {
      return handler(webhook, body);
    }
  }
  decorateMethod(Hooks, 'anchor', method, [Webhook(), Body()]);
  decorateClass(Hooks, controller);
  return Hooks;
}

/** A controller beside it that takes JSON: it responds with what was parsed. */
export function echoController(
  { nest }: NestSetup,
  path: string | ControllerOptions,
  decorators: readonly MethodDecorator[] = [],
): Type {
  const { Body, Controller, HttpCode, Post } = nest().common;
  class Echo {
    echo(body: unknown): unknown {
      return { parsed: body };
    }
  }
  decorateMethod(Echo, 'echo', [Post(), HttpCode(200), ...decorators], [Body()]);
  decorateClass(Echo, [Controller(path as string)]);
  return Echo;
}
