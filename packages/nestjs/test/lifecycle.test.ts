import { createVerifier, type Verifier } from '@countersign/core';
import type { WebhookModuleOptions } from '@countersign/nestjs';
import { github } from '@countersign/schemes';
import { describe, expect, it, vi } from 'vitest';
import { createApp } from '../../../test/support/mounts/nest.ts';
import { decorateClass } from '../../../test/support/mounts/nest-decorate.ts';
import {
  created,
  echoController,
  hooksController,
  poster,
  SECRET,
  serve,
  signed,
  watchedVerifier,
} from './support/app.ts';
import { describeNest } from './support/setups.ts';

const BODY = '{"id": 1}';
const BROKEN = '{"broken"';
const refusal = '{"error":"webhook refused"}';

describeNest((setup) => {
  const { nest, platform } = setup;

  describe('options', () => {
    it('come from a factory that injects what it needs', async () => {
      const { Module } = nest().common;
      const { WebhookModule } = nest().adapter;
      class Settings {
        readonly secret = SECRET;
      }
      class SettingsModule {}
      decorateClass(SettingsModule, [Module({ providers: [Settings], exports: [Settings] })]);
      class App {}
      decorateClass(App, [
        Module({
          imports: [
            WebhookModule.forRootAsync({
              imports: [SettingsModule],
              inject: [Settings],
              useFactory: async ({ secret }: Settings) => {
                const verifier = createVerifier({ scheme: github(), secrets: { current: secret } });
                await verifier.ready();
                return { verifiers: { anchor: verifier } };
              },
            }),
          ],
          controllers: [hooksController(setup, (webhook) => webhook.text())],
        }),
      ]);
      const app = await createApp(nest(), platform, App);
      await app.listen(0, '127.0.0.1');
      expect(await poster(app)('/hooks/anchor', BROKEN)).toEqual({ status: 201, text: BROKEN });
      expect(await poster(app)('/hooks/anchor', BROKEN, {})).toMatchObject({ status: 401 });
      await app.close();
    });

    it('are seen by controllers of every module, however the routes are versioned', async () => {
      const { Controller, Module, Post, Version } = nest().common;
      const { verifier } = watchedVerifier();
      class Feature {}
      const controller = hooksController(setup, (webhook) => webhook.text(), {
        controller: [Controller('hooks')],
        method: [Post(), Version(['1', '2']), nest().adapter.VerifyWebhook('anchor')],
      });
      decorateClass(Feature, [Module({ controllers: [controller] })]);
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        imports: [Feature],
        configure: (app) => app.enableVersioning({ type: nest().common.VersioningType.HEADER, header: 'v' }),
      });
      for (const v of ['1', '2']) {
        const body = BROKEN + v;
        expect(await post('/hooks', body, { v })).toMatchObject({ status: 401 });
        expect(await post('/hooks', body, { v, ...signed(body) })).toEqual({ status: 201, text: body });
      }
    });
  });

  it('two applications of one process may share a controller and start at once', async () => {
    const controller = hooksController(setup, (webhook) => webhook.text());
    const verifiers = { anchor: watchedVerifier().verifier };
    const apps = [0, 1].map(() => created(setup, { webhooks: { verifiers }, controllers: [controller] }));
    for (const app of await Promise.all(
      apps.map(async (app) => (await app).listen(0, '127.0.0.1').then(() => app)),
    )) {
      const body = `${BROKEN} ${await app.getUrl()}`;
      expect(await poster(app)('/hooks/anchor', body)).toEqual({ status: 201, text: body });
    }
  });

  it('closes the verifiers of its factory when the application shuts down, after the last request', async () => {
    const closed: string[] = [];
    let serving = true;
    const noting = (name: string): Verifier => {
      const { verifier } = watchedVerifier();
      const close = async () => {
        closed.push(`${name} ${serving ? 'while serving' : 'after serving'}`);
        await verifier.close();
      };
      return { ...forwarding(verifier), close };
    };
    const tenant = noting('tenant');
    const app = await startedAsync(() => ({ verifiers: { anchor: noting('anchor'), tenant: () => tenant } }));
    app.getHttpServer().once('close', () => {
      serving = false;
    });

    expect(await poster(app)('/hooks/anchor', BROKEN)).toMatchObject({ status: 201 });
    expect(closed).toEqual([]);
    await app.close();
    expect(closed).toEqual(['anchor after serving']);
  });

  it('does not close verifiers that existed before', async () => {
    const verifiers = { anchor: watchedVerifier().verifier };
    for (const round of ['first', 'second']) {
      const { app, post } = await serve(setup, {
        webhooks: { verifiers },
        controllers: [hooksController(setup, (webhook) => webhook.text())],
      });
      expect(await post('/hooks/anchor', round)).toEqual({ status: 201, text: round });
      await app.close();
    }
  });

  it('in a testing module everything is as in an application', async () => {
    const { verifier } = watchedVerifier();
    const { WebhookModule } = nest().adapter;
    const moduleRef = await nest()
      .testing.Test.createTestingModule({
        imports: [WebhookModule.forRoot({ verifiers: { anchor: verifier } })],
        controllers: [hooksController(setup, (webhook) => webhook.text()), echoController(setup, 'sibling')],
      })
      .compile();
    const app = moduleRef.createNestApplication(httpAdapter(), {
      logger: false,
      forceCloseConnections: true,
    });
    await app.listen(0, '127.0.0.1');
    const post = poster(app);

    expect(await post('/hooks/anchor', BROKEN)).toEqual({ status: 201, text: BROKEN });
    expect(await post('/hooks/anchor', BODY, {})).toEqual({ status: 401, text: refusal });
    expect(await post('/sibling', BROKEN, {})).toMatchObject({ status: 400 });
    await app.close();
  });

  it('if a test replaces the guard, @Webhook() has nothing to give', async () => {
    const { verifier } = watchedVerifier();
    const { WebhookGuard, WebhookModule } = nest().adapter;
    const handler = vi.fn();
    const moduleRef = await nest()
      .testing.Test.createTestingModule({
        imports: [WebhookModule.forRoot({ verifiers: { anchor: verifier } })],
        controllers: [hooksController(setup, handler)],
      })
      .overrideGuard(WebhookGuard)
      .useValue({ canActivate: () => true })
      .compile();
    const app = moduleRef.createNestApplication(httpAdapter(), {
      logger: false,
      forceCloseConnections: true,
    });
    await app.listen(0, '127.0.0.1');
    expect(await poster(app)('/hooks/anchor', BODY)).toMatchObject({ status: 500 });
    expect(handler).not.toHaveBeenCalled();
    await app.close();
  });

  function httpAdapter() {
    return platform === 'express'
      ? new (nest().express.ExpressAdapter)()
      : new (nest().fastify.FastifyAdapter)();
  }

  async function startedAsync(useFactory: () => WebhookModuleOptions) {
    class App {}
    decorateClass(App, [
      nest().common.Module({
        imports: [nest().adapter.WebhookModule.forRootAsync({ useFactory })],
        controllers: [hooksController(setup, () => 'done')],
      }),
    ]);
    const app = await createApp(nest(), platform, App);
    await app.listen(0, '127.0.0.1');
    return app;
  }
});

function forwarding(verifier: Verifier): Verifier {
  return {
    scheme: verifier.scheme,
    endpoint: verifier.endpoint,
    ready: () => verifier.ready(),
    verify: (request) => verifier.verify(request),
    claim: (webhook) => verifier.claim(webhook),
    forget: (delivery) => verifier.forget(delivery),
    receive: (request, options) => verifier.receive(request, options),
    handle: (request, handler, options) => verifier.handle(request, handler, options),
    reload: () => verifier.reload(),
    revoke: (keyId) => verifier.revoke(keyId),
    health: () => verifier.health(),
    close: () => verifier.close(),
    [Symbol.asyncDispose]: () => verifier[Symbol.asyncDispose](),
  };
}
