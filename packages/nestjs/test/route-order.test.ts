import { request } from 'node:http';
import { VersioningType } from '@nestjs/common';
import { expect, it } from 'vitest';
import { portOf } from '../../../test/support/listen.ts';
import { echoController, hooksController, serve, signed, watchedVerifier } from './support/app.ts';
import { describeNest } from './support/setups.ts';

const BODY = '{"id": 1}';
const byHeader = (request: { headers: Record<string, string | undefined> }) =>
  request.headers['x-version'] ?? '';

describeNest((setup) => {
  const { nest } = setup;

  it.each([
    [
      'header',
      { type: VersioningType.HEADER, header: 'x-version' },
      { 'x-version': '2' },
      { 'x-version': '1' },
    ],
    [
      'media type',
      { type: VersioningType.MEDIA_TYPE, key: 'v=' },
      { accept: 'application/json;v=2' },
      { accept: 'application/json;v=1' },
    ],
    [
      'custom',
      { type: VersioningType.CUSTOM, extractor: byHeader },
      { 'x-version': '2' },
      { 'x-version': '1' },
    ],
  ] as const)(
    'versions by %s: a webhook and a plain route share a path, in any order',
    async (_, versioning, two, one) => {
      const { Controller, Post } = nest().common;
      for (const webhookFirst of [true, false]) {
        const { verifier } = watchedVerifier();
        const hooks = hooksController(setup, (webhook) => webhook.text(), {
          controller: [Controller({ path: 'hooks', version: '2' })],
          method: [Post(), nest().adapter.VerifyWebhook('anchor')],
        });
        const plain = echoController(setup, 'hooks', [nest().common.Version('1')]);
        const { post } = await serve(setup, {
          webhooks: { verifiers: { anchor: verifier } },
          controllers: webhookFirst ? [hooks, plain] : [plain, hooks],
          configure: (app) => app.enableVersioning(versioning as never),
        });
        expect(await post('/hooks', BODY, { ...signed(BODY), ...two })).toEqual({ status: 201, text: BODY });
        expect(await post('/hooks', BODY, one)).toEqual({ status: 200, text: '{"parsed":{"id":1}}' });
        expect(await post('/hooks', '{"broken"', one)).toMatchObject({ status: 400 });
        expect(await post('/hooks', BODY, two)).toMatchObject({ status: 401 });
      }
    },
  );

  // Fastify itself takes one route for a path.
  it.runIf(setup.platform === 'express')(
    'hosts: a webhook and a plain route share a path, in any order',
    async () => {
      const { Controller, Post } = nest().common;
      for (const webhookFirst of [true, false]) {
        const { verifier } = watchedVerifier();
        const hooks = hooksController(setup, (webhook) => webhook.text(), {
          controller: [Controller({ path: 'hooks', host: 'hooks.example' })],
          method: [Post(), nest().adapter.VerifyWebhook('anchor')],
        });
        const plain = echoController(setup, { path: 'hooks', host: 'plain.example' });
        const { app } = await serve(setup, {
          webhooks: { verifiers: { anchor: verifier } },
          controllers: webhookFirst ? [hooks, plain] : [plain, hooks],
        });
        const port = portOf(app.getHttpServer());
        expect(await postTo(port, 'hooks.example', signed(BODY))).toBe(`201 ${BODY}`);
        expect(await postTo(port, 'plain.example', {})).toBe('200 {"parsed":{"id":1}}');
      }
    },
  );
});

/** fetch() sets its own Host. */
function postTo(port: number, host: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        port,
        host: '127.0.0.1',
        path: '/hooks',
        method: 'POST',
        headers: { host, 'content-type': 'application/json', ...headers },
      },
      async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve(`${answer.statusCode} ${text}`);
      },
    );
    sent.on('error', reject).end(BODY);
  });
}
