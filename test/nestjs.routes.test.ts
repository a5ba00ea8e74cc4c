import type { Type } from '@nestjs/common';
import express from 'express';
import { describe, expect, it, vi } from 'vitest';
import {
  echoController,
  hooksController,
  poster,
  serve,
  signed,
  watchedVerifier,
} from './support/nest-app.ts';
import { decorateClass, decorateMethod } from './support/nest-decorate.ts';
import { describeNest } from './support/nest-setups.ts';

const BODY = '{"id": 1}';
const BROKEN = '{"broken"';
const LARGE = JSON.stringify({ text: 'x'.repeat(150_000) });
const refusal = '{"error":"webhook refused"}';

describeNest((setup) => {
  const { nest, platform } = setup;

  describe('the bytes', () => {
    it.each([
      ['malformed JSON', BROKEN, {}],
      ['150 kB', LARGE, {}],
      ['nothing', '', {}],
      ['text', 'plain', { 'content-type': 'text/plain' }],
      ['a form', 'a=%', { 'content-type': 'application/x-www-form-urlencoded' }],
      ['no content type that is one', BODY, { 'content-type': 'json' }],
    ])('of %s are verified, and reach the handler', async (_, body, headers) => {
      const { verifier } = watchedVerifier();
      const handler = vi.fn();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, handler)],
      });

      const forged = { ...signed(`${body} `), ...headers };
      expect(await post('/hooks/anchor', body, forged)).toEqual({ status: 401, text: refusal });
      expect(handler).not.toHaveBeenCalled();
      expect(await post('/hooks/anchor', body, { ...signed(body), ...headers })).toMatchObject({
        status: 201,
      });
      const [webhook, given] = handler.mock.calls[0] ?? [];
      expect(Buffer.from(webhook.body).toString()).toBe(body);
      expect(given).toBe(webhook.body);
    });

    it.each([{ bodyParser: false }, { rawBody: true }])('are there with %o too', async (options) => {
      const { verifier } = watchedVerifier();
      const handler = vi.fn();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, handler)],
        options,
      });

      expect(await post('/hooks/anchor', BROKEN)).toMatchObject({ status: 201 });
      expect(handler.mock.calls[0]?.[0].text()).toBe(BROKEN);
    });

    it('are limited for each route by its own limitBytes', async () => {
      const { verifier } = watchedVerifier();
      const { Controller, Post } = nest().common;
      const { VerifyWebhook } = nest().adapter;
      const method = [Post(), VerifyWebhook('anchor', { limitBytes: 10 })];
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier }, limitBytes: 20 },
        controllers: [
          hooksController(setup, () => 'done'),
          hooksController(setup, () => 'done', { controller: [Controller('small')], method }),
        ],
      });

      expect(await post('/small', 'x'.repeat(11))).toEqual({ status: 413, text: refusal });
      expect(await post('/small', 'x'.repeat(10))).toMatchObject({ status: 201 });
      expect(await post('/hooks/anchor', 'x'.repeat(20))).toMatchObject({ status: 201 });
      expect(await post('/hooks/anchor', 'x'.repeat(21))).toEqual({ status: 413, text: refusal });
    });
  });

  describe('other routes', () => {
    it("keep Nest's parsers and their limits, with a signature header too", async () => {
      const { verifier } = watchedVerifier();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, () => 'done'), echoController(setup, 'sibling')],
      });

      for (const headersOf of [() => ({}), signed]) {
        expect(await post('/sibling', BODY, headersOf(BODY))).toEqual({
          status: 200,
          text: '{"parsed":{"id":1}}',
        });
        expect(await post('/sibling', BROKEN, headersOf(BROKEN))).toMatchObject({ status: 400 });
        // Express takes 100 kB, Fastify 1 MiB.
        const over = platform === 'express' ? LARGE : LARGE.replace('x', 'x'.repeat(1_000_000));
        expect(await post('/sibling', over, headersOf(over))).toMatchObject({ status: 413 });
      }
    });

    it('keep the limit that the application set with useBodyParser()', async () => {
      const { verifier } = watchedVerifier();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, () => 'done'), echoController(setup, 'sibling')],
        configure: (app) =>
          Reflect.apply(Reflect.get(app, 'useBodyParser'), app, bodyParserArguments(platform)),
      });

      expect(await post('/sibling', `"${'x'.repeat(2000)}"`, {})).toMatchObject({ status: 413 });
      expect(await post('/sibling', BODY, {})).toEqual({ status: 200, text: '{"parsed":{"id":1}}' });
      expect(await post('/hooks/anchor', LARGE)).toMatchObject({ status: 201 });
    });
  });

  describe('the route decides', () => {
    it('each webhook is verified by its own verifier', async () => {
      const [one, two] = [watchedVerifier(), watchedVerifier()];
      const { Controller, Post } = nest().common;
      const { VerifyWebhook } = nest().adapter;
      const controller = (name: string) =>
        hooksController(setup, (webhook) => webhook.text(), {
          controller: [Controller(name), VerifyWebhook('one')],
          method: name === 'two' ? [Post(), VerifyWebhook('two')] : [Post()],
        });
      const { post } = await serve(setup, {
        webhooks: { verifiers: { one: one.verifier, two: two.verifier } },
        controllers: [controller('one'), controller('two')],
      });

      expect(await post('/two', BODY)).toEqual({ status: 201, text: BODY });
      expect(one.types()).not.toContain('verified');
      expect(two.types()).toContain('verified');
    });

    it('with a global prefix, and without it where a route is excluded', async () => {
      const { verifier } = watchedVerifier();
      const { Controller, Post } = nest().common;
      const method = [Post(), nest().adapter.VerifyWebhook('anchor')];
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [
          hooksController(setup, () => 'done'),
          hooksController(setup, () => 'done', { controller: [Controller('excluded')], method }),
        ],
        configure: (app) => app.setGlobalPrefix('api/v1', { exclude: ['excluded'] }),
      });

      for (const path of ['/api/v1/hooks/anchor', '/excluded']) {
        expect(await post(path, `${path} ${BROKEN}`)).toMatchObject({ status: 201 });
        expect(await post(path, BODY, {})).toEqual({ status: 401, text: refusal });
      }
      expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 404 });
    });

    it('with versions in the path', async () => {
      const { verifier } = watchedVerifier();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: versions(),
        configure: (app) => app.enableVersioning({ type: nest().common.VersioningType.URI }),
      });

      expect(await post('/v1/hooks', BROKEN)).toEqual({ status: 201, text: 'webhook' });
      expect(await post('/v2/hooks', BODY)).toEqual({ status: 200, text: '{"parsed":{"id":1}}' });
      expect(await post('/v2/hooks', BROKEN)).toMatchObject({ status: 400 });
    });

    it.each([
      ['a header', { type: 'HEADER', header: 'version' }, (version: string) => ({ version })],
      [
        'the media type',
        { type: 'MEDIA_TYPE', key: 'v=' },
        (version: string) => ({ accept: `application/json;v=${version}` }),
      ],
    ] as const)(
      'with versions in %s: the other version of its path is parsed as ever',
      async (_, { type, ...options }, version) => {
        const { verifier } = watchedVerifier();
        const { post } = await serve(setup, {
          webhooks: { verifiers: { anchor: verifier } },
          controllers: versions(),
          configure: (app) =>
            app.enableVersioning({ type: nest().common.VersioningType[type], ...options } as never),
        });

        expect(await post('/hooks', BROKEN, { ...signed(BROKEN), ...version('1') })).toEqual({
          status: 201,
          text: 'webhook',
        });
        expect(await post('/hooks', BODY, version('1'))).toEqual({ status: 401, text: refusal });
        expect(await post('/hooks', BODY, version('2'))).toEqual({
          status: 200,
          text: '{"parsed":{"id":1}}',
        });
        expect(await post('/hooks', BROKEN, version('2'))).toMatchObject({ status: 400 });
        if (platform === 'express')
          expect(await post('/hooks', LARGE, version('2'))).toMatchObject({ status: 413 });
        expect(await post('/hooks', BODY, version('3'))).toMatchObject({ status: 404 });
      },
    );

    it('with parameters, by which a function chooses the tenant', async () => {
      const { verifier } = watchedVerifier();
      const { Controller, Post } = nest().common;
      const chosen: unknown[] = [];
      const { post } = await serve(setup, {
        webhooks: {
          verifiers: {
            tenant: ({ params, url, method }) => {
              chosen.push([{ ...(params as object) }, url, method]);
              return verifier;
            },
          },
        },
        controllers: [
          echoController(setup, ':other/plain'),
          hooksController(setup, () => 'done', {
            controller: [Controller(':tenant')],
            method: [
              Post(platform === 'express' ? 'hooks/*path' : 'hooks/*'),
              nest().adapter.VerifyWebhook('tenant'),
            ],
          }),
        ],
      });

      expect(await post('/acme/hooks/a/b', BROKEN)).toMatchObject({ status: 201 });
      expect(chosen).toMatchObject([[{ tenant: 'acme' }, '/acme/hooks/a/b', 'POST']]);
      expect(await post('/acme/plain', BODY, {})).toEqual({ status: 200, text: '{"parsed":{"id":1}}' });
    });

    it('a controller of request scope', async () => {
      const { verifier } = watchedVerifier();
      const { Controller, Scope } = nest().common;
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [
          hooksController(setup, (webhook) => webhook.text(), {
            controller: [Controller({ path: 'hooks', scope: Scope.REQUEST })],
          }),
        ],
      });

      expect(await post('/hooks/anchor', BROKEN)).toEqual({ status: 201, text: BROKEN });
      expect(await post('/hooks/anchor', BODY, {})).toEqual({ status: 401, text: refusal });
    });

    it('whatever the method, where a route takes all', async () => {
      const { verifier } = watchedVerifier();
      const handler = vi.fn();
      const { app } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [
          hooksController(setup, handler, {
            method: [nest().common.All(), nest().adapter.VerifyWebhook('anchor')],
          }),
        ],
      });

      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const body = method === 'GET' ? '' : `${method} ${BROKEN}`;
        const url = `${await app.getUrl()}/hooks`;
        const init = { method, headers: signed(body), ...(body === '' ? {} : { body }) };
        expect((await fetch(url, { ...init, headers: {} })).status).toBe(401);
        expect((await fetch(url, init)).status).toBeLessThan(300);
      }
      expect(handler).toHaveBeenCalledTimes(5);
    });
  });

  it("a handler sees the request's headers as they were sent", async () => {
    const { verifier } = watchedVerifier();
    const { Controller, Headers, HttpCode, Post } = nest().common;
    class Hooks {
      headers(headers: Record<string, string>): unknown {
        return { type: headers['content-type'], length: headers['content-length'] };
      }
    }
    decorateMethod(
      Hooks,
      'headers',
      [Post(), HttpCode(200), nest().adapter.VerifyWebhook('anchor')],
      [Headers()],
    );
    decorateClass(Hooks, [Controller('hooks')]);
    const { post } = await serve(setup, {
      webhooks: { verifiers: { anchor: verifier } },
      controllers: [Hooks],
    });

    const answer = await post('/hooks', BODY, {
      ...signed(BODY),
      'content-type': 'application/cloudevents+json',
    });
    expect(JSON.parse(answer.text)).toEqual({
      type: 'application/cloudevents+json',
      length: String(BODY.length),
    });
  });

  it('where a test replaces the guard, @Webhook() has nothing to give', async () => {
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

  it('a testing module gets the same', async () => {
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

  if (platform === 'express') {
    it('a delivery verified for one route is not verified for the next', async () => {
      const [one, two] = [watchedVerifier(), watchedVerifier()];
      const { Controller, Next, Post } = nest().common;
      const { VerifyWebhook } = nest().adapter;
      const second = vi.fn();
      class Passing {
        pass(next: () => void): void {
          next();
        }
      }
      decorateMethod(Passing, 'pass', [Post('anchor'), VerifyWebhook('one')], [Next()]);
      decorateClass(Passing, [Controller('hooks')]);
      const method = [Post('anchor'), VerifyWebhook('two')];
      const { post } = await serve(setup, {
        webhooks: { verifiers: { one: one.verifier, two: two.verifier } },
        controllers: [Passing, hooksController(setup, second, { method })],
      });

      expect(await post('/hooks/anchor', BODY)).toEqual({ status: 500, text: refusal });
      expect(second).not.toHaveBeenCalled();
      await vi.waitFor(() => expect(one.types().at(-1)).toBe('released'));
    });

    it('Nest mounts no parser of its own beside one of the application', async () => {
      const { verifier } = watchedVerifier();
      const { app } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, () => 'done')],
        configure: (unstarted) => unstarted.use(express.json()),
      });
      const { stack } = app.getHttpAdapter().getInstance().router;
      const parsers = stack
        .map(({ name }: { name: string }) => name)
        .filter((name: string) => name.endsWith('Parser'));
      expect(parsers).toEqual(['jsonParser', 'urlencodedParser']);
    });

    it('parsers mounted with app.use() pass over webhooks, and serve what else has their path', async () => {
      const { verifier } = watchedVerifier();
      const { Controller, Post } = nest().common;
      // Shadows the webhook for one name: its own body must be parsed.
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [
          echoController(setup, 'hooks/plain'),
          hooksController(setup, (webhook) => webhook.text(), {
            controller: [Controller('hooks')],
            method: [Post(':name'), nest().adapter.VerifyWebhook('anchor')],
          }),
        ],
        options: { bodyParser: false },
        configure: (app) =>
          app.use('/hooks', [express.text({ type: 'text/*' }), express.json({ strict: false })]),
      });

      expect(await post('/hooks/any', BROKEN)).toEqual({ status: 201, text: BROKEN });
      expect(await post('/hooks/plain', '1', {})).toEqual({ status: 200, text: '{"parsed":1}' });
      const text = { 'content-type': 'text/plain' };
      expect(await post('/hooks/plain', 'a text', text)).toEqual({
        status: 200,
        text: '{"parsed":"a text"}',
      });
      expect(await post('/hooks/plain', BROKEN, {})).toMatchObject({ status: 400 });
    });
  }

  function httpAdapter() {
    return platform === 'express'
      ? new (nest().express.ExpressAdapter)()
      : new (nest().fastify.FastifyAdapter)();
  }

  /** The first version of a path is a webhook, the second takes JSON. */
  function versions(): Type[] {
    const { Body, Controller, HttpCode, Post, Version } = nest().common;
    class Hooks {
      webhook(): string {
        return 'webhook';
      }
      json(body: unknown): unknown {
        return { parsed: body };
      }
    }
    decorateMethod(Hooks, 'webhook', [Post(), Version('1'), nest().adapter.VerifyWebhook('anchor')]);
    decorateMethod(Hooks, 'json', [Post(), Version('2'), HttpCode(200)], [Body()]);
    decorateClass(Hooks, [Controller('hooks')]);
    return [Hooks];
  }
});

function bodyParserArguments(platform: string): unknown[] {
  if (platform === 'express') return ['json', { limit: 1000 }];
  const parse = (_: unknown, body: Buffer, done: (error: null, parsed: unknown) => void) =>
    done(null, JSON.parse(body.toString()));
  return ['application/json', { bodyLimit: 1000 }, parse];
}
