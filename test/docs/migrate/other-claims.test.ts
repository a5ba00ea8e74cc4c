import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadNest } from '../../support/mounts/nest-majors.ts';
import { readGuidePage } from './support/guide-page.ts';
import { measure } from './support/measure.ts';
import { nestModules } from './support/nest-modules.ts';
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

/** The sender, but what it sends is this body, signed, with this content type. */
function sending(sender: Sender, body: string, type = 'application/json'): Sender {
  return {
    ...sender,
    sign(number, changes) {
      const { headers, body: bytes } = sender.sign(number, { body, ...changes });
      return { headers: { ...headers, 'content-type': type }, body: bytes };
    },
  };
}

test.each([
  ['express.ts', 'malformed JSON: the parser refuses it', '{', 'application/json', '400'],
  ['express.ts', 'too large for the parser', JSON.stringify('x'.repeat(200_000)), 'application/json', '413'],
  ['express.ts', 'another type: Countersign reads it', '{"id":"evt_1"}', 'text/plain', '200, handled'],
  [
    'koa-body.ts',
    'another type: Countersign reads it',
    '{"id":"evt_1"}',
    'application/x-other',
    '200, handled',
  ],
  ['koa-bodyparser.ts', 'another type: Countersign reads it', '{"id":"evt_1"}', 'text/plain', '200, handled'],
  ['hono.ts', "what does not fit the validator's schema", '{"id":1}', 'application/json', '400'],
])('index, %s: %s', async (file, _, body, type, response) => {
  const code = readGuidePage('index').files.get(file) ?? '';
  expect(await measure(code, sending(SENDERS.stripe, body, type), ['genuine'])).toEqual([response]);
});

test('nestjs-raw-body: with app.use(json()), the receiver with rawBody refuses everything', async () => {
  const nest = await loadNest(12);
  nest.common.Logger.overrideLogger(false);
  const { files } = readGuidePage('nestjs-raw-body');
  const respond = async (file: string) => {
    const code = `import { json } from 'express';\n${files.get(file)}`;
    const withParser = code.replace('await app.listen', 'app.use(json());\nawait app.listen');
    expect(withParser).not.toBe(code);
    return measure(withParser, SENDERS.stripe, ['genuine'], nestModules(nest));
  };
  expect(await respond('before.ts')).toEqual(['400']);
  expect(await respond('in-its-place.ts')).toEqual(['200, handled']);
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
