import { createHmac } from 'node:crypto';
import { createVerifier, type DefinedScheme, isWebhookError } from '@countersign/core';
import { github, slack, standardWebhooks, stripe } from '@countersign/schemes';
import { verify as verifyGitHub } from '@octokit/webhooks-methods';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { describe, expect, test } from 'vitest';

// What the public test suites of senders' libraries ask, restated as inputs: the library and our definition give the same verdict.

const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
const BASE64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const BODY = '{"id":"evt_1","object":"event","text":"größer"}';
const NOW = Math.floor(Date.now() / 1000);
const hex = (hash: string, content: string, key = SECRET) =>
  createHmac(hash, key).update(content).digest('hex');

type HeaderTexts = Record<string, string>;
type Case = readonly [what: string, verdict: 'accepted' | 'refused', headers: HeaderTexts, body?: string];

const rows = (...cases: readonly Case[]) =>
  cases.map(([what, verdict, headers, body = BODY]) => ({ what, verdict, headers, body }));

async function ours(scheme: DefinedScheme, secret: string, headers: HeaderTexts, body: string) {
  await using verifier = createVerifier({ scheme, secrets: secret, replay: false, observe: () => undefined });
  try {
    await verifier.verify({ headers, body: Buffer.from(body) });
    return 'accepted';
  } catch (error) {
    if (isWebhookError(error)) return 'refused';
    throw error;
  }
}

async function theirs(verify: () => unknown) {
  try {
    return (await verify()) === false ? 'refused' : 'accepted';
  } catch {
    return 'refused';
  }
}

const stripeSignature = (time: number | string, body = BODY, key = SECRET) =>
  `t=${time},v1=${hex('sha256', `${time}.${body}`, key)}`;
const stripeHeader = (text: string) => ({ 'stripe-signature': text });

describe('stripe-node, Webhook.spec', () => {
  test.each(
    rows(
      ['a header without a time', 'refused', stripeHeader(`v1=${hex('sha256', BODY)}`)],
      ['a header that is no list', 'refused', stripeHeader("I'm not even a real signature header")],
      ['no header', 'refused', {}],
      ['no entry of the expected version', 'refused', stripeHeader(stripeSignature(NOW).replace('v1', 'v0'))],
      ['no signature that matches', 'refused', stripeHeader(`t=${NOW},v1=${'0'.repeat(64)}`)],
      ['a signature of another body', 'refused', stripeHeader(stripeSignature(NOW, `${BODY} `))],
      ['a time beyond the tolerance', 'refused', stripeHeader(stripeSignature(NOW - 1000))],
      ['a valid signature', 'accepted', stripeHeader(stripeSignature(NOW))],
      [
        'one valid signature of several',
        'accepted',
        stripeHeader(`${stripeSignature(NOW)},v1=${'0'.repeat(64)}`),
      ],
      ['another body than was signed', 'refused', stripeHeader(stripeSignature(NOW)), '{}'],
      ['an empty body, signed', 'accepted', stripeHeader(stripeSignature(NOW, '')), ''],
    ),
  )('$what: $verdict', async ({ verdict, headers, body }) => {
    expect(await ours(stripe(), SECRET, headers, body)).toBe(verdict);
    const verify = () =>
      Stripe.webhooks.signature?.verifyHeader(body, headers['stripe-signature'] ?? '', SECRET, 300);
    // The library refuses an empty body because it looks like a mistake.
    if (body !== '') expect(await theirs(verify)).toBe(verdict);
  });
});

describe('@octokit/webhooks-methods, verify.test', () => {
  const header = (text: string) => ({ 'x-hub-signature-256': text });
  test.each(
    rows(
      ['a signature of the body', 'accepted', header(`sha256=${hex('sha256', BODY)}`)],
      ['a signature of another body', 'refused', header(`sha256=${hex('sha256', '{}')}`)],
      ['a signature by another secret', 'refused', header(`sha256=${hex('sha256', BODY, 'another')}`)],
      ['no prefix', 'refused', header(hex('sha256', BODY))],
      ['the prefix alone', 'refused', header('sha256=')],
      ['a foreign text', 'refused', header('foo')],
      ['an older hash under the newer name', 'refused', header(`sha256=${hex('sha1', BODY)}`)],
    ),
  )('$what: $verdict', async ({ verdict, headers, body }) => {
    expect(await ours(github(), SECRET, headers, body)).toBe(verdict);
    const text = headers['x-hub-signature-256'] ?? '';
    expect(await theirs(() => verifyGitHub(SECRET, body, text))).toBe(verdict);
  });
});

describe('standard-webhooks, webhook.test', () => {
  const signature = (id: string, time: number | string, body = BODY) =>
    `v1,${createHmac('sha256', Buffer.from(BASE64, 'base64')).update(`${id}.${time}.${body}`).digest('base64')}`;
  const header = (id: string, time: number | string, text = signature(id, time)) => ({
    'webhook-id': id,
    'webhook-timestamp': `${time}`,
    'webhook-signature': text,
  });
  const without = (name: string) =>
    Object.fromEntries(Object.entries(header('msg_1', NOW)).filter(([each]) => each !== name));
  test.each(
    rows(
      ['everything', 'accepted', header('msg_1', NOW)],
      ['no id', 'refused', without('webhook-id')],
      ['no time', 'refused', without('webhook-timestamp')],
      ['no signature', 'refused', without('webhook-signature')],
      ['a time that is no number', 'refused', header('msg_1', 'hello')],
      ['a signature that does not match', 'refused', header('msg_1', NOW, 'v1,dGVzdA==')],
      ['half a signature', 'refused', header('msg_1', NOW, signature('msg_1', NOW).slice(0, 8))],
      ['a version alone', 'refused', header('msg_1', NOW, 'v1,')],
      ['an old time', 'refused', header('msg_1', NOW - 301)],
      ['a time in the future', 'refused', header('msg_1', NOW + 400)],
      [
        'one of several signatures and versions',
        'accepted',
        header(
          'msg_1',
          NOW,
          `v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,aaaa ${signature('msg_1', NOW)}`,
        ),
      ],
    ),
  )('$what: $verdict', async ({ verdict, headers, body }) => {
    expect(await ours(standardWebhooks(), `whsec_${BASE64}`, headers, body)).toBe(verdict);
    expect(await theirs(() => new StandardWebhook(BASE64).verify(body, headers))).toBe(verdict);
  });
});

describe('slack, the receivers of Bolt', () => {
  const signed = (time: number | string, body = BODY) => `v0=${hex('sha256', `v0:${time}:${body}`)}`;
  const header = (time: number | string, text = signed(time)) => ({
    'x-slack-request-timestamp': `${time}`,
    'x-slack-signature': text,
  });
  test.each(
    rows(
      ['everything', 'accepted', header(NOW)],
      ['no signature', 'refused', { 'x-slack-request-timestamp': `${NOW}` }],
      ['no time', 'refused', { 'x-slack-signature': signed(NOW) }],
      ['an old time', 'refused', header(NOW - 600)],
      ['another version', 'refused', header(NOW, signed(NOW).replace('v0=', 'v1='))],
      ['a signature of another body', 'refused', header(NOW, signed(NOW, '{}'))],
    ),
  )('$what: $verdict', async ({ verdict, headers, body }) => {
    expect(await ours(slack(), SECRET, headers, body)).toBe(verdict);
  });
});
