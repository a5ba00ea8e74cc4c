import { createKeyring, createVerifier, memoryReplayStore, type ReplayStore } from '@countersign/core';
import { webhookHandler } from '@countersign/fetch';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';

const SECRET = 'a-signing-secret-of-32-characters';
const BODY = '{"id":1}';

function setUp(replay: ReplayStore = memoryReplayStore()) {
  const codes: string[] = [];
  const verifier = createVerifier({
    scheme: github(),
    secrets: SECRET,
    replay,
    observe: (event) => codes.push(event.type === 'refused' ? event.code : event.type),
  });
  return { verifier, codes };
}

function delivery(init: RequestInit & { duplex?: 'half' } = {}): Request {
  const { headers } = sign(github(), { secret: SECRET, body: BODY });
  return new Request('http://localhost/', {
    method: 'POST',
    body: BODY,
    ...init,
    headers: { ...headers, ...(init.headers as Record<string, string>) },
  });
}

describe('a handler', () => {
  it('gets the request, and what the host passes after it', async () => {
    const { verifier } = setUp();
    const given: unknown[] = [];
    const receive = webhookHandler(verifier, (webhook, request, env: { name: string }) => {
      given.push(webhook.text(), request.url, env.name);
    });
    await receive(delivery(), { name: 'production' });
    expect(given).toEqual([BODY, 'http://localhost/', 'production']);
  });
});

describe('rawBody', () => {
  it('may be asynchronous, and gets what the host passes', async () => {
    const { verifier } = setUp();
    const app = new Hono();
    type Context = [context: { req: { arrayBuffer(): Promise<ArrayBuffer> } }];
    const receive = webhookHandler<Context>(verifier, (webhook) => new Response(webhook.text()), {
      rawBody: async (_, context) => new Uint8Array(await context.req.arrayBuffer()),
    });
    app.post('/', async (context) => {
      await context.req.text();
      return receive(context.req.raw, context);
    });
    const answer = await app.fetch(delivery());
    expect([answer.status, await answer.text()]).toEqual([200, BODY]);
  });

  it('that returns nothing leaves the body to be read', async () => {
    const { verifier } = setUp();
    const receive = webhookHandler(verifier, () => 204, { rawBody: () => undefined });
    expect((await receive(delivery())).status).toBe(204);
  });
});

describe('a body', () => {
  it.each(['8', undefined])('that breaks off, with content-length %s, is incomplete', async (declared) => {
    const { verifier, codes } = setUp();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(BODY.slice(0, 3)));
        setImmediate(() => controller.error(new Error('the client left')));
      },
    });
    const headers: Record<string, string> = declared === undefined ? {} : { 'content-length': declared };
    const answer = await webhookHandler(verifier, () => 204)(delivery({ body, duplex: 'half', headers }));
    expect([answer.status, codes.at(-1)]).toEqual([400, 'ERR_WEBHOOK_BODY_INCOMPLETE']);
  });

  it('that breaks off behind its last declared byte is whole', async () => {
    const { verifier } = setUp();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(BODY));
        setImmediate(() => controller.error(new Error('the client left')));
      },
    });
    const headers = { 'content-length': String(BODY.length) };
    const answer = await webhookHandler(verifier, () => 204)(delivery({ body, duplex: 'half', headers }));
    expect(answer.status).toBe(204);
  });

  it('that ends before its content-length is incomplete', async () => {
    const { verifier, codes } = setUp();
    const headers = { 'content-length': '8' };
    const answer = await webhookHandler(verifier, () => 204)(delivery({ body: '{', headers }));
    expect([answer.status, codes.at(-1)]).toEqual([400, 'ERR_WEBHOOK_BODY_INCOMPLETE']);
  });

  it.each(['10', 'abc', '-1', '1e1', '5, 5', '0x10', undefined])(
    'is read up to the limit only, with content-length %s',
    async (declared) => {
      const { verifier } = setUp();
      let pulled = 0;
      const body = new ReadableStream({
        pull(controller) {
          pulled += 1;
          if (pulled > 200) controller.close();
          else controller.enqueue(new Uint8Array(64 * 1024));
        },
      });
      const headers: Record<string, string> = declared === undefined ? {} : { 'content-length': declared };
      const receive = webhookHandler(verifier, () => 204, { maxBodyBytes: 1024 });
      expect((await receive(delivery({ body, duplex: 'half', headers }))).status).toBe(413);
      expect(pulled).toBeLessThan(5);
    },
  );
});

describe('settle and waitUntil', () => {
  function slowStore() {
    const store = memoryReplayStore();
    let confirm: () => void = () => undefined;
    const confirmed = new Promise<void>((resolve) => {
      confirm = resolve;
    });
    const replay: ReplayStore = {
      claim: (...args) => store.claim(...args),
      renew: (...args) => store.renew(...args),
      commit: async (...args) => {
        await confirmed;
        return store.commit(...args);
      },
      release: (...args) => store.release(...args),
      forget: (...args) => store.forget(...args),
    };
    return { replay, confirm };
  }

  it("'before-response' responds when the store has confirmed", async () => {
    const { replay, confirm } = slowStore();
    const { verifier, codes } = setUp(replay);
    const answer = webhookHandler(verifier, () => 204, { settle: 'before-response' })(delivery());
    const order: string[] = [];
    void answer.then(() => order.push('responded'));
    await expect.poll(() => codes).toContain('claimed');
    await new Promise((resolve) => setImmediate(resolve));
    order.push('confirmed');
    confirm();
    expect((await answer).status).toBe(204);
    expect(order).toEqual(['confirmed', 'responded']);
    expect(codes).toContain('committed');
  });

  it.each([
    ['Workers', (waitUntil: (settled: Promise<unknown>) => void) => [{}, { waitUntil }]],
    ['Netlify', (waitUntil: (settled: Promise<unknown>) => void) => [{ waitUntil }]],
    ['Hono', (waitUntil: (settled: Promise<unknown>) => void) => [{ executionCtx: { waitUntil } }]],
  ])('uses waitUntil of %s', async (_, contextWith) => {
    const { replay, confirm } = slowStore();
    const { verifier, codes } = setUp(replay);
    const waited: Promise<unknown>[] = [];
    const receive = webhookHandler<unknown[]>(verifier, () => 204);
    expect((await receive(delivery(), ...contextWith((pending) => waited.push(pending)))).status).toBe(204);
    expect(waited).toHaveLength(2);
    await waited[0];
    expect(codes).not.toContain('committed');
    confirm();
    await waited[1];
    expect(codes).toContain('committed');
  });

  it('keeps the host running from the start until the handler has ended, because the client may leave', async () => {
    let load: (set: { current: string }) => void = () => undefined;
    const loaded = new Promise<{ current: string }>((resolve) => {
      load = resolve;
    });
    const verifier = createVerifier({ scheme: github(), secrets: () => loaded });
    const waited: Promise<unknown>[] = [];
    let ran = false;
    const handler = () => {
      ran = true;
    };
    const receive = webhookHandler(verifier, handler, { waitUntil: (pending) => waited.push(pending) });
    const answer = receive(delivery());
    expect(waited).toHaveLength(1);
    load({ current: SECRET });
    await waited[0];
    expect(ran).toBe(true);
    expect((await answer).status).toBe(204);
  });

  it('keeps the host running until the load has ended that a request has started', async () => {
    const keyring = createKeyring(
      { name: 'hangs', load: () => new Promise(() => undefined) },
      { scheme: github(), mismatchWaitMs: 0 },
    );
    const verifier = createVerifier({ scheme: github(), secrets: keyring, observe: () => undefined });
    const waited: Promise<unknown>[] = [];
    const receive = webhookHandler(verifier, () => 204, { waitUntil: (pending) => waited.push(pending) });
    expect((await receive(delivery())).status).toBe(503);
    expect((await receive(delivery())).status).toBe(503);
    const [, load, ...others] = waited;
    // The second request has started none.
    expect(others).toHaveLength(1);
    let ended = false;
    void load?.then(() => {
      ended = true;
    });
    await Promise.all([waited[0], others[0]]);
    expect(ended).toBe(false);
    await keyring.close();
    await load;
  });

  it("uses Vercel's waitUntil, and the option before any of them", async () => {
    const { verifier } = setUp();
    const waited: string[] = [];
    const vercel = Symbol.for('@vercel/request-context');
    const host = globalThis as Record<symbol, unknown>;
    host[vercel] = { get: () => ({ waitUntil: () => waited.push('vercel') }) };
    try {
      await webhookHandler(verifier, () => 204)(delivery());
      await webhookHandler(verifier, () => 500, { waitUntil: () => waited.push('option') })(
        delivery({ body: BODY }),
      );
    } finally {
      delete host[vercel];
    }
    expect(waited[0]).toBe('vercel');
  });
});
