import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { echoController, hooksController, serve, watchedVerifier } from './support/app.ts';
import { describeNest } from './support/setups.ts';

const BODY = '{"id": 1}';
const refusal = '{"error":"webhook refused"}';

describeNest((setup) => {
  const { nest } = setup;

  describe('other guards', () => {
    it('as APP_GUARD it verifies before them, and only once', async () => {
      const { verifier, types } = watchedVerifier();
      const { UseGuards, Post } = nest().common;
      const { VerifyWebhook, WebhookGuard } = nest().adapter;
      const seen: unknown[] = [];
      const later = {
        canActivate: (context: ExecutionContext) => {
          seen.push(context.switchToHttp().getRequest().body);
          return true;
        },
      };
      const controller = hooksController(setup, () => 'done', {
        method: [Post('anchor'), UseGuards(later), VerifyWebhook('anchor')],
      });
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [controller, echoController(setup, 'other')],
        providers: [{ provide: nest().core.APP_GUARD, useClass: WebhookGuard }],
      });

      expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 201 });
      expect(seen).toEqual([Buffer.from(BODY)]);
      expect(types().filter((type) => type === 'verified')).toHaveLength(1);
      expect(await post('/hooks/anchor', BODY, {})).toEqual({ status: 401, text: refusal });
      expect(seen).toHaveLength(1);
      expect(await post('/other', BODY, {})).toEqual({ status: 200, text: '{"parsed":{"id":1}}' });
    });

    it('nothing is verified if an APP_GUARD before it denies', async () => {
      const { verifier, types } = watchedVerifier();
      const handler = vi.fn();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, handler)],
        providers: [{ provide: nest().core.APP_GUARD, useValue: { canActivate: () => false } }],
      });

      expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 403 });
      expect(types()).not.toContain('verified');
      expect(handler).not.toHaveBeenCalled();
    });

    it('@UseGuards(WebhookGuard) alone means the only verifier, on a method or a class', async () => {
      const { verifier } = watchedVerifier();
      const { Controller, Post, UseGuards } = nest().common;
      const guard = UseGuards(nest().adapter.WebhookGuard);
      const handler = vi.fn();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [
          hooksController(setup, handler, { controller: [Controller('method')], method: [Post(), guard] }),
          hooksController(setup, handler, { controller: [Controller('class'), guard], method: [Post()] }),
        ],
      });

      for (const path of ['/method', '/class']) {
        expect(await post(path, BODY, {})).toEqual({ status: 401, text: refusal });
        expect(handler).not.toHaveBeenCalled();
      }
      expect(await post('/method', '{"broken"')).toMatchObject({ status: 201 });
      expect(await post('/class', '[1, ')).toMatchObject({ status: 201 });
      expect(handler).toHaveBeenCalledTimes(2);
    });

    it('a class without a decorator of its own is guarded by that of the class it extends', async () => {
      const { verifier } = watchedVerifier();
      const { Controller, Post } = nest().common;
      const handler = vi.fn();
      const base = hooksController(setup, handler, {
        controller: [nest().adapter.VerifyWebhook('anchor')],
        method: [Post()],
      });
      class Derived extends base {}
      Controller('derived')(Derived);
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [Derived],
      });

      expect(await post('/derived', BODY, {})).toEqual({ status: 401, text: refusal });
      expect(await post('/derived', '{"broken"')).toMatchObject({ status: 201 });
      expect(handler).toHaveBeenCalledTimes(1);
    });
  });

  it('only an HTTP request can be a webhook', async () => {
    const { verifier } = watchedVerifier();
    const Hooks = hooksController(setup, () => 'done');
    const { app } = await serve(setup, {
      webhooks: { verifiers: { anchor: verifier } },
      controllers: [Hooks],
    });
    const context = { getType: () => 'rpc', getHandler: () => Hooks.prototype.anchor, getClass: () => Hooks };
    const guard = app.get(nest().adapter.WebhookGuard);
    await expect(guard.canActivate(context as unknown as ExecutionContext)).rejects.toThrow(
      /Only HTTP requests/,
    );
  });

  it('a global ValidationPipe leaves the delivery as it is', async () => {
    const { verifier } = watchedVerifier();
    const handler = vi.fn();
    const { ValidationPipe } = nest().common;
    const { post } = await serve(setup, {
      webhooks: { verifiers: { anchor: verifier } },
      controllers: [hooksController(setup, handler)],
      configure: (app) =>
        app.useGlobalPipes(
          new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
        ),
    });

    expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 201 });
    const [webhook, body] = handler.mock.calls[0] ?? [];
    expect(webhook.text()).toBe(BODY);
    expect(webhook.json()).toEqual({ id: 1 });
    expect(webhook.signal).toBeInstanceOf(AbortSignal);
    expect(body).toEqual(Buffer.from(BODY));
  });
});
