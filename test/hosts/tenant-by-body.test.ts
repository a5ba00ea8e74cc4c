import {
  createTenants,
  createVerifier,
  tenantByBody,
  type VerifiedWebhook,
  type Verifier,
  type WebhookEvent,
} from '@countersign/core';
import { github, slack } from '@countersign/schemes';
import { type AdapterLimit, type AdapterMount, adapterCases, sign } from '@countersign/testing';
import { afterAll, afterEach, describe, expect, it, test, vi } from 'vitest';
import { expressMount } from '../support/mounts/express.ts';
import { fastifyMount } from '../support/mounts/fastify.ts';
import { FETCH_LIMITS, honoMount, nodeMount } from '../support/mounts/fetch.ts';
import { koaMount } from '../support/mounts/koa.ts';
import { lambdaMount } from '../support/mounts/lambda.ts';
import { nestMount } from '../support/mounts/nest.ts';
import { loadNest } from '../support/mounts/nest-majors.ts';

// Tenants that only the body names, as with a GitHub App that has a secret for each repository: pick, verify, compare.

const secretOf = (tenant: string) => `the-secret-of-${tenant}-0123456789abcdef`;
const bodyOf = (tenant: string, id = 1) => JSON.stringify({ id, repository: { full_name: tenant } });
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

let cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanup.reverse()) await step();
  cleanup = [];
  vi.restoreAllMocks();
});

interface Named {
  readonly repository: { readonly full_name: string };
}
type TenantOf = (delivery: Pick<VerifiedWebhook, 'json'>) => string | undefined;
const nameIn: TenantOf = (delivery) => delivery.json<Named>().repository.full_name;

function setup(tenantOf: TenantOf = nameIn, load?: (tenant: string) => string | undefined) {
  const loads: string[] = [];
  const tenants = createTenants({
    load(tenant) {
      loads.push(tenant);
      const known = ['acme/shop', 'acme/blog'].includes(tenant) ? secretOf(tenant) : undefined;
      const secrets = load === undefined ? known : load(tenant);
      return secrets === undefined ? undefined : { scheme: github(), secrets, observe: () => undefined };
    },
  });
  const events: WebhookEvent[] = [];
  const verifier = tenantByBody(tenants, {
    scheme: github(),
    tenantOf,
    observe: (event) => events.push(event),
  });
  cleanup.push(() => tenants.close());
  return { tenants, verifier, events, loads };
}

const signed = (body: string, secret: string) => ({ ...sign(github(), { secret, body }), body });

describe.each(ADAPTERS)('%s', (_, mount) => {
  async function receiver(verifier: Verifier) {
    const runs: string[] = [];
    const app = await mount({
      verifier,
      options: {},
      handler({ webhook }) {
        runs.push(webhook?.text() ?? '');
        return { action: 'respond', status: 200, body: 'done' };
      },
      parser: 'none',
    });
    cleanup.push(app.close);
    const post = async ({ headers, body }: { headers: Record<string, string>; body: string }) => {
      const url = `http://127.0.0.1:${app.port}/hooks/case`;
      const response = await fetch(url, { method: 'POST', headers, body });
      return { status: response.status, text: await response.text(), headers: response.headers };
    };
    return { post, runs };
  }

  it('each delivery is verified with the secret of the tenant that it names, and runs once', async () => {
    const { verifier, events } = setup();
    const { post, runs } = await receiver(verifier);
    const shop = bodyOf('acme/shop');
    const blog = bodyOf('acme/blog');
    for (let round = 0; round < 2; round++) {
      expect((await post(signed(shop, secretOf('acme/shop')))).status).toBe(200);
      expect((await post(signed(blog, secretOf('acme/blog')))).status).toBe(200);
    }
    expect(runs).toEqual([shop, blog]);
    expect(events).toEqual([]);
  });

  it("a tenant can't speak for another", async () => {
    const { verifier } = setup();
    const { post, runs } = await receiver(verifier);
    expect((await post(signed(bodyOf('acme/blog'), secretOf('acme/shop')))).status).not.toBe(200);
    expect(runs).toEqual([]);
  });

  it.each([
    ['is not JSON', 'no json'],
    ['is empty', ''],
    ['is not UTF-8', '\xff\xfe'],
    ['lacks the field', '{"id":1}'],
    ['has another type there', '{"repository":{"full_name":7}}'],
    ['names nobody', '{"repository":{"full_name":""}}'],
    ['is null', 'null'],
    ['names an unknown tenant', bodyOf('evil/corp')],
    ['names a property of objects', bodyOf('__proto__')],
  ])('a body that %s is refused like a forgery', async (_, body) => {
    const { verifier, events } = setup();
    const { post, runs } = await receiver(verifier);
    const known = await post(signed(bodyOf('acme/shop', 2), secretOf('acme/blog')));
    const answer = await post(signed(body, secretOf('acme/shop')));
    expect([answer.status, answer.text]).toEqual([known.status, '{"error":"webhook refused"}']);
    expect(runs).toEqual([]);
    expect(events).toEqual([
      expect.objectContaining({
        type: 'refused',
        code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
        endpoint: 'github',
      }),
    ]);
  });

  it('a verified body that names another tenant is refused, and its retry can run', async () => {
    let calls = 0;
    let honest = false;
    const { verifier, events } = setup((delivery) =>
      honest || calls++ % 2 === 0 ? nameIn(delivery) : 'acme/blog',
    );
    const { post, runs } = await receiver(verifier);
    const delivery = signed(bodyOf('acme/shop'), secretOf('acme/shop'));
    const answer = await post(delivery);
    expect([answer.status, answer.text]).toEqual([401, '{"error":"webhook refused"}']);
    expect(runs).toEqual([]);
    expect(events).toEqual([
      expect.objectContaining({
        type: 'refused',
        code: 'ERR_WEBHOOK_TENANT_MISMATCH',
        id: expect.any(String),
      }),
    ]);
    honest = true;
    expect((await post(delivery)).status).toBe(200);
    expect(runs).toHaveLength(1);
  });

  it('a source of tenants that is down costs no delivery', async () => {
    let down = true;
    const { verifier } = setup(nameIn, (tenant) => {
      if (down) throw new Error('no database');
      return secretOf(tenant);
    });
    const { post, runs } = await receiver(verifier);
    const delivery = signed(bodyOf('acme/shop'), secretOf('acme/shop'));
    const answer = await post(delivery);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, expect.any(String)]);
    down = false;
    expect((await post(delivery)).status).toBe(200);
    expect(runs).toHaveLength(1);
  });

  it('a request without a signature is refused before its body names anybody', async () => {
    const named = vi.fn(nameIn);
    const { verifier, loads } = setup(named);
    const { post } = await receiver(verifier);
    expect((await post({ headers: {}, body: bodyOf('acme/shop') })).status).toBe(401);
    expect([named.mock.calls.length, loads]).toEqual([0, []]);
  });
});

// Everything that every adapter must show, with a tenant in the body: the conformance cases do not know that there are several.
describe('the cases for adapters, through tenantByBody()', () => {
  const mounts: readonly [string, AdapterMount][] = [
    ['Express', expressMount(5)],
    ['fetch', nodeMount],
  ];
  for (const [name, mount] of mounts) {
    const through: AdapterMount = (setup) => {
      const { verifier } = setup;
      if (typeof verifier === 'function') return mount(setup);
      const scheme = { ...github(), ...verifier.scheme, handshake: {} as never };
      return mount({ ...setup, verifier: tenantByBody(() => verifier, { scheme, tenantOf: () => 'only' }) });
    };
    const limits: readonly AdapterLimit[] = name === 'fetch' ? FETCH_LIMITS : ['unseen-handler-errors'];
    describe(name, () => {
      for (const { name: what, run } of adapterCases(through, { limits: [...limits, 'early-body'] }))
        test(what, run);
    });
  }
});

describe('on its own', () => {
  const request = sign(github(), { secret: secretOf('acme/shop'), body: bodyOf('acme/shop') });

  it('verify(), claim() and forget() are those of the tenant', async () => {
    const { verifier } = setup();
    const webhook = await verifier.verify(request);
    expect(webhook.endpoint).toBe('acme/shop/github');
    const claim = await verifier.claim(webhook);
    if (claim.state !== 'claimed') throw new Error('not claimed');
    await claim.commit();
    expect(await verifier.claim(webhook)).toEqual({ state: 'duplicate' });
    expect(await verifier.forget(webhook)).toBe(true);
    expect((await verifier.claim(webhook)).state).toBe('claimed');
    await expect(verifier.forget(webhook.id)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
  });

  it('JSON that is expensive to parse is not parsed before it is verified', async () => {
    const { verifier, loads } = setup();
    const body = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const { headers } = sign(github(), { secret: secretOf('acme/shop'), body });
    const refused = { code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH' };
    await expect(verifier.verify({ headers, body: Buffer.from(body) })).rejects.toMatchObject(refused);
    expect(loads).toEqual([]);
  });

  it('a test of the sender gets the response of the tenant', async () => {
    const secret = 'a-slack-signing-secret-of-32-chars';
    const inner = createVerifier({ scheme: slack(), secrets: secret, observe: () => undefined });
    cleanup.push(() => inner.close());
    const verifier = tenantByBody(() => inner, {
      scheme: slack(),
      tenantOf: (delivery) => delivery.json<{ api_app_id: string }>().api_app_id,
    });
    const body = '{"type":"url_verification","challenge":"abc","api_app_id":"A1"}';
    const { headers } = sign(slack(), { secret, body });
    const request = { headers: { ...headers, 'content-type': 'application/json' }, body: Buffer.from(body) };
    expect((await verifier.receive(request)).state).toBe('handshake');
  });

  it('after close() every request gets 503', async () => {
    const { verifier } = setup();
    await verifier.close();
    const response = await verifier.handle(request, () => 204);
    expect(response.status).toBe(503);
  });

  it.each([
    ['no tenants', () => tenantByBody(undefined as never, { scheme: github(), tenantOf: nameIn })],
    ['no scheme', () => tenantByBody(() => undefined, { tenantOf: nameIn } as never)],
    ['no tenantOf', () => tenantByBody(() => undefined, { scheme: github() } as never)],
    [
      'a misspelt option',
      () => tenantByBody(() => undefined, { scheme: github(), tenantOF: nameIn } as never),
    ],
  ])('%s is refused at construction', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }));
  });
});
