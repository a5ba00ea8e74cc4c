import { type DefinedScheme, isWebhookError } from '@countersign/core';
import {
  auth0Logs,
  chargebee,
  cloudflareNotifications,
  flutterwaveV3,
  gitlabToken,
  microsoftGraph,
  okta,
  pipedrive,
  postmark,
  revenueCatToken,
  telegram,
} from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { judge, type Request } from '../../../test/support/outcome.ts';

const NOW = 1_763_600_000;
const TOKEN = 'a-token-that-both-sides-hold';

interface TokenSender {
  readonly scheme: DefinedScheme;
  /** A delivery that says something, with a token in its place. */
  request(token: string, says: string): Request;
}

const inHeader = (scheme: DefinedScheme, header: string): TokenSender => ({
  scheme,
  request: (token, says) => ({
    method: 'POST',
    url: '/',
    headers: { [header]: token },
    body: Buffer.from(JSON.stringify({ says })),
  }),
});

/** HTTP Basic: the secret is user and password. */
const basic = (scheme: DefinedScheme): TokenSender => ({
  scheme,
  request: (token, says) =>
    inHeader(scheme, 'authorization').request(`Basic ${Buffer.from(token).toString('base64')}`, says),
});

const SENDERS: readonly TokenSender[] = [
  basic(chargebee()),
  basic(pipedrive()),
  basic(postmark()),
  inHeader(flutterwaveV3(), 'verif-hash'),
  inHeader(revenueCatToken(), 'authorization'),
  inHeader(auth0Logs(), 'authorization'),
  inHeader(cloudflareNotifications(), 'cf-webhook-auth'),
  inHeader(gitlabToken(), 'x-gitlab-token'),
  inHeader(okta(), 'authorization'),
  inHeader(okta({ header: 'x-okta-hook' }), 'x-okta-hook'),
  inHeader(telegram(), 'x-telegram-bot-api-secret-token'),
  {
    scheme: microsoftGraph(),
    request: (clientState, says) => ({
      method: 'POST',
      url: '/',
      headers: {},
      body: Buffer.from(JSON.stringify({ value: [{ subscriptionId: 's', clientState, says }] })),
    }),
  },
];

describe.each(SENDERS)('$scheme.name', ({ scheme, request }) => {
  const judged = (token: string, says: string) => judge(scheme, TOKEN, request(token, says), NOW);

  test('accepts its token with any body, and shows that the body is not authenticated', async () => {
    for (const says of ['what was sent', 'what an attacker made of it']) {
      const outcome = await judged(TOKEN, says);
      expect(isWebhookError(outcome)).toBe(false);
      expect(outcome).toMatchObject({ bodyAuthenticated: false });
    }
  });

  test.each([`${TOKEN}x`, TOKEN.slice(0, -1), TOKEN.toUpperCase(), `Bearer ${TOKEN}`])(
    'refuses another text: %s',
    async (token) => {
      expect(await judged(token, 'what was sent')).toMatchObject({ code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH' });
    },
  );

  test('warns in its notes', () => {
    expect(scheme.definition.about?.notes).toContain(
      'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.',
    );
  });
});

describe('okta()', () => {
  test.each([{ haeder: 'x-okta-hook' }, { header: 'X-Okta-Hook' }, { header: 'no name' }, { header: '' }])(
    'refuses options that would leave another header in place: %j',
    (options) => {
      expect(() => okta(options)).toThrow(expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }));
    },
  );
});
