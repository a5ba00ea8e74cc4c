import { stripe } from '@countersign/schemes';
import Stripe from 'stripe';
import { type Group, oneByOne } from '../group.ts';
import { stripeByHand } from '../references.ts';
import { tern } from './tern.ts';

const { webhooks } = new Stripe('sk_test_none');

export const stripeGroup: Group = {
  name: 'Stripe',
  scheme: stripe(),
  secrets: [
    'whsec_a-text-secret-of-some-length',
    'whsec_another-secret-of-the-same',
    'whsec_one-that-nobody-here-knows',
  ],
  byHand(secrets, request) {
    const verify = stripeByHand(secrets);
    return () => verify(request);
  },
  peers: [
    {
      name: 'stripe constructEvent',
      make(secrets, { headers, body }) {
        const header = headers['stripe-signature'] ?? '';
        return oneByOne(secrets, (secret) => webhooks.constructEvent(body, header, secret));
      },
    },
    {
      name: 'stripe verifyHeader',
      make(secrets, { headers, body }) {
        const header = headers['stripe-signature'] ?? '';
        return oneByOne(secrets, (secret) => webhooks.signature?.verifyHeader(body, header, secret, 300));
      },
    },
    { name: 'tern', make: tern('stripe') },
  ],
};
