import { createVerifier, type DefinedScheme, isWebhookError } from '@countersign/core';
import {
  ada,
  clerk,
  discord,
  finch,
  github,
  linear,
  openai,
  sendGrid,
  slack,
  standardWebhooks,
  stripe,
  supabaseAuth,
  svix,
  twilio,
  wise,
} from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { CATALOGUE } from '../../../test/support/catalogue.ts';

// Secrets of a known wrong form: the message says what was pasted and what to paste instead, and never quotes it.

const BASE64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const REST = '4eC39HqLyjWDarjtT1zdp7dc0123456789';

function messageOf(scheme: DefinedScheme, secrets: string): string {
  try {
    createVerifier({ scheme, secrets, publicUrl: 'https://hooks.example.com/in' });
  } catch (error) {
    if (isWebhookError(error) && error.code === 'ERR_WEBHOOK_SECRETS_INVALID') return error.message;
    throw error;
  }
  return 'accepted';
}

test.each([
  [
    'the form of Supabase',
    standardWebhooks(),
    `v1,whsec_${BASE64}`,
    /begins with "v1,".*what comes after it/,
  ],
  ['the form of Supabase, at Svix', svix(), `v1,whsec_${BASE64}`, /begins with "v1,"/],
  [
    'two secrets in one text',
    standardWebhooks(),
    `whsec_${BASE64}|whsec_${BASE64}`,
    /contains "\|".*each of them/,
  ],
  ['two secrets of Supabase', supabaseAuth(), `v1,whsec_${BASE64}|v1,whsec_${BASE64}`, /contains "\|"/],
  ['a public key', standardWebhooks(), `whpk_${BASE64}`, /public key.*"whsec_"/],
  ['a public key with its version', ada(), `v1a,whpk_${BASE64}`, /public key.*"whsec_"/],
  ['a private key', standardWebhooks(), `whsk_${BASE64}`, /private key/],
  ['no prefix', supabaseAuth(), BASE64, /does not begin with "v1,whsec_"/],
  ['half of the prefix', supabaseAuth(), `whsec_${BASE64}`, /does not begin with "v1,whsec_"/],
  ['quotation marks', finch(), `"${BASE64}"`, /quotation marks/],
  ['a line break', finch(), `${BASE64}\n`, /white space/],
  ['an API key of Stripe', stripe(), `sk_live_${REST}`, /API key of Stripe.*whsec_/],
  ['a test key of Stripe', stripe(), `sk_test_${REST}`, /API key of Stripe.*whsec_/],
  ['a restricted key of Stripe', stripe(), `rk_live_${REST}`, /restricted API key/],
  ['a secret key of Clerk', clerk(), `sk_live_${REST}`, /secret key of Clerk.*whsec_/],
  ['an API key of OpenAI', openai(), `sk-proj-${REST}`, /API key of OpenAI.*whsec_/],
  ['a token of GitHub', github(), `ghp_${REST}`, /personal access token/],
  ['a token of Slack', slack(), `xoxb-${REST}`, /bot token.*signing secret/],
  ['an API key of Linear', linear(), `lin_api_${REST}`, /API key of Linear.*lin_wh_/],
  ['the SID of Twilio', twilio(), 'AC0123456789abcdef0123456789abcdef', /SID of the account.*auth token/],
  ['an API key of SendGrid', sendGrid(), `SG.${REST}`, /API key of SendGrid.*verification key/],
])('%s', (_, scheme, secret, expected) => {
  const message = messageOf(scheme, secret);
  expect(message).toMatch(expected);
  expect(message).not.toContain(REST);
  expect(message).not.toContain(BASE64.slice(0, 16));
});

describe.each(
  CATALOGUE.flatMap(({ name, scheme }) =>
    [scheme.definition.secret]
      .flat()
      .flatMap(({ mistakenFor = {} }) => Object.entries(mistakenFor))
      .map(([start, what]) => ({ name, scheme, start, what })),
  ),
)('$name: $start', ({ scheme, start, what }) => {
  test('is refused with what to paste instead', () => {
    expect(messageOf(scheme, `${start}${REST}`)).toContain(`it begins with "${start}", which is ${what}`);
    expect(what).toMatch(/^(?:an?|the) .*\. Paste [^.]*$/);
  });
});

test.each([
  ['with', '\n'],
  ['without', ''],
])('a key in PEM may end %s a line break', (_, end) => {
  const pem = [
    '-----BEGIN PUBLIC KEY-----',
    'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
    '-----END PUBLIC KEY-----',
  ].join('\n');
  // Each of these takes another kind of key, so that what is refused is the kind and not the text.
  expect(messageOf(wise(), `${pem}${end}`)).toMatch(/not a key of the type "rsa"/);
  expect(messageOf(discord(), `${pem}${end}`)).toMatch(/raw-hex/);
});
