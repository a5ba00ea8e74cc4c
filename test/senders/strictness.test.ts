import { createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createVerifier, isWebhookError, type VerifierOptions } from '@countersign/core';
import { stripe } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { LENIENT, STRICT_OPTIONS, STRICTNESS } from './support/strictness.ts';

// What is refused here and accepted by libraries of senders. docs/strictness.md is written from this table; each line of it is shown here.

const PAGE = new URL('../../docs/strictness.md', import.meta.url);

async function codeOf(
  options: VerifierOptions,
  request: Parameters<ReturnType<typeof createVerifier>['verify']>[0],
) {
  try {
    await using verifier = createVerifier({ observe: () => undefined, replay: false, ...options });
    await verifier.ready();
    await verifier.verify(request);
    return 'accepted';
  } catch (error) {
    if (isWebhookError(error)) return error.code;
    throw error;
  }
}

describe.each(STRICTNESS)('$what', ({ library, refusal, scheme, secret, options, request, accepts }) => {
  const now = Math.floor(Date.now() / 1000);

  test(`is refused with ${refusal}`, async () => {
    expect(await codeOf({ scheme, secrets: secret, ...options }, await request(now))).toBe(refusal);
  });

  test.skipIf(accepts === undefined)(`is accepted by ${library}`, async () => {
    const { headers, body } = await request(now);
    const given = { headers: headers as Record<string, string>, body: body as Buffer };
    expect(await accepts?.(given)).not.toBe(false);
  });
});

test.each(STRICT_OPTIONS)('$what is refused at construction', ({ options, message }) => {
  expect(() => createVerifier({ scheme: stripe(), secrets: 'whsec_0123456789abcdef', ...options })).toThrow(
    message,
  );
});

test('a definition of your own may be as lenient as the way out says', async () => {
  const body = Buffer.from('{}');
  const upper = createHmac('sha256', 'short').update(body).digest('hex').toUpperCase();
  const headers = ['x-signature', upper, 'x-signature', '0'.repeat(64)];
  expect(await codeOf({ scheme: LENIENT, secrets: 'short' }, { headers, body })).toBe('accepted');
});

test('docs/strictness.md says all of it', async () => {
  const cell = (text = '') => text.replaceAll('|', '\\|');
  const rows = STRICTNESS.map(
    ({ what, library, refusal, reason, wayOut }) =>
      `| ${cell(what)} | ${library === undefined ? '' : `\`${library}\``} | \`${refusal.replace('ERR_WEBHOOK_', '')}\` | ${cell(reason)} | ${cell(wayOut ?? 'none')} |`,
  );
  const options = STRICT_OPTIONS.map(({ what, reason }) => `| ${cell(what)} | ${cell(reason)} |`);
  const page = [
    '# Stricter than the libraries of senders',
    '',
    'Everything that Countersign refuses on purpose although libraries of senders accept it, with the reason and, where there is one, the',
    'way out. `test/senders/strictness.test.ts` shows each line: the named library accepts the request, and Countersign refuses it.',
    '',
    '## Requests and secrets',
    '',
    '| what | accepted by | code, after `ERR_WEBHOOK_` | reason | way out |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    '## Options, at construction',
    '',
    '| what | reason |',
    '| --- | --- |',
    ...options,
    '',
    '## After the signature',
    '',
    'A signed body that is not JSON is verified. Then `webhook.json()` throws `ERR_WEBHOOK_BODY_INVALID`, and if your handler does not catch it,',
    'the sender gets 400: a retry could not succeed. Read such a body with `webhook.text()`, `webhook.form()` or `webhook.body`.',
    '',
    'A hook of the framework that changes the body before it is verified, such as `preParsing` in Fastify, has no effect: the bytes as received',
    'are what was signed.',
    '',
  ].join('\n');
  await expect(page).toMatchFileSnapshot(fileURLToPath(PAGE));
});
