import { createHmac } from 'node:crypto';
import type { DefinedScheme, WebhookErrorCode } from '@countersign/core';
import {
  ada,
  agentMessage,
  anchorBrowser,
  github,
  langsmith,
  polyai,
  shopify,
  slack,
  standardWebhooks,
  stripe,
  svix,
} from '@countersign/schemes';
import { sign as signLikeGitHub } from '@octokit/webhooks-methods';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';

const BASE64_KEY = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const OTHER_BASE64_KEY = 'C2FVsBQIhrscChlQIMV+b5sSYspob7oDAbCdEf01';
const TEXT_KEY = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
const OTHER_TEXT_KEY = '0d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa99aa1';

/** What one sender would send, signed by its own library or by its documented formula written out. */
export interface Sender {
  scheme: DefinedScheme;
  secret: string;
  otherSecret: string;
  sign(signing: {
    secret: string;
    id: string;
    seconds: number;
    body: string;
  }): Promise<Record<string, string>> | Record<string, string>;
  /** What is missing without each header. */
  without: Record<string, WebhookErrorCode>;
  /** A body in which `id` is what the sender calls the delivery. */
  body(id: string, seconds: number): string;
  /** Seconds that the signed time may lie back and ahead. */
  window: { past: number; future: number } | undefined;
  /** What a delivery is remembered by: the id that was signed, or the body. */
  identity: 'id' | 'body';
  /** Headers that an attacker or a proxy may change without being noticed. */
  unsignedHeaders: Record<string, string>;
  refusalStatus: 401 | 429 | 503;
}

const MISSING = 'ERR_WEBHOOK_SIGNATURE_MISSING';
const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';

const standardHeaders = (family: string): Sender['without'] => ({
  [`${family}-id`]: INVALID,
  [`${family}-timestamp`]: INVALID,
  [`${family}-signature`]: MISSING,
});
const eventBody = (id: string) => JSON.stringify({ id, type: 'order.paid', text: '✅ bezahlt' });
const orderBody = (id: string) => JSON.stringify({ order: id, note: 'größer' });

const svixSigned =
  (family: 'svix' | 'webhook'): Sender['sign'] =>
  ({ secret, id, seconds, body }) => ({
    [`${family}-id`]: id,
    [`${family}-timestamp`]: String(seconds),
    [`${family}-signature`]: new SvixWebhook(secret).sign(id, new Date(seconds * 1000), body),
  });

const svixLike = (scheme: DefinedScheme, family: 'svix' | 'webhook'): Sender => ({
  scheme,
  secret: `whsec_${BASE64_KEY}`,
  otherSecret: `whsec_${OTHER_BASE64_KEY}`,
  sign: svixSigned(family),
  without: standardHeaders(family),
  body: () => eventBody('the-same'),
  window: { past: 300, future: 300 },
  identity: 'id',
  unsignedHeaders: {},
  refusalStatus: 401,
});

export const SENDERS: Record<string, Sender> = {
  'Standard Webhooks, signed by the standardwebhooks package': {
    ...svixLike(standardWebhooks(), 'webhook'),
    sign: ({ secret, id, seconds, body }) => ({
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': new StandardWebhook(secret).sign(id, new Date(seconds * 1000), body),
    }),
  },
  'Svix, signed by the svix package': svixLike(svix(), 'svix'),
  'Svix with webhook-* headers, signed by the svix package': svixLike(svix(), 'webhook'),
  'Ada, signed by the svix package': svixLike(ada(), 'svix'),
  'Ada with webhook-* headers, signed by the svix package': svixLike(ada(), 'webhook'),
  'Stripe, signed by the stripe package': {
    scheme: stripe(),
    secret: `whsec_${BASE64_KEY}`,
    otherSecret: `whsec_${OTHER_BASE64_KEY}`,
    sign: ({ secret, seconds, body }) => ({
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({
        payload: body,
        secret,
        timestamp: seconds,
      }),
    }),
    without: { 'stripe-signature': MISSING },
    body: eventBody,
    window: { past: 300, future: 300 },
    identity: 'id',
    unsignedHeaders: {},
    refusalStatus: 401,
  },
  'GitHub, signed by the @octokit/webhooks-methods package': {
    scheme: github(),
    secret: TEXT_KEY,
    otherSecret: OTHER_TEXT_KEY,
    sign: async ({ secret, id, body }) => ({
      'x-hub-signature-256': await signLikeGitHub(secret, body),
      'x-github-delivery': id,
      'x-github-event': 'push',
    }),
    without: { 'x-hub-signature-256': MISSING },
    body: orderBody,
    window: undefined,
    identity: 'body',
    unsignedHeaders: { deliveryId: 'x-github-delivery', event: 'x-github-event' },
    refusalStatus: 401,
  },
  'Slack, signed by its documented formula': {
    scheme: slack(),
    secret: '8f742231b10e8888abcd99baabb85a55',
    otherSecret: '8f742231b10e8888abcd99baabb85a56',
    sign: ({ secret, seconds, body }) => ({
      'x-slack-request-timestamp': String(seconds),
      'x-slack-signature': `v0=${createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex')}`,
    }),
    without: { 'x-slack-request-timestamp': INVALID, 'x-slack-signature': MISSING },
    body: (id) => JSON.stringify({ type: 'event_callback', event_id: id, event: { type: 'message' } }),
    window: { past: 300, future: 300 },
    identity: 'id',
    unsignedHeaders: { retryNumber: 'x-slack-retry-num' },
    refusalStatus: 401,
  },
  'Shopify, signed by its documented formula': {
    scheme: shopify(),
    secret: `shpss_${TEXT_KEY.slice(0, 32)}`,
    otherSecret: `shpss_${OTHER_TEXT_KEY.slice(0, 32)}`,
    sign: ({ secret, id, body }) => ({
      'x-shopify-hmac-sha256': createHmac('sha256', secret).update(body).digest('base64'),
      'x-shopify-webhook-id': id,
      'x-shopify-topic': 'orders/create',
      'x-shopify-shop-domain': 'example.myshopify.com',
    }),
    without: { 'x-shopify-hmac-sha256': MISSING },
    body: orderBody,
    window: undefined,
    identity: 'body',
    unsignedHeaders: {
      deliveryId: 'x-shopify-webhook-id',
      topic: 'x-shopify-topic',
      shop: 'x-shopify-shop-domain',
    },
    refusalStatus: 401,
  },
  'LangSmith, signed by its documented formula': {
    scheme: langsmith(),
    secret: TEXT_KEY,
    otherSecret: OTHER_TEXT_KEY,
    sign: ({ secret, body }) => ({
      'x-langsmith-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    }),
    without: { 'x-langsmith-signature': MISSING },
    body: (id, created) =>
      JSON.stringify({ id, type: 'issue.created', created, request_id: 'shared', data: {} }),
    window: { past: 604_500, future: 300 },
    identity: 'id',
    unsignedHeaders: {},
    refusalStatus: 429,
  },
  'PolyAI, signed by its documented formula': {
    scheme: polyai(),
    secret: TEXT_KEY,
    otherSecret: OTHER_TEXT_KEY,
    sign: ({ secret, id, seconds, body }) => ({
      'x-polyai-timestamp': String(seconds),
      'x-polyai-signature': createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex'),
      'x-polyai-event-id': id,
    }),
    without: { 'x-polyai-timestamp': INVALID, 'x-polyai-signature': MISSING },
    body: orderBody,
    window: { past: 300, future: 300 },
    identity: 'body',
    unsignedHeaders: { eventId: 'x-polyai-event-id' },
    refusalStatus: 429,
  },
  'AgentMessage, signed by its documented formula': {
    scheme: agentMessage(),
    secret: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
    otherSecret: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJE=',
    sign: ({ secret, seconds, body }) => ({
      'x-amcore-signature': `t=${seconds},v1=${createHmac('sha256', Buffer.from(secret, 'base64')).update(`${seconds}\n${body}`).digest('hex')}`,
    }),
    without: { 'x-amcore-signature': MISSING },
    body: orderBody,
    window: { past: 300, future: 300 },
    identity: 'body',
    unsignedHeaders: {},
    refusalStatus: 503,
  },
  'Anchor Browser, signed by its documented formula': {
    scheme: anchorBrowser(),
    secret: TEXT_KEY,
    otherSecret: OTHER_TEXT_KEY,
    sign: ({ secret, seconds, body }) => ({
      'anchor-timestamp': String(seconds),
      'anchor-signature': `t=${seconds},v1=${createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex')}`,
      'anchor-delivery-id': 'c1f7a8de-0000-4000-8000-000000000001',
      'anchor-event': 'task.completed',
    }),
    without: { 'anchor-timestamp': INVALID, 'anchor-signature': MISSING },
    body: eventBody,
    window: { past: 120, future: 120 },
    identity: 'id',
    unsignedHeaders: { deliveryId: 'anchor-delivery-id', event: 'anchor-event' },
    refusalStatus: 401,
  },
};
