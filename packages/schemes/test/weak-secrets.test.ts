import type { DefinedScheme } from '@countersign/core';
import { github, standardWebhooks, stripe, svix } from '@countersign/schemes';
import { sign as signLikeGitHub, verify as verifyLikeGitHub } from '@octokit/webhooks-methods';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { outcomeOf } from '../../../test/support/outcome.ts';

const NOW = 1_763_600_000;
const BODY = '{"id":"evt_1"}';

interface Library {
  scheme: DefinedScheme;
  sign(secret: string): Record<string, string> | Promise<Record<string, string>>;
  verify(secret: string, headers: Record<string, string>): unknown;
  /** Secrets that it works with, by what is wrong with them. */
  weak: Record<string, string>;
}

function signStandard(family: string, webhook: SvixWebhook | StandardWebhook): Record<string, string> {
  const signature = webhook.sign('msg_1', new Date(NOW * 1000), BODY);
  return {
    [`${family}-id`]: 'msg_1',
    [`${family}-timestamp`]: String(NOW),
    [`${family}-signature`]: signature,
  };
}

const LIBRARIES: Record<string, Library> = {
  standardwebhooks: {
    scheme: standardWebhooks(),
    sign: (secret) => signStandard('webhook', new StandardWebhook(secret)),
    verify: (secret, headers) => new StandardWebhook(secret).verify(BODY, headers),
    weak: {
      'one byte': 'whsec_AA==',
      'unpadded base64': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA',
      'base64 with unused bits set': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAB==',
    },
  },
  svix: {
    scheme: svix(),
    sign: (secret) => signStandard('svix', new SvixWebhook(secret)),
    verify: (secret, headers) => new SvixWebhook(secret).verify(BODY, headers),
    weak: {
      'no byte': 'whsec_',
      'one byte': 'whsec_AA==',
      'unpadded base64': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA',
      'base64 with unused bits set': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAB==',
    },
  },
  stripe: {
    scheme: stripe(),
    sign: (secret) => ({
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({ payload: BODY, secret, timestamp: NOW }),
    }),
    verify: (secret, headers) =>
      Stripe.webhooks.constructEvent(BODY, headers['stripe-signature'] ?? '', secret, 300),
    weak: {
      'one byte': 'x',
      'a prefix alone': 'whsec_',
      'a line break at its end': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZI\n',
    },
  },
  '@octokit/webhooks-methods': {
    scheme: github(),
    sign: async (secret) => ({ 'x-hub-signature-256': await signLikeGitHub(secret, BODY) }),
    verify: (secret, headers) => verifyLikeGitHub(secret, BODY, headers['x-hub-signature-256'] ?? ''),
    weak: {
      'one byte': 'x',
      'blanks alone': ' '.repeat(32),
      'a line break at its end': 'MfKQ9r8GKYqrTwjUPD8ILPZI\n',
    },
  },
};

beforeEach(() => {
  // The libraries for Standard Webhooks take no clock.
  vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each(Object.entries(LIBRARIES))('%s', (_, { scheme, sign, verify, weak }) => {
  test.each(Object.entries(weak))('works with a secret that we refuse: %s', async (_what, secret) => {
    const headers = await sign(secret);
    expect(await verify(secret, headers)).toBeTruthy();
    const request = { headers, body: Buffer.from(BODY) };
    expect(await outcomeOf(scheme, secret, request, NOW)).toBe('ERR_WEBHOOK_SECRETS_INVALID');
  });
});
