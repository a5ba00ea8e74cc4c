import { createVerifier, type DefinedScheme } from '@countersign/core';
import { github, standardWebhooks, stripe as stripeScheme } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import * as octokit from '@octokit/webhooks-methods';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import type { Contender } from '../interleave.ts';
import { githubByHand, standardWebhooksByHand, stripeByHand } from './references.ts';

/** Contenders that verify the same request; the first is written by hand, the second is ours. */
export interface Group {
  readonly scheme: string;
  contenders(body: Buffer): readonly Contender[];
}

const base64Secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const textSecret = 'whsec_a-text-secret-of-some-length';

export const groups: readonly Group[] = [
  {
    scheme: 'Standard Webhooks',
    contenders(body) {
      const { headers, ours } = prepare(standardWebhooks(), base64Secret, body);
      const byHand = standardWebhooksByHand(base64Secret);
      const peer = new StandardWebhook(base64Secret);
      const svix = new SvixWebhook(base64Secret);
      return [
        { name: 'by hand', run: () => byHand(headers, body) },
        ours,
        { name: 'standardwebhooks', run: () => peer.verify(body, headers) },
        { name: 'svix', run: () => svix.verify(body, headers) },
      ];
    },
  },
  {
    scheme: 'Stripe',
    contenders(body) {
      const { headers, ours } = prepare(stripeScheme(), textSecret, body);
      const byHand = stripeByHand(textSecret);
      const { webhooks } = new Stripe('sk_test_none');
      const header = headers['stripe-signature'] ?? '';
      return [
        { name: 'by hand', run: () => byHand(headers, body) },
        ours,
        { name: 'stripe constructEvent', run: () => webhooks.constructEvent(body, header, textSecret) },
        {
          name: 'stripe verifyHeader',
          run: () => webhooks.signature?.verifyHeader(body, header, textSecret, 300) ?? false,
        },
      ];
    },
  },
  {
    scheme: 'GitHub',
    contenders(body) {
      const { headers, ours } = prepare(github(), textSecret, body);
      const byHand = githubByHand(textSecret);
      const header = headers['x-hub-signature-256'] ?? '';
      const text = body.toString();
      return [
        { name: 'by hand', run: () => byHand(headers, body) },
        ours,
        // It wants text: the decoding that a receiver has to do for it counts.
        { name: '@octokit/webhooks-methods', run: () => octokit.verify(textSecret, body.toString(), header) },
        {
          name: '@octokit/webhooks-methods, body already text',
          run: () => octokit.verify(textSecret, text, header),
        },
      ];
    },
  },
];

function prepare(scheme: DefinedScheme, secret: string, body: Buffer) {
  const { headers } = sign(scheme, { secret, body });
  const verifier = createVerifier({ scheme, secrets: secret, replay: false });
  const request = { headers, body };
  return { headers, ours: { name: 'countersign', run: () => verifier.verify(request) } };
}
