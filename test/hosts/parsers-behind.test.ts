import { webhook } from '@countersign/express';
import { webhook as koaWebhook } from '@countersign/koa';
import { bodyParser } from '@koa/bodyparser';
import express from 'express';
import express4 from 'express4';
import Koa from 'koa';
import { koaBody } from 'koa-body';
import Koa2 from 'koa2';
import multer from 'multer';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { deliver, watchedVerifier } from '../support/github-receiver.ts';
import { listen } from '../support/listen.ts';

const FORM = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n';
const MULTIPART = 'multipart/form-data; boundary=x';

describe.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('%s', (_, framework) => {
  it.each([
    [MULTIPART, FORM, '{"a":"1"}'],
    ['application/json', '{"id":1}', '"bytes"'],
  ])('multer behind it parses the verified %s', async (type, body, parsed) => {
    const { verifier, seen } = watchedVerifier();
    const app = framework();
    app.post('/', webhook(verifier), multer().any(), (req, res) => {
      res.json(Buffer.isBuffer(req.body) ? 'bytes' : req.body);
    });
    const server = await listen(app);
    onTestFinished(() => server.close());
    expect(await deliver(server.port, body, type)).toMatchObject({ status: 200, text: parsed });
    await vi.waitFor(() => expect(seen()).toContain('committed'));
  });

  it("sets req.rawBody, which the middleware of senders' SDKs reads", async () => {
    const { verifier } = watchedVerifier();
    const app = framework();
    app.post('/', webhook(verifier), (req, res) => {
      res.send((req as { rawBody?: unknown }).rawBody === req.body);
    });
    const server = await listen(app);
    onTestFinished(() => server.close());
    expect((await deliver(server.port)).text).toBe('true');
  });
});

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2 as unknown as typeof Koa],
])('%s', (_, Framework) => {
  it.each([
    [MULTIPART, FORM, '{"a":"1"}'],
    ['application/x-www-form-urlencoded', 'a=1&b=2', '{"a":"1","b":"2"}'],
    ['application/json', '{"id":1}', '{"id":1}'],
  ])('koa-body behind it parses the verified %s', async (type, body, parsed) => {
    expect(await withParser(koaBody({ multipart: true }), body, type)).toMatchObject({
      status: 200,
      text: parsed,
    });
  });

  it('@koa/bodyparser behind it leaves the bytes', async () => {
    expect(await withParser(bodyParser(), '{"id":1}', 'application/json')).toMatchObject({ text: '"bytes"' });
  });

  async function withParser(parser: unknown, body: string, type: string) {
    const { verifier } = watchedVerifier();
    const app = new Framework();
    app.silent = true;
    app.use(koaWebhook(verifier) as never).use(parser as never);
    app.use((ctx) => {
      ctx.body = JSON.stringify(Buffer.isBuffer(ctx.request.body) ? 'bytes' : ctx.request.body);
    });
    const server = await listen(app.callback());
    onTestFinished(() => server.close());
    return deliver(server.port, body, type);
  }
});
