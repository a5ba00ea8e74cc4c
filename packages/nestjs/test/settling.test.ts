import { once } from 'node:events';
import { request, type ServerResponse } from 'node:http';
import type { ArgumentsHost, CallHandler, ExecutionContext } from '@nestjs/common';
import { map } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { portOf } from '../../../test/support/listen.ts';
import { hooksController, serve, signed, watchedVerifier } from './support/app.ts';
import { describeNest } from './support/setups.ts';

const BODY = '{"id": 1}';
const refusal = '{"error":"webhook refused"}';

describeNest((setup) => {
  const { nest } = setup;

  describe('what got a response settles', () => {
    it('releases what a later guard denies', async () => {
      const { UseGuards, Post } = nest().common;
      const { VerifyWebhook } = nest().adapter;
      const { verifier, types } = watchedVerifier();
      let open = false;
      const handler = vi.fn();
      const controller = hooksController(setup, handler, {
        method: [Post('anchor'), UseGuards({ canActivate: () => open }), VerifyWebhook('anchor')],
      });
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [controller],
      });

      expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 403 });
      await vi.waitFor(() => expect(types().at(-1)).toBe('released'));
      open = true;
      expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 201 });
      expect(handler).toHaveBeenCalledTimes(1);
    });

    it('commits if a filter turns an error into 200', async () => {
      const { verifier, types } = watchedVerifier();
      const handler = vi.fn(() => {
        throw new Error('handled all the same');
      });
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, handler)],
        configure: (app) => app.useGlobalFilters(answering(200)),
      });

      expect(await post('/hooks/anchor', BODY)).toEqual({ status: 200, text: 'filtered' });
      await vi.waitFor(() => expect(types().at(-1)).toBe('committed'));
      expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 200, text: '' });
      expect(handler).toHaveBeenCalledTimes(1);
    });

    it('commits what an interceptor maps to another answer', async () => {
      const { verifier, types } = watchedVerifier();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, () => ({ from: 'handler' }))],
        configure: (app) =>
          app.useGlobalInterceptors({
            intercept: (_: ExecutionContext, next: CallHandler) =>
              next.handle().pipe(map((data) => ({ data }))),
          }),
      });

      expect(await post('/hooks/anchor', BODY)).toEqual({ status: 201, text: '{"data":{"from":"handler"}}' });
      await vi.waitFor(() => expect(types().at(-1)).toBe('committed'));
    });

    it('releases if an interceptor makes a failure of a success', async () => {
      const { verifier, types } = watchedVerifier();
      const { ServiceUnavailableException } = nest().common;
      const fail = () => {
        throw new ServiceUnavailableException();
      };
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, () => 'done')],
        configure: (app) =>
          app.useGlobalInterceptors({
            intercept: (_: ExecutionContext, next: CallHandler) => next.handle().pipe(map(fail)),
          }),
      });

      expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 503 });
      await vi.waitFor(() => expect(types().at(-1)).toBe('released'));
    });

    it('commits a StreamableFile that was sent to its end', async () => {
      const { verifier, types } = watchedVerifier();
      const { StreamableFile } = nest().common;
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, () => new StreamableFile(Buffer.from('a file')))],
      });

      expect(await post('/hooks/anchor', BODY)).toEqual({ status: 201, text: 'a file' });
      await vi.waitFor(() => expect(types().at(-1)).toBe('committed'));
    });

    it('leaves the claim to the handler if a route says so', async () => {
      const { verifier, types } = watchedVerifier();
      const { VerifyWebhook } = nest().adapter;
      const handler = vi.fn(() => 'done');
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [
          hooksController(setup, handler, {
            method: [nest().common.Post('anchor'), VerifyWebhook('anchor', { claim: 'manual' })],
          }),
        ],
      });

      for (let round = 0; round < 2; round++)
        expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 201 });
      expect(handler).toHaveBeenCalledTimes(2);
      expect(types()).not.toContain('claimed');
    });
  });

  describe('a refusal ends the request', () => {
    it('is seen by no filter, no interceptor and no log', async () => {
      const { verifier } = watchedVerifier();
      const filter = vi.fn();
      const interceptor = { intercept: vi.fn((_: ExecutionContext, next: CallHandler) => next.handle()) };
      const logged = vi.fn();
      const logger = { log: () => undefined, warn: logged, error: logged, fatal: logged };
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, () => 'done')],
        options: { logger },
        configure: (app) => {
          app.useGlobalFilters(catchingAll(filter));
          app.useGlobalInterceptors(interceptor);
        },
      });

      const forged = signed(BODY, 'another secret, as long as that');
      expect(await post('/hooks/anchor', BODY, forged)).toEqual({ status: 401, text: refusal });
      expect(await post('/hooks/anchor', BODY, {})).toEqual({ status: 401, text: refusal });
      expect(await post('/hooks/anchor', BODY)).toMatchObject({ status: 201 });
      expect(await post('/hooks/anchor', BODY)).toEqual({ status: 200, text: '' });
      expect(filter).not.toHaveBeenCalled();
      expect(interceptor.intercept).toHaveBeenCalledTimes(1);
      expect(logged).not.toHaveBeenCalled();
    });

    it("leaves what a tenant's look-up throws to the application's filters", async () => {
      const choose = () => {
        throw new Error('no database');
      };
      const handler = vi.fn();
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: choose } },
        controllers: [hooksController(setup, handler)],
        configure: (app) => app.useGlobalFilters(answering(503)),
      });

      expect(await post('/hooks/anchor', BODY)).toEqual({ status: 503, text: 'filtered' });
      expect(handler).not.toHaveBeenCalled();
    });
  });

  if (setup.platform === 'fastify') {
    it('a refusal that is still being read is out of the hands of Fastify and its timeouts', async () => {
      const { verifier } = watchedVerifier();
      let reply: { sent: boolean; raw: ServerResponse } | undefined;
      const { app } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier }, maxBodyBytes: 10 },
        controllers: [hooksController(setup, () => 'done')],
        configure: (unstarted) =>
          unstarted
            .getHttpAdapter()
            .getInstance()
            .addHook('preHandler', async (_: unknown, given: typeof reply) => {
              reply = given;
            }),
      });

      const headers = { ...signed(BODY), 'content-length': 1_000_000 };
      const sending = request({
        port: portOf(app.getHttpServer()),
        method: 'POST',
        path: '/hooks/anchor',
        headers,
      });
      sending.on('error', () => undefined).write('the rest is still to come');
      const [response] = await once(sending, 'response');
      expect(response.statusCode).toBe(413);
      expect([reply?.raw.writableEnded, reply?.sent]).toEqual([false, true]);
      sending.destroy();
    });
  }

  function catchingAll(handle: (error: unknown, host: ArgumentsHost) => void) {
    class CatchAll {
      catch(error: unknown, host: ArgumentsHost): void {
        handle(error, host);
      }
    }
    nest().common.Catch()(CatchAll);
    return new CatchAll();
  }

  function answering(status: number) {
    return catchingAll((_, host) => host.switchToHttp().getResponse().status(status).send('filtered'));
  }
});
