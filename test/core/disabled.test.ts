import { createVerifier, type WebhookEvent } from '@countersign/core';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterEach, expect, test, vi } from 'vitest';

// Self-hosted applications ship integrations that are switched off. Such an endpoint must not warn, and must never let anything pass.

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const request = sign(standardWebhooks(), { secret, body: '{}' });

afterEach(() => vi.restoreAllMocks());

test.each([
  ['without a secret', {}],
  ['with one', { secrets: secret }],
  ['with an empty one', { secrets: '' }],
])('a disabled endpoint %s responds with 404 and runs nothing', async (_, secrets) => {
  const warn = vi.spyOn(process, 'emitWarning');
  const events: WebhookEvent[] = [];
  const verifier = createVerifier({
    scheme: standardWebhooks(),
    disabled: true,
    observe: (event) => events.push(event),
    ...secrets,
  });
  await verifier.ready();
  let ran = false;
  const response = await verifier.handle(request, () => {
    ran = true;
  });
  expect(response.status).toBe(404);
  expect(ran).toBe(false);
  for (const step of [verifier.verify(request), verifier.receive(request), verifier.claim({} as never)]) {
    await expect(step).rejects.toMatchObject({ code: 'ERR_WEBHOOK_DISABLED', status: 404 });
  }
  expect(verifier.health()).toMatchObject({ state: 'disabled', warnings: [], secrets: { keys: [] } });
  expect(await verifier.reload()).toMatchObject({ state: 'disabled' });
  await verifier.close();
  expect(events).toEqual([]);
  expect(warn).not.toHaveBeenCalled();
});

test('only `true` disables an endpoint', () => {
  const make = (disabled: unknown) => () =>
    createVerifier({ scheme: standardWebhooks(), secrets: secret, disabled } as never);
  for (const value of ['true', 1, null, 'no'])
    expect(make(value)).toThrow('"disabled" must be true or false.');
  expect(make(false)).not.toThrow();
  expect(() => createVerifier({ scheme: standardWebhooks() } as never)).toThrow('"secrets" is missing.');
});
