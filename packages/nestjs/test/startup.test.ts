import type { Type } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { describe, expect, it, vi } from 'vitest';
import { createApp, expressUnder } from '../../../test/support/mounts/nest.ts';
import { decorateClass, decorateMethod } from '../../../test/support/mounts/nest-decorate.ts';
import { created, echoController, hooksController, poster, watchedVerifier } from './support/app.ts';
import { describeNest } from './support/setups.ts';

const BROKEN = '{"broken"';

describeNest((setup) => {
  const { nest, platform, major } = setup;

  describe('does not start', () => {
    const one = () => ({ verifiers: { anchor: watchedVerifier().verifier } });
    const two = () => ({
      verifiers: { anchor: watchedVerifier().verifier, stripe: watchedVerifier().verifier },
    });

    /** Starts with these controllers, and returns the message of the failure. */
    const failure = async (
      controllers: Type[],
      webhooks: Parameters<typeof created>[1]['webhooks'] = one(),
    ) => {
      const app = await created(setup, { webhooks, controllers });
      return app.init().then(
        () => 'it started',
        (error) => `${error.code}: ${error.message}`,
      );
    };

    it('with a name that no verifier has, on a method', async () => {
      const method = [nest().common.Post(), nest().adapter.VerifyWebhook('ankor')];
      const message = await failure([hooksController(setup, () => undefined, { method })], two());
      expect(message).toMatch(/^ERR_WEBHOOK_CONFIG_INVALID: .*"ankor".*"anchor", "stripe"/);
    });

    it('with a name that no verifier has, on a class', async () => {
      const { Controller, Post } = nest().common;
      const parts = {
        controller: [Controller(), nest().adapter.VerifyWebhook('toString')],
        method: [Post()],
      };
      expect(await failure([hooksController(setup, () => undefined, parts)])).toMatch(/"toString"/);
    });

    it('with an option of a route that there is not', async () => {
      const method = [nest().common.Post(), nest().adapter.VerifyWebhook('anchor', { limit: 10 } as never)];
      const message = await failure([hooksController(setup, () => undefined, { method })]);
      expect(message).toMatch(/@VerifyWebhook\('anchor'\) .*"limit".*maxBodyBytes/);
    });

    it('with the bare guard if there are several verifiers', async () => {
      const { Post, UseGuards } = nest().common;
      const method = [Post(), UseGuards(nest().adapter.WebhookGuard)];
      expect(await failure([hooksController(setup, () => undefined, { method })], two())).toMatch(
        /@UseGuards.*"anchor"/,
      );
    });

    it('with @Webhook() if nothing is verified', async () => {
      const controller = hooksController(setup, () => undefined, { method: [nest().common.Post()] });
      expect(await failure([controller])).toMatch(/Hooks\.anchor has a parameter with @Webhook\(\)/);
    });

    it('if a decorator has replaced the method that was decorated', async () => {
      const { Controller, Post } = nest().common;
      class Hooks {
        anchor(): void {}
      }
      const replace = (_: object, __: string | symbol, descriptor: PropertyDescriptor) => {
        const { value } = descriptor;
        descriptor.value = (...args: unknown[]) => value(...args);
        Object.defineProperty(Hooks.prototype, 'anchor', descriptor);
      };
      decorateMethod(Hooks, 'anchor', [
        Post(),
        replace as MethodDecorator,
        nest().adapter.VerifyWebhook('anchor'),
      ]);
      decorateClass(Hooks, [Controller()]);
      expect(await failure([Hooks])).toMatch(/Hooks\.anchor has lost @VerifyWebhook/);
    });

    it('if a constructor binds the method, which loses its guard', async () => {
      const { Controller, Post } = nest().common;
      class Hooks {
        constructor() {
          this.anchor = this.anchor.bind(this);
        }
        anchor(): void {}
      }
      decorateMethod(Hooks, 'anchor', [Post(), nest().adapter.VerifyWebhook('anchor')]);
      decorateClass(Hooks, [Controller()]);
      expect(await failure([Hooks])).toMatch(/decorators of Hooks\.anchor/);
    });

    it('if a webhook and another route inherit one method', async () => {
      const { Controller } = nest().common;
      const Base = echoController(setup, 'base');
      class Hooks extends Base {}
      class Other extends Base {}
      decorateClass(Hooks, [Controller('hooks'), nest().adapter.VerifyWebhook('anchor')]);
      decorateClass(Other, [Controller('other')]);
      expect(await failure([Hooks, Other])).toMatch(/Hooks\.echo and Other\.echo/);
    });

    it('on another platform', async () => {
      const app = await created(setup, { webhooks: one(), controllers: [] });
      vi.spyOn(app.getHttpAdapter(), 'getType').mockReturnValue('other');
      await expect(app.init()).rejects.toThrow(/on Express and on Fastify, not on "other"/);
    });

    it.each([
      ['no verifiers', {}, /verifiers/],
      ['an empty list of them', { verifiers: {} }, /verifiers/],
      ['something else in their place', { verifiers: { anchor: 'whsec' } }, /"anchor" needs a verifier/],
      ['an unknown option', { verifiers: { anchor: () => undefined }, bodyLimit: 1 }, /"bodyLimit"/],
    ])('with %s', async (_, webhooks, message) => {
      await expect(created(setup, { webhooks: webhooks as never, controllers: [] })).rejects.toThrow(message);
    });

    it('without the module', async () => {
      const { Module } = nest().common;
      class App {}
      decorateClass(App, [Module({ controllers: [hooksController(setup, () => undefined)] })]);
      await expect(createApp(nest(), platform, App)).rejects.toThrow(/WebhookGuard/);
    });

    if (platform === 'express') {
      it('if a body parser is mounted on the Express app itself', async () => {
        const app = await created(setup, {
          webhooks: one(),
          controllers: [hooksController(setup, () => undefined)],
        });
        app.getHttpAdapter().getInstance().use(expressUnder(nest()).json());
        await expect(app.init()).rejects.toThrow(/jsonParser.*app\.use\(\)/);
      });

      it('unless its bytes are handed over', async () => {
        const webhooks = { ...one(), rawBody: () => Buffer.alloc(0) };
        const app = await created(setup, {
          webhooks,
          controllers: [hooksController(setup, () => undefined)],
        });
        app.getHttpAdapter().getInstance().use(expressUnder(nest()).json());
        await expect(app.init()).resolves.toBe(app);
      });
    }

    // Nest 10 has no such hook.
    it.runIf(major > 10)('or does, if a hook sees every route that is triggered', async () => {
      const { verifier } = watchedVerifier();
      const triggered = vi.fn();
      const app = await created(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, (webhook) => webhook.text())],
        configure: (unstarted) =>
          (unstarted.getHttpAdapter() as AbstractHttpAdapter).setOnRouteTriggered(triggered),
      });
      if (major === 11) {
        await expect(app.init()).rejects.toThrow(/Hooks\.anchor.*onRouteTriggered/);
        return;
      }
      await app.listen(0, '127.0.0.1');
      expect(await poster(app)('/hooks/anchor', BROKEN)).toEqual({ status: 201, text: BROKEN });
      expect(triggered).toHaveBeenCalledTimes(1);
    });
  });
});
