import {
  createVerifier,
  memoryReplayStore,
  type ReplayStore,
  type Verifier,
  type VerifierOptions,
} from '@countersign/core';
import { github, hubspot, shopify, slack, stripe, svix } from '@countersign/schemes';
import { generateSigningKeys, type SignedRequest, type SignInput, sign } from '@countersign/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';

// "Resend", "Redeliver" and "Replay" in a sender's dashboard: the delivery runs again if it was forgotten before, and only then.

let open: Verifier[] = [];
afterEach(async () => {
  await Promise.all(open.map((verifier) => verifier.close()));
  open = [];
  vi.restoreAllMocks();
});

interface Setup {
  readonly verifier: Verifier;
  /** Sends the delivery, signed anew, and returns what the handler saw of it; `undefined` if it did not run. */
  deliver(): Promise<string | undefined>;
}

function setup(
  scheme: ReturnType<typeof stripe>,
  input: Omit<SignInput, 'secret'>,
  more: Partial<VerifierOptions> = {},
): Setup {
  const { secret, signingSecret } = generateSigningKeys(scheme);
  const url = input.url === undefined ? {} : { publicUrl: input.url };
  const verifier = createVerifier({ scheme, secrets: secret, observe: () => {}, ...url, ...more });
  open.push(verifier);
  return {
    verifier,
    async deliver() {
      const request: SignedRequest = sign(scheme, { ...input, secret: signingSecret });
      let seen: string | undefined;
      await verifier.handle({ method: 'POST', ...request }, (webhook) => {
        seen = webhook.id;
      });
      return seen;
    },
  };
}

describe('a delivery that was handled', () => {
  test.each<[string, ReturnType<typeof stripe>, Omit<SignInput, 'secret'>]>([
    ['by a field of the body', stripe(), { body: '{"id":"evt_1"}' }],
    ['by a signed header', svix(), { body: '{}', id: 'msg_1' }],
    ['by the bytes of the body', github(), { body: '{"action":"opened"}' }],
    ['by the body and a label', shopify(), { body: '{}', headers: { 'x-shopify-topic': 'orders/create' } }],
    ['by a field of the body that is missing', slack(), { body: 'command=%2Fdeploy' }],
    ['by all that is signed', hubspot(), { body: '[]', url: 'https://example.com/hooks' }],
  ])('and is recognized %s runs once more after forget(id)', async (_, scheme, input) => {
    const { verifier, deliver } = setup(scheme, input);
    const id = await deliver();
    expect(id).toBeTypeOf('string');
    expect(await deliver()).toBeUndefined();
    expect(await verifier.forget(String(id))).toBe(true);
    expect(await deliver()).toBe(id);
    expect(await deliver()).toBeUndefined();
  });

  test('may be named by the webhook itself, and by what deliveryKey returns', async () => {
    const { verifier, deliver } = setup(stripe(), { body: '{"id":"evt_1"}' }, { deliveryKey: () => 'mine' });
    await deliver();
    expect(await verifier.forget('evt_1')).toBe(false);
    expect(await verifier.forget('mine')).toBe(true);
    expect(await deliver()).toBe('evt_1');

    const plain = setup(svix(), { body: '{}', id: 'msg_1' });
    let received: unknown;
    const { secret, signingSecret } = generateSigningKeys(svix());
    const other = createVerifier({ scheme: svix(), secrets: secret, observe: () => {} });
    open.push(other);
    const request = sign(svix(), { secret: signingSecret, body: '{}', id: 'msg_1' });
    await other.handle(request, (webhook) => {
      received = webhook;
    });
    // The key is that of the webhook's own endpoint.
    await plain.deliver();
    expect(await plain.verifier.forget(received as never)).toBe(true);
    expect(await plain.deliver()).toBe('msg_1');
  });

  test('is not forgotten by the id of another, or at another endpoint', async () => {
    const store = memoryReplayStore();
    const a = setup(svix(), { body: '{}', id: 'msg_1' }, { replay: store, endpoint: 'a' });
    const b = setup(svix(), { body: '{}', id: 'msg_1' }, { replay: store, endpoint: 'b' });
    await a.deliver();
    expect(await a.verifier.forget('msg_2')).toBe(false);
    expect(await b.verifier.forget('msg_1')).toBe(false);
    expect(await a.deliver()).toBeUndefined();
  });
});

test('a delivery that is being handled is not forgotten', async () => {
  const { secret, signingSecret } = generateSigningKeys(svix());
  const verifier = createVerifier({ scheme: svix(), secrets: secret });
  open.push(verifier);
  const request = sign(svix(), { secret: signingSecret, body: '{}', id: 'msg_1' });
  const received = await verifier.receive(request);
  expect(await verifier.forget('msg_1')).toBe(false);
  if (received.state === 'claimed') await received.claim.commit();
  expect(await verifier.forget('msg_1')).toBe(true);
});

test('without a replay store, nothing was remembered; if the store is down, the caller learns it', async () => {
  expect(await setup(svix(), { body: '{}' }, { replay: false }).verifier.forget('msg_1')).toBe(false);
  const disabled = createVerifier({ scheme: svix(), disabled: true });
  expect(await disabled.forget('msg_1')).toBe(false);
  const down = async () => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }));
  const store: ReplayStore = { claim: down, renew: down, commit: down, release: down, forget: down };
  await expect(
    setup(svix(), { body: '{}' }, { replay: store }).verifier.forget('msg_1'),
  ).rejects.toMatchObject({
    code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
  });
});

test.each(['', undefined, null, 1, {}])('forget(%j) is refused', async (wrong) => {
  await expect(setup(svix(), { body: '{}' }).verifier.forget(wrong as never)).rejects.toMatchObject({
    code: 'ERR_WEBHOOK_CONFIG_INVALID',
  });
});

test('a duplicate that was not run is said once, outside of production and without an observer', async () => {
  vi.resetModules();
  const core = await import('@countersign/core');
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
  const { secret, signingSecret } = generateSigningKeys(svix());
  const request = sign(svix(), { secret: signingSecret, body: '{}', id: 'msg_1' });
  const said = () => warn.mock.calls.filter(([text]) => String(text).includes('duplicate'));
  for (const [environment, observe, times] of [
    ['production', undefined, 0],
    ['development', () => {}, 0],
    ['development', undefined, 1],
    ['development', undefined, 1],
  ] as const) {
    vi.stubEnv('NODE_ENV', environment);
    const verifier = core.createVerifier({
      scheme: svix(),
      secrets: secret,
      ...(observe === undefined ? {} : { observe }),
    });
    for (let round = 0; round < 3; round++) await verifier.handle(request, () => {});
    expect(said()).toHaveLength(times);
    await verifier.close();
  }
  expect(String(said()[0]?.[0])).toMatch(
    /"svix".*verifier\.forget\(webhook\.id\).*"Running a delivery again"/,
  );
  vi.unstubAllEnvs();
});
