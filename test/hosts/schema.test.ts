import {
  createVerifier,
  type PayloadSchema,
  payloadOf,
  type ReceivedWebhook,
  type WebhookEvent,
} from '@countersign/core';
import { github } from '@countersign/schemes';
import type { AdapterMount, AdapterSetup } from '@countersign/testing';
import { receivedWebhook, sign } from '@countersign/testing';
import { type } from 'arktype';
import * as v from 'valibot';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { expressMount } from '../support/mounts/express.ts';
import { fastifyMount } from '../support/mounts/fastify.ts';
import { honoMount, nodeMount } from '../support/mounts/fetch.ts';
import { koaMount } from '../support/mounts/koa.ts';
import { lambdaMount } from '../support/mounts/lambda.ts';
import { nestMount } from '../support/mounts/nest.ts';
import { loadNest } from '../support/mounts/nest-majors.ts';

// `schema` and `onInvalid`: the same in every adapter, with the libraries that people have.

const SECRET = 'a-signing-secret-of-32-characters';
const nests = await Promise.all(([11, 12] as const).map(loadNest));
afterAll(() => Promise.all(nests.map((nest) => nest.unload())));

const ADAPTERS: readonly [string, AdapterMount][] = [
  ['Express', expressMount(5)],
  ['Fastify', fastifyMount()],
  ['Koa', koaMount(3)],
  ['fetch', nodeMount],
  ['Hono', honoMount],
  ['Lambda', lambdaMount('function URL')],
  ...nests.flatMap((nest): [string, AdapterMount][] => [
    [`Nest ${nest.major} on Express`, nestMount(() => nest, 'express')],
    [`Nest ${nest.major} on Fastify`, nestMount(() => nest, 'fastify')],
  ]),
];

/** The same in each library: the amount becomes a number. */
const SCHEMAS: readonly [string, PayloadSchema<{ type: 'order.paid'; amount: number }>][] = [
  ['Zod', z.object({ type: z.literal('order.paid'), amount: z.string().transform(Number) })],
  [
    'Zod, async',
    z.object({ type: z.literal('order.paid'), amount: z.string().transform(async (text) => Number(text)) }),
  ],
  ['Valibot', v.object({ type: v.literal('order.paid'), amount: v.pipe(v.string(), v.transform(Number)) })],
  [
    'Valibot, async',
    v.objectAsync({
      type: v.literal('order.paid'),
      amount: v.pipeAsync(
        v.string(),
        v.transformAsync(async (text) => Number(text)),
      ),
    }),
  ],
  ['ArkType', type({ type: "'order.paid'", amount: type.string.pipe(Number) })],
];
const ORDER = '{"type":"order.paid","amount":"42"}';

let cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanup.reverse()) await step();
  cleanup = [];
});

describe.each(ADAPTERS)('%s', (_, mount) => {
  /** A receiver that notes what its handler gets. */
  async function receiver(options: AdapterSetup['options']) {
    const events: WebhookEvent[] = [];
    const seen: ReceivedWebhook[] = [];
    const verifier = createVerifier({
      scheme: github(),
      secrets: SECRET,
      observe: (event) => events.push(event),
    });
    const app = await mount({
      verifier,
      options,
      handler({ webhook }) {
        if (webhook !== undefined) seen.push(webhook);
        return { action: 'respond', status: 200, body: 'done' };
      },
      parser: 'none',
    });
    cleanup.push(app.close, () => verifier.close());
    const post = async (body: string, secret = SECRET) => {
      const { headers } = sign(github(), { secret, body });
      const url = `http://127.0.0.1:${app.port}/hooks/case`;
      const response = await fetch(url, { method: 'POST', headers, body });
      return [response.status, await response.text()];
    };
    return { post, seen, events, types: () => events.map((event) => event.type) };
  }

  it.each(SCHEMAS)('%s: the payload is the output of the schema', async (_, schema) => {
    const { post, seen, types } = await receiver({ schema, onInvalid: 'reject' });
    expect((await post(ORDER))[0]).toBe(200);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.payload).toEqual({ type: 'order.paid', amount: 42 });
    expect(seen[0]?.payloadIssues).toBeUndefined();
    expect(payloadOf(seen[0] as ReceivedWebhook, schema).amount).toBe(42);
    expect(types()).not.toContain('payload-invalid');
  });

  it.each(SCHEMAS)(
    '%s: by default, what does not fit reaches the handler, and observers',
    async (_, schema) => {
      const { post, seen, events } = await receiver({ schema });
      expect((await post('{"type":"order.private","amount":"42"}'))[0]).toBe(200);
      expect(seen[0]?.payload).toBeUndefined();
      expect(seen[0]?.payloadIssues?.[0]?.message).toEqual(expect.any(String));
      expect(seen[0]?.json()).toEqual({ type: 'order.private', amount: '42' });
      const found = events.filter((event) => event.type === 'payload-invalid');
      expect(found).toEqual([expect.objectContaining({ id: seen[0]?.id, paths: ['type'] })]);
      expect(JSON.stringify(events)).not.toContain('order.private');
      expect(() => payloadOf(seen[0] as ReceivedWebhook, schema)).toThrow(
        expect.objectContaining({ code: 'ERR_WEBHOOK_PAYLOAD_INVALID' }),
      );
    },
  );

  it('rejected: 400, and the handler does not run; it runs once the schema is right', async () => {
    let type = 'order.paid';
    const schema = z.object({ type: z.string().refine((given) => given === type) });
    const { post, seen, events, types } = await receiver({ schema, onInvalid: 'reject' });
    const body = '{"type":"order.private"}';
    expect(await post(body)).toEqual([400, '{"error":"webhook refused"}']);
    await vi.waitFor(() => expect(types()).toContain('released'), 30_000);
    expect(seen).toEqual([]);
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'refused',
        code: 'ERR_WEBHOOK_PAYLOAD_INVALID',
        status: 400,
        id: expect.any(String),
        message: expect.stringContaining('at type'),
      }),
    );
    expect(JSON.stringify(events)).not.toContain('order.private');
    expect(types()).not.toContain('committed');
    type = 'order.private';
    expect((await post(body))[0]).toBe(200);
    expect(seen).toHaveLength(1);
    await vi.waitFor(() => expect(types()).toContain('committed'), 30_000);
    // A duplicate is not checked again.
    type = 'another';
    expect((await post(body))[0]).toBe(200);
    expect(seen).toHaveLength(1);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('the schema is broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the schema is broken'))],
  ])('a schema that %s costs no delivery', async (_, fail) => {
    let broken = true;
    const schema: PayloadSchema = {
      '~standard': { version: 1, vendor: 'test', validate: (value) => (broken ? fail() : { value }) },
    };
    const rejecting = await receiver({ schema, onInvalid: 'reject' });
    expect((await rejecting.post(ORDER))[0]).toBe(500);
    await vi.waitFor(() => expect(rejecting.types()).toContain('released'), 30_000);
    const reports = rejecting.events.filter((event) => event.type === 'payload-invalid');
    expect(reports).toEqual([expect.objectContaining({ error: expect.any(Error) })]);
    broken = false;
    expect((await rejecting.post(ORDER))[0]).toBe(200);
    expect(rejecting.seen).toHaveLength(1);

    broken = true;
    const handling = await receiver({ schema });
    expect((await handling.post(ORDER))[0]).toBe(200);
    expect(handling.seen[0]).toMatchObject({ payload: undefined, payloadIssues: [{}] });
  });

  it('a body that is not JSON does not fit, and what is forged never reaches the schema', async () => {
    const validate = vi.fn((value: unknown) => ({ value }));
    const schema: PayloadSchema = { '~standard': { version: 1, vendor: 'test', validate } };
    const { post, seen } = await receiver({ schema });
    expect((await post('no json'))[0]).toBe(200);
    expect(seen[0]?.payloadIssues).toHaveLength(1);
    expect((await post(ORDER, 'another-secret-of-32-characters--'))[0]).not.toBe(200);
    expect([validate.mock.calls, seen.length]).toEqual([[], 1]);
    const rejecting = await receiver({ schema, onInvalid: 'reject' });
    expect((await rejecting.post('no json'))[0]).toBe(400);
  });

  it('works if the handler claims the delivery itself', async () => {
    const schema = z.object({ type: z.literal('order.paid') });
    const { post, seen } = await receiver({ schema, onInvalid: 'reject', claim: 'manual' });
    expect((await post('{"type":"x"}'))[0]).toBe(400);
    expect((await post(ORDER))[0]).toBe(200);
    expect(seen.map(({ payload }) => payload)).toEqual([{ type: 'order.paid' }]);
  });

  it.each([
    ['no schema', { schema: {} }],
    ['a misspelt policy', { schema: z.string(), onInvalid: 'rejects' }],
  ])('%s is refused at construction', async (_, options) => {
    await expect(receiver(options as never)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
  });
});

it('a name that may be a value of the sender is not shown to observers', async () => {
  const events: WebhookEvent[] = [];
  const verifier = createVerifier({
    scheme: github(),
    secrets: SECRET,
    observe: (event) => events.push(event),
  });
  const schema = z.object({ scores: z.record(z.string(), z.number()), items: z.array(z.number()) });
  const body = JSON.stringify({ scores: { 'jane@example.com': 'x' }, items: [1, 'y'] });
  await verifier.handle(sign(github(), { secret: SECRET, body }), () => 204, { schema });
  const found = events.filter((event) => event.type === 'payload-invalid');
  expect(found[0]).toMatchObject({ paths: ['scores.*', 'items.1'] });
  expect(JSON.stringify(events)).not.toContain('jane');
  await verifier.close();
});

it('payloadOf() refuses another schema than that of the adapter', async () => {
  const schema = z.object({ id: z.number() });
  const webhook = await receivedWebhook(github(), { body: { id: 1 }, schema });
  expect(payloadOf(webhook, schema)).toEqual({ id: 1 });
  expect(webhook.payload.id).toBe(1);
  const code = 'ERR_WEBHOOK_CONFIG_INVALID';
  expect(() => payloadOf(webhook, z.object({ id: z.number() }))).toThrow(expect.objectContaining({ code }));
});

it('without an observer, the process warns once of the same fault', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  cleanup.push(() => warn.mockRestore());
  const verifier = createVerifier({ scheme: github(), secrets: SECRET, replay: false });
  const schema = z.object({ once: z.number() });
  for (let n = 0; n < 3; n++)
    await verifier.handle(sign(github(), { secret: SECRET, body: `{"n":${n}}` }), () => 204, { schema });
  expect(warn.mock.calls).toEqual([
    [
      expect.stringContaining('"github" does not fit "schema" once'),
      expect.objectContaining({ code: 'COUNTERSIGN_PAYLOAD_INVALID' }),
    ],
  ]);
  await verifier.close();
});
