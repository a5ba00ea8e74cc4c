import { createVerifier, type WebhookEvent } from '@countersign/core';
import { github } from '@countersign/schemes';
import type { AdapterMount, AdapterSetup } from '@countersign/testing';
import { sign } from '@countersign/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { expressMount } from '../support/mounts/express.ts';
import { fastifyMount } from '../support/mounts/fastify.ts';
import { honoMount } from '../support/mounts/fetch.ts';
import { koaMount } from '../support/mounts/koa.ts';
import { lambdaMount } from '../support/mounts/lambda.ts';
import { nestMount } from '../support/mounts/nest.ts';
import { loadNest, type NestMajor } from '../support/mounts/nest-majors.ts';

// What every adapter does alike, and what the conformance cases can't ask of adapters in general.

const SECRET = 'a-signing-secret-of-32-characters';

const nestOn =
  (major: NestMajor, platform: 'express' | 'fastify'): AdapterMount =>
  async (setup) => {
    const nest = await loadNest(major);
    onTestFinished(() => nest.unload());
    return nestMount(() => nest, platform)(setup);
  };

const ADAPTERS: readonly [string, AdapterMount][] = [
  ['Express 5', expressMount(5)],
  ['Express 4', expressMount(4)],
  ['Fastify 5', fastifyMount()],
  ['Fastify 4', fastifyMount('scope', 4)],
  ['Koa 3', koaMount(3)],
  ['Koa 2', koaMount(2)],
  ['fetch, in Hono', honoMount],
  ['Lambda, by a function URL', lambdaMount('function URL')],
  ...([10, 11, 12] as const).flatMap((major): [string, AdapterMount][] => [
    [`Nest ${major} on Express`, nestOn(major, 'express')],
    [`Nest ${major} on Fastify`, nestOn(major, 'fastify')],
  ]),
];

describe.each(ADAPTERS)('%s', (_, mount) => {
  async function receiver(setup: Partial<AdapterSetup>) {
    const { port, close } = await mount({
      verifier: createVerifier({ scheme: github(), secrets: SECRET }),
      options: {},
      handler: () => ({ action: 'respond', status: 200, body: 'done' }),
      parser: 'none',
      ...setup,
    });
    onTestFinished(close);
    return async (body: string | Uint8Array, type = 'application/json') => {
      const { headers } = sign(github(), { secret: SECRET, body });
      const response = await fetch(`http://127.0.0.1:${port}/hooks/case`, {
        method: 'POST',
        headers: { ...headers, 'content-type': type },
        body: Buffer.from(body),
      });
      return [response.status, await response.text()];
    };
  }

  it.each([
    ['without a secret', {}],
    ['with its secret', { secrets: SECRET }],
  ])(
    'an endpoint that is switched off, %s, responds with 404 and runs nothing, without a warning',
    async (_, secrets) => {
      const events: WebhookEvent[] = [];
      const warn = vi.spyOn(process, 'emitWarning');
      onTestFinished(() => warn.mockRestore());
      const handler = vi.fn();
      const verifier = createVerifier({
        scheme: github(),
        disabled: true,
        observe: (event) => events.push(event),
        ...secrets,
      });
      const post = await receiver({ verifier, handler });
      expect((await post('{"id":1}'))[0]).toBe(404);
      expect((await post('x'.repeat(2_000_000)))[0]).toBe(404);
      expect([handler.mock.calls, events, warn.mock.calls]).toEqual([[], [], []]);
      expect(verifier.health().state).toBe('disabled');
    },
  );

  it.each([
    ['nothing', () => undefined],
    ['a promise of nothing', async () => undefined],
  ])('if rawBody returns %s, the body is read from the request', async (_, rawBody) => {
    const post = await receiver({
      options: { rawBody },
      handler: ({ webhook }) => ({ action: 'respond', status: 200, body: webhook?.text() ?? '' }),
    });
    expect(await post('{"id":1}')).toEqual([200, '{"id":1}']);
  });

  it.each([
    [
      'a form',
      'application/x-www-form-urlencoded',
      'a=1&b=caf%C3%A9+now',
      [
        ['a', '1'],
        ['b', 'café now'],
      ],
    ],
    [
      'a multipart body',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
      [['a', '1']],
    ],
  ])('%s is parsed from the verified bytes', async (_, type, body, fields) => {
    const post = await receiver({
      handler: async ({ webhook }) => {
        const form = await new Response(Buffer.from(webhook?.body ?? ''), {
          headers: { 'content-type': type },
        }).formData();
        return { action: 'respond', status: 200, body: JSON.stringify([...form]) };
      },
    });
    expect(await post(body, type)).toEqual([200, JSON.stringify(fields)]);
  });
});
