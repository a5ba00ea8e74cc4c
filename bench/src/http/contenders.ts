import type { RequestListener } from 'node:http';
import { createVerifier, type DefinedScheme } from '@countersign/core';
import { standardWebhooks, stripe } from '@countersign/schemes';
import Stripe from 'stripe';
import { byHand, byHandWithMap, type Check } from './by-hand.ts';
import type { Framework } from './framework.ts';
import type { Work } from './work.ts';

const base64Secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const textSecret = 'whsec_a-text-secret-of-some-length';

/** One way to take a webhook in one framework, and how requests for it are signed. */
export interface HttpContender {
  readonly name: string;
  readonly scheme: () => DefinedScheme;
  readonly secret: string;
  mount(framework: Framework, work: Work): RequestListener | Promise<RequestListener>;
}

const standard = { scheme: standardWebhooks, secret: base64Secret };

export const contenders: readonly HttpContender[] = [
  {
    name: 'bare: reads the body, responds with 200',
    ...standard,
    mount: (framework, work) => framework.checked(thenWork(() => true, work)),
  },
  {
    name: 'by hand',
    ...standard,
    mount: (framework, work) => framework.checked(thenWork(byHand(base64Secret), work)),
  },
  {
    name: 'countersign, replay: false',
    ...standard,
    mount: (framework, work) =>
      framework.adapted(
        createVerifier({ scheme: standardWebhooks(), secrets: base64Secret, replay: false }),
        work,
      ),
  },
  {
    name: 'by hand, with a Map',
    ...standard,
    mount: (framework, work) => framework.checked(thenWork(byHandWithMap(base64Secret), work)),
  },
  {
    name: 'countersign, with replay',
    ...standard,
    mount: (framework, work) =>
      framework.adapted(createVerifier({ scheme: standardWebhooks(), secrets: base64Secret }), work),
  },
  {
    name: 'stripe constructEvent',
    scheme: stripe,
    secret: textSecret,
    mount(framework, work) {
      const { webhooks } = new Stripe('sk_test_none');
      return framework.checked((headers, body) => {
        webhooks.constructEvent(body, headers['stripe-signature'] ?? '', textSecret);
        work();
        return true;
      });
    },
  },
];

function thenWork(check: Check, work: Work): Check {
  return (headers, body) => {
    const isGenuine = check(headers, body);
    if (isGenuine) work();
    return isGenuine;
  };
}

export const BARE: number = indexOf('bare: reads the body, responds with 200');
/** What the others are divided by. */
export const BY_HAND: number = indexOf('by hand');
export const OURS: number = indexOf('countersign, replay: false');
/** What those that remember deliveries are divided by. */
export const BY_HAND_WITH_MAP: number = indexOf('by hand, with a Map');
export const OURS_WITH_REPLAY: number = indexOf('countersign, with replay');
export const STRIPE: number = indexOf('stripe constructEvent');

function indexOf(name: string): number {
  return contenders.findIndex((contender) => contender.name === name);
}
