import type { Type } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { decorateClass, decorateMethod } from '../../../test/support/mounts/nest-decorate.ts';
import { echoController, hooksController, serve, signed, watchedVerifier } from './support/app.ts';
import { describeNest } from './support/setups.ts';

const BODY = '{"id": 1}';
const BROKEN = '{"broken"';
const LARGE = JSON.stringify({ text: 'x'.repeat(150_000) });
const refusal = '{"error":"webhook refused"}';

describeNest((setup) => {
  const { nest, platform, major } = setup;

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

    it('with a global prefix, and without it if a route is excluded', async () => {
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
              // Only Express 5 wants a name.
              Post(platform === 'express' && major > 10 ? 'hooks/*path' : 'hooks/*'),
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

    it('whatever the method, if a route takes all', async () => {
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
