import { describe, expect, it, vi } from 'vitest';
import { expressUnder } from '../../../test/support/mounts/nest.ts';
import { decorateClass, decorateMethod } from '../../../test/support/mounts/nest-decorate.ts';
import { echoController, hooksController, serve, signed, watchedVerifier } from './support/app.ts';
import { describeNest } from './support/setups.ts';

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

    it('are limited for each route by its own maxBodyBytes', async () => {
      const { verifier } = watchedVerifier();
      const { Controller, Post } = nest().common;
      const { VerifyWebhook } = nest().adapter;
      const method = [Post(), VerifyWebhook('anchor', { maxBodyBytes: 10 })];
      const { post } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier }, maxBodyBytes: 20 },
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

  if (platform === 'express') {
    it('Nest mounts no parser of its own beside one of the application', async () => {
      const { verifier } = watchedVerifier();
      const { app } = await serve(setup, {
        webhooks: { verifiers: { anchor: verifier } },
        controllers: [hooksController(setup, () => 'done')],
        configure: (unstarted) => unstarted.use(expressUnder(nest()).json()),
      });
      const instance = app.getHttpAdapter().getInstance();
      const { stack } = setup.major === 10 ? instance._router : instance.router;
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
          app.use('/hooks', [
            expressUnder(nest()).text({ type: 'text/*' }),
            expressUnder(nest()).json({ strict: false }),
          ]),
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
});

function bodyParserArguments(platform: string): unknown[] {
  if (platform === 'express') return ['json', { limit: 1000 }];
  const parse = (_: unknown, body: Buffer, done: (error: null, parsed: unknown) => void) =>
    done(null, JSON.parse(body.toString()));
  return ['application/json', { bodyLimit: 1000 }, parse];
}
