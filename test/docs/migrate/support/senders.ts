import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  clerk,
  github,
  lemonSqueezy,
  meta,
  paddle,
  polar,
  resend,
  shopify,
  slack,
  standardWebhooks,
  stripe,
  svix,
  twilio,
} from '@countersign/schemes';
import { type SignInput, sign } from '@countersign/testing';

export interface Sent {
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** A sender as the receivers of the guides know it: its secrets, in the environment, and what it sends where. */
export interface Sender {
  readonly env: Readonly<Record<string, string>>;
  readonly secret: string;
  readonly previous: string;
  readonly path: string;
  /** The delivery with this number: the same number again is the same delivery. */
  sign(number: number, changes?: Partial<SignInput>): Sent;
  /** Requests that only this sender's table has. */
  readonly further?: Readonly<Record<string, (sender: Sender, number: number) => Sent>>;
}

interface Description {
  readonly scheme: DefinedScheme;
  /** The variable with the secret. */
  readonly variable: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly secrets?: readonly [current: string, previous: string];
  readonly path: string;
  readonly body: (number: number) => string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The URL that the sender was given, if it signs it. */
  readonly url?: string;
  readonly rule?: number;
  readonly further?: Sender['further'];
}

const TEXT = ['a-signing-secret-of-32-characters', 'the-secret-of-last-month-32-chars'] as const;
const WHSEC = TEXT.map((text) => `whsec_${Buffer.from(text).toString('base64')}`) as [string, string];

function sender({ scheme, variable, secrets = TEXT, path, body, url, rule, ...more }: Description): Sender {
  const [secret, previous] = secrets;
  return {
    env: { [variable]: secret, [`${variable}_PREVIOUS`]: previous, ...more.env },
    ...{ secret, previous, path },
    sign(number, changes = {}) {
      const id = `msg_${number}`;
      const { headers, body: bytes } = sign(scheme, {
        ...{ secret, body: body(number) },
        ...(usesId(scheme) && { id }),
        ...(url !== undefined && { url }),
        ...(rule !== undefined && { rule }),
        ...changes,
      });
      return { headers: { 'content-type': 'application/json', ...headers, ...more.headers }, body: bytes };
    },
    ...(more.further && { further: more.further }),
  };
}

function usesId({ definition }: DefinedScheme): boolean {
  return [definition.signed].flat().some((rule) => 'id' in rule && rule.id !== undefined);
}

const json = (body: (number: number) => unknown) => (number: number) => JSON.stringify(body(number));

const STRIPE_EVENT = json((number) => ({
  ...{ id: `evt_${number}`, object: 'event', type: 'invoice.paid' },
  data: { object: { id: `in_${number}`, customer: 'cus_1' } },
}));

/** The sender of one's own, of the page about hand-written code. */
const ACME = defineScheme({
  name: 'acme',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-acme-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
});

export const SENDERS = {
  stripe: sender({
    ...{ scheme: stripe(), variable: 'STRIPE_SECRET', path: '/hooks/stripe', body: STRIPE_EVENT },
    env: { STRIPE_API_KEY: 'sk_test_0123456789abcdef' },
  }),
  svix: sender({
    ...{ scheme: svix(), variable: 'SVIX_SECRET', secrets: WHSEC, path: '/hooks/svix' },
    body: json((number) => ({ type: 'invoice.paid', data: { id: number } })),
  }),
  standardWebhooks: sender({
    ...{ scheme: standardWebhooks(), variable: 'WEBHOOK_SECRET', secrets: WHSEC, path: '/hooks/standard' },
    body: json((number) => ({ type: 'invoice.paid', data: { id: number } })),
  }),
  clerk: sender({
    ...{ scheme: clerk(), variable: 'CLERK_WEBHOOK_SIGNING_SECRET', secrets: WHSEC, path: '/api/webhooks' },
    body: json((number) => ({ type: 'user.created', object: 'event', data: { id: `user_${number}` } })),
  }),
  resend: sender({
    ...{ scheme: resend(), variable: 'RESEND_WEBHOOK_SECRET', secrets: WHSEC, path: '/api/webhooks' },
    env: { RESEND_API_KEY: 're_0123456789' },
    body: json((number) => ({ type: 'email.delivered', data: { email_id: `email_${number}` } })),
  }),
  polar: sender({
    ...{ scheme: polar(), variable: 'POLAR_WEBHOOK_SECRET', path: '/hooks/polar' },
    body: json((number) => ({
      ...{ type: 'member.created', timestamp: '2026-11-30T12:00:00Z' },
      data: {
        ...{ id: `member_${number}`, customer_id: 'customer', email: 'a@example.com', role: 'owner' },
        ...{ created_at: '2026-11-30T12:00:00Z', modified_at: null, name: null, external_id: null },
      },
    })),
    further: {
      'an event that the library does not know': (polar, number) =>
        polar.sign(number, { body: `{"type":"brand.new","timestamp":"2026-11-30T12:00:00Z","data":{}}` }),
    },
  }),
  github: sender({
    ...{ scheme: github(), variable: 'GITHUB_SECRET', path: '/hooks/github' },
    body: json((number) => ({ ref: 'refs/heads/main', after: `commit-${number}` })),
    headers: { 'x-github-event': 'push', 'x-github-delivery': 'a-delivery' },
  }),
  slack: sender({
    ...{ scheme: slack(), variable: 'SLACK_SIGNING_SECRET', path: '/slack/events' },
    env: { SLACK_BOT_TOKEN: 'xoxb-none', SLACK_BOT_ID: 'B1', SLACK_BOT_USER_ID: 'U1' },
    body: json((number) => ({
      ...{ type: 'event_callback', event_id: `Ev${number}`, team_id: 'T1' },
      event: { type: 'app_mention', text: `mention ${number}`, channel: 'C1', user: 'U2' },
    })),
  }),
  shopify: sender({
    ...{ scheme: shopify(), variable: 'SHOPIFY_API_SECRET', path: '/hooks/shopify' },
    env: { SHOPIFY_API_KEY: 'api-key' },
    body: json((number) => ({ id: number, email: 'customer@example.com' })),
    headers: {
      'x-shopify-topic': 'orders/create',
      'x-shopify-shop-domain': 'shop.myshopify.com',
      'x-shopify-api-version': '2026-01',
      'x-shopify-webhook-id': 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
    },
    further: {
      'the same body as another topic': (shopify, number) => {
        const { headers, body } = shopify.sign(number);
        return { headers: { ...headers, 'x-shopify-topic': 'orders/paid' }, body };
      },
    },
  }),
  twilio: sender({
    ...{ scheme: twilio(), variable: 'TWILIO_AUTH_TOKEN', path: '/sms/status', rule: 1 },
    url: 'https://hooks.example.com/sms/status',
    body: (number) => `MessageSid=SM${number}&MessageStatus=delivered&To=%2B15550100`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  }),
  twilioVoice: sender({
    ...{ scheme: twilio(), variable: 'TWILIO_AUTH_TOKEN', path: '/voice', rule: 1 },
    url: 'https://hooks.example.com/voice',
    body: (number) => `CallSid=CA${number}&CallStatus=ringing&To=%2B15550100`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  }),
  paddle: sender({
    ...{ scheme: paddle(), variable: 'PADDLE_SECRET', path: '/hooks/paddle' },
    env: { PADDLE_API_KEY: 'pdl_sdbx_apikey_none' },
    body: json((number) => ({
      ...{ event_id: `evt_${number}`, notification_id: `ntf_${number}`, event_type: 'address.created' },
      ...{ occurred_at: '2026-11-30T12:00:00Z' },
      data: { id: `add_${number}`, country_code: 'DE', status: 'active' },
    })),
  }),
  acme: sender({
    ...{ scheme: ACME, variable: 'ACME_SECRET', path: '/hooks/acme' },
    body: json((number) => ({ id: `${number}`, type: 'order.paid' })),
  }),
  lemonSqueezy: sender({
    ...{ scheme: lemonSqueezy(), variable: 'LEMON_SQUEEZY_SECRET', path: '/hooks/lemon-squeezy' },
    body: json((number) => ({ meta: { event_name: 'order_created' }, data: { id: `${number}` } })),
  }),
  meta: sender({
    ...{ scheme: meta(), variable: 'META_APP_SECRET', path: '/hooks/whatsapp' },
    env: { META_VERIFY_TOKEN: 'a-verify-token' },
    body: json((number) => ({ object: 'whatsapp_business_account', entry: [{ id: `${number}` }] })),
  }),
} as const satisfies Record<string, Sender>;
