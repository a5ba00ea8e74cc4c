import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readGuidePage } from './support/guide-page.ts';
import { measure } from './support/measure.ts';
import { runPageCode } from './support/run-page-code.ts';
import { SENDERS, type Sender } from './support/senders.ts';

// What the guides say outside of their tables.

beforeEach(() => {
  for (const method of ['debug', 'info', 'log', 'warn', 'error'] as const)
    vi.spyOn(console, method).mockImplementation(() => undefined);
});
afterEach(() => vi.unstubAllEnvs());

/** The sender, but its secrets are not in the environment. */
function withoutSecret(sender: Sender): Sender {
  const kept = Object.entries(sender.env).filter(
    ([, value]) => ![sender.secret, sender.previous].includes(value),
  );
  return { ...sender, env: Object.fromEntries(kept) };
}

const STEP_TWO: Readonly<Record<string, readonly [file: string, sender: Sender]>> = {
  stripe: ['in-its-place.ts', SENDERS.stripe],
  svix: ['in-its-place.ts', SENDERS.svix],
  octokit: ['in-its-place.ts', SENDERS.github],
  shopify: ['in-its-place.ts', SENDERS.shopify],
  twilio: ['in-its-place.ts', SENDERS.twilio],
  paddle: ['in-its-place.ts', SENDERS.paddle],
  polar: ['in-its-place.ts', SENDERS.polar],
  'hand-written': ['in-its-place.ts', SENDERS.acme],
};

test.each(Object.entries(STEP_TWO))(
  '%s: until there is a secret, the sender gets 503',
  async (page, [file, sender]) => {
    const code = readGuidePage(page).files.get(file) ?? '';
    expect(await measure(code, withoutSecret(sender), ['genuine', 'forged'])).toEqual(['503', '503']);
  },
);

test('stripe: without a secret, constructEvent refuses with 400', async () => {
  const code = readGuidePage('stripe').files.get('before.ts') ?? '';
  expect(await measure(code, withoutSecret(SENDERS.stripe), ['genuine'])).toEqual(['400']);
});

describe.each(['meta-before.ts', 'meta.ts'])('hand-written, %s', (file) => {
  test("responds to Meta's check of the URL, if the token is right", async () => {
    for (const [name, value] of Object.entries(SENDERS.meta.env)) vi.stubEnv(name, value);
    const receiver = await runPageCode(readGuidePage('hand-written').files.get(file) ?? '', async () => {});
    try {
      const check = async (token: string) => {
        const query = new URLSearchParams({
          ...{ 'hub.mode': 'subscribe', 'hub.verify_token': token, 'hub.challenge': '1158201444' },
        });
        const response = await fetch(`http://127.0.0.1:${receiver.port}${SENDERS.meta.path}?${query}`);
        return [response.status, await response.text()];
      };
      expect(await check('a-verify-token')).toEqual([200, '1158201444']);
      expect((await check('another-token'))[0]).toBeGreaterThanOrEqual(400);
    } finally {
      await receiver.close();
    }
  });
});
