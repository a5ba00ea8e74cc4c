import { createHash, createHmac } from 'node:crypto';
import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  box,
  customerIo,
  github,
  hubspot,
  hubspotV2,
  intercom,
  line,
  linear,
  mandrill,
  mux,
  paddle,
  paystack,
  plivoV1,
  plivoV2,
  polyai,
  sentry,
  shopify,
  slack,
  square,
  standardWebhooks,
  stripe,
  svix,
  trello,
  twilio,
  twitch,
  typeform,
  vercel,
  zendesk,
  zoom,
} from '@countersign/schemes';
import { sign as signLikeGitHub } from '@octokit/webhooks-methods';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';

/** When every request of the corpus is signed, in Unix seconds. */
export const NOW = 1_763_600_000;

/** A request as it was captured. */
export interface Captured {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** What a sender is about to sign. */
export interface Delivery {
  secret: string;
  body: string | Buffer;
  /** The text of the signed time, if it is not that of the sender. */
  time?: string | undefined;
  /** What is signed instead of the sender's own content. */
  content?: ((time: string, body: Buffer) => string | Buffer) | undefined;
  hash?: string | undefined;
  encoding?: 'hex' | 'base64' | undefined;
  url?: string | undefined;
}

/** A sender: signed by its own library, or by its documented formula written out. Nothing of it comes from our definitions. */
export interface Sender {
  name: string;
  scheme: DefinedScheme;
  secret: string;
  otherSecret: string;
  /** How the sender writes its signed time, if it signs one in a header. */
  time?: 's' | 'ms' | 'iso';
  /** The address of deliveries, if it is signed. */
  address?: string;
  /** Its bodies are forms. */
  form?: true;
  /** Neither the body nor the query is signed. */
  bodyIsFree?: true;
  /** Of the address, only path and query are signed. */
  signsPathOnly?: true;
  /** The headers that the signature needs, the signature itself first. */
  needs: readonly string[];
  /** Headers that are not signed. */
  marks: Record<string, string>;
  headers(delivery: Delivery): Record<string, string> | Promise<Record<string, string>>;
}

const BASE64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const OTHER_BASE64 = 'C2FVsBQIhrscChlQIMV+b5sSYspob7oDAbCdEf01';
const TEXT = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
const OTHER_TEXT = '0d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa99aa1';
const WHSEC = { secret: `whsec_${BASE64}`, otherSecret: `whsec_${OTHER_BASE64}` };
const PLAIN = { secret: TEXT, otherSecret: OTHER_TEXT };

const TIMES = {
  s: String(NOW),
  ms: `${NOW}000`,
  iso: new Date(NOW * 1000).toISOString(),
};
const bytes = (body: string | Buffer) => Buffer.from(body as string);
const frame = (before: string, body: Buffer, after = '') =>
  Buffer.concat([Buffer.from(before), body, Buffer.from(after)]);

interface Simple {
  name: string;
  scheme: DefinedScheme;
  header: string;
  write?: (signature: string, time: string) => string;
  encoding?: 'hex' | 'base64';
  hash?: string;
  time?: 's' | 'ms' | 'iso';
  timeHeader?: string;
  others?: Record<string, string>;
  content?: (time: string, body: Buffer, url: string) => string | Buffer;
  secrets?: { secret: string; otherSecret: string };
  key?: (secret: string) => string | Buffer;
  marks?: Record<string, string>;
  more?: Partial<Sender>;
}

/** A sender whose signature is an HMAC in one header. */
function simple(options: Simple): Sender {
  const { name, scheme, header, time, timeHeader, others = {}, secrets = PLAIN } = options;
  const { write = (signature) => signature, key = (secret) => secret, marks = {}, more = {} } = options;
  return {
    name,
    scheme,
    ...secrets,
    ...(time === undefined ? {} : { time }),
    needs: [header, ...(timeHeader === undefined ? [] : [timeHeader]), ...Object.keys(others)],
    marks,
    headers(delivery) {
      const text = delivery.time ?? TIMES[time ?? 's'];
      const body = bytes(delivery.body);
      const content =
        delivery.content?.(text, body) ??
        options.content?.(text, body, delivery.url ?? more.address ?? '') ??
        body;
      const signature = createHmac(delivery.hash ?? options.hash ?? 'sha256', key(delivery.secret))
        .update(content)
        .digest(delivery.encoding ?? options.encoding ?? 'hex');
      return {
        [header]: write(signature, text),
        ...(timeHeader === undefined ? {} : { [timeHeader]: text }),
        ...others,
      };
    },
    ...more,
  };
}

const decoded = (secret: string) => Buffer.from(secret.replace(/^(?:v1,)?whsec_/, ''), 'base64');
const dotted = (time: string, body: Buffer) => frame(`${time}.`, body);

/** Senders that sign the body. */
export const BODY_SENDERS: readonly Sender[] = [
  {
    name: 'Stripe (its library)',
    scheme: stripe(),
    ...WHSEC,
    time: 's',
    needs: ['stripe-signature'],
    marks: { 'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)' },
    headers({ secret, body, time = TIMES.s, content, hash, encoding }) {
      if (content !== undefined || hash !== undefined || encoding !== undefined || Buffer.isBuffer(body)) {
        const signed = content?.(time, bytes(body)) ?? dotted(time, bytes(body));
        const signature = createHmac(hash ?? 'sha256', secret)
          .update(signed)
          .digest(encoding ?? 'hex');
        return { 'stripe-signature': `t=${time},v1=${signature}` };
      }
      return {
        'stripe-signature': Stripe.webhooks.generateTestHeaderString({
          payload: body,
          secret,
          timestamp: Number(time),
        }),
      };
    },
  },
  {
    ...simple({ name: 'GitHub (its library)', scheme: github(), header: 'x-hub-signature-256' }),
    marks: { 'x-github-event': 'push', 'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958' },
    async headers({ secret, body, time = '', content, hash, encoding }) {
      if (content === undefined && hash === undefined && encoding === undefined && typeof body === 'string')
        return { 'x-hub-signature-256': await signLikeGitHub(secret, body) };
      const signed = content?.(time, bytes(body)) ?? bytes(body);
      const digest = createHmac(hash ?? 'sha256', secret)
        .update(signed)
        .digest(encoding ?? 'hex');
      return { 'x-hub-signature-256': `sha256=${digest}` };
    },
  },
  ...(
    [
      ['Standard Webhooks', standardWebhooks(), 'webhook', StandardWebhook],
      ['Svix', svix(), 'svix', SvixWebhook],
    ] as const
  ).map(([name, scheme, family, Library]): Sender => {
    const id = 'msg_2b9bVYcQnxEnS4HdQzYbRrj1x';
    const formula = simple({
      ...{ name: `${name} (its library)`, scheme, header: `${family}-signature`, time: 's' },
      ...{ timeHeader: `${family}-timestamp`, others: { [`${family}-id`]: id } },
      ...{ secrets: WHSEC, key: decoded, encoding: 'base64' },
      write: (signature) => `v1,${signature}`,
      content: (time, body) => frame(`${id}.${time}.`, body),
    });
    return {
      ...formula,
      headers(delivery) {
        const { secret, body, time, content, hash, encoding } = delivery;
        const isOwn = content === undefined && hash === undefined && encoding === undefined;
        if (!isOwn || time !== undefined || typeof body !== 'string') return formula.headers(delivery);
        const signature = new Library(secret).sign(id, new Date(NOW * 1000), body);
        return {
          [`${family}-id`]: id,
          [`${family}-timestamp`]: TIMES.s,
          [`${family}-signature`]: signature,
        };
      },
    };
  }),
  simple({
    ...{ name: 'Shopify', scheme: shopify(), header: 'x-shopify-hmac-sha256', encoding: 'base64' },
    marks: { 'x-shopify-topic': 'orders/create', 'x-shopify-shop-domain': 'a.myshopify.com' },
  }),
  simple({
    ...{ name: 'Slack', scheme: slack(), header: 'x-slack-signature', time: 's' },
    timeHeader: 'x-slack-request-timestamp',
    write: (signature) => `v0=${signature}`,
    content: (time, body) => frame(`v0:${time}:`, body),
    marks: { 'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)' },
  }),
  simple({
    ...{ name: 'LINE', scheme: line(), header: 'x-line-signature', encoding: 'base64' },
    marks: { 'user-agent': 'LineBotWebhook/2.0' },
  }),
  simple({
    ...{ name: 'Linear', scheme: linear(), header: 'linear-signature' },
    marks: { 'linear-event': 'Issue', 'linear-delivery': '234d1a4e-b617-4388-90fe-adc3633d6b72' },
  }),
  simple({
    ...{ name: 'Paddle', scheme: paddle(), header: 'paddle-signature', time: 's' },
    write: (signature, time) => `ts=${time};h1=${signature}`,
    content: (time, body) => frame(`${time}:`, body),
  }),
  simple({
    ...{ name: 'Zoom', scheme: zoom(), header: 'x-zm-signature', time: 's' },
    timeHeader: 'x-zm-request-timestamp',
    write: (signature) => `v0=${signature}`,
    content: (time, body) => frame(`v0:${time}:`, body),
    marks: { 'user-agent': 'Zoom Marketplace/1.0a' },
  }),
  simple({
    ...{ name: 'Typeform', scheme: typeform(), header: 'typeform-signature', encoding: 'base64' },
    write: (signature) => `sha256=${signature}`,
    marks: { 'user-agent': 'Typeform Webhooks' },
  }),
  simple({
    ...{ name: 'Intercom', scheme: intercom(), header: 'x-hub-signature', hash: 'sha1' },
    write: (signature) => `sha1=${signature}`,
    marks: { 'user-agent': 'intercom-webhook/1.0' },
  }),
  simple({
    ...{ name: 'Vercel', scheme: vercel(), header: 'x-vercel-signature', hash: 'sha1' },
    marks: { 'x-vercel-id': 'fra1::1' },
  }),
  simple({
    ...{ name: 'Paystack', scheme: paystack(), header: 'x-paystack-signature', hash: 'sha512' },
    marks: { 'user-agent': 'Paystack/2.0' },
  }),
  simple({
    ...{ name: 'Mux', scheme: mux(), header: 'mux-signature', time: 's' },
    write: (signature, time) => `t=${time},v1=${signature}`,
    content: dotted,
    marks: { 'user-agent': 'Mux Webhooks' },
  }),
  simple({
    ...{ name: 'Twitch', scheme: twitch(), header: 'twitch-eventsub-message-signature', time: 'iso' },
    timeHeader: 'twitch-eventsub-message-timestamp',
    others: { 'twitch-eventsub-message-id': 'befa7b53-d79d-478f-86b9-120f112b044e' },
    write: (signature) => `sha256=${signature}`,
    content: (time, body) => frame(`befa7b53-d79d-478f-86b9-120f112b044e${time}`, body),
    marks: { 'twitch-eventsub-message-type': 'notification' },
  }),
  simple({
    ...{ name: 'Zendesk', scheme: zendesk(), header: 'x-zendesk-webhook-signature', time: 'iso' },
    timeHeader: 'x-zendesk-webhook-signature-timestamp',
    encoding: 'base64',
    content: (time, body) => frame(time, body),
    marks: { 'x-zendesk-webhook-id': '01GV' },
  }),
  simple({
    ...{ name: 'Box', scheme: box(), header: 'box-signature-primary', time: 'iso' },
    timeHeader: 'box-delivery-timestamp',
    encoding: 'base64',
    others: { 'box-signature-version': '1', 'box-signature-algorithm': 'HmacSHA256' },
    content: (time, body) => frame('', body, time),
    marks: { 'box-delivery-id': 'f96bb54b' },
  }),
  simple({
    ...{ name: 'Customer.io', scheme: customerIo(), header: 'x-cio-signature', time: 's' },
    timeHeader: 'x-cio-timestamp',
    content: (time, body) => frame(`v0:${time}:`, body),
  }),
  simple({
    ...{ name: 'PolyAI', scheme: polyai(), header: 'x-polyai-signature', time: 's' },
    timeHeader: 'x-polyai-timestamp',
    content: dotted,
  }),
  simple({
    ...{ name: 'Sentry', scheme: sentry(), header: 'sentry-hook-signature' },
    marks: { 'sentry-hook-resource': 'issue' },
  }),
];

const ADDRESS = 'https://hooks.example.com/in/shop';
const POSTED = { address: ADDRESS } as const;
const own = (name: string, content: string, more: object = {}) =>
  defineScheme({
    name,
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: `x-${name}-signature`, encoding: 'hex' },
      content,
      ...more,
    },
    identity: 'content',
    delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  } as never);

const formText = (body: Buffer, join: (name: string, value: string) => string) =>
  [...new URLSearchParams(body.toString())]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => join(name, value))
    .join('');
const glued = (name: string, value: string) => `${name}${value}`;

/** Senders that sign the address to which they send. */
export const URL_SENDERS: readonly Sender[] = [
  simple({
    ...{ name: 'Square', scheme: square(), header: 'x-square-hmacsha256-signature', encoding: 'base64' },
    content: (_, body, url) => frame(url, body),
    more: POSTED,
  }),
  simple({
    ...{ name: 'Trello', scheme: trello(), header: 'x-trello-webhook', hash: 'sha1', encoding: 'base64' },
    content: (_, body, url) => frame('', body, url),
    more: POSTED,
  }),
  simple({
    ...{ name: 'HubSpot v3', scheme: hubspot(), header: 'x-hubspot-signature-v3', encoding: 'base64' },
    ...{ time: 'ms', timeHeader: 'x-hubspot-request-timestamp' },
    content: (time, body, url) => frame(`POST${url}`, body, time),
    more: POSTED,
  }),
  {
    ...simple({ name: 'HubSpot v2', scheme: hubspotV2(), header: 'x-hubspot-signature' }),
    ...POSTED,
    headers: ({ secret, body, url = ADDRESS }) => ({
      'x-hubspot-signature': createHash('sha256')
        .update(frame(`${secret}POST${url}`, bytes(body)))
        .digest('hex'),
      'x-hubspot-signature-version': 'v2',
    }),
  },
  {
    ...simple({ name: 'Twilio (its library)', scheme: twilio(), header: 'x-twilio-signature' }),
    ...{ ...POSTED, form: true },
    headers: ({ secret, body, url = ADDRESS }) => ({
      'x-twilio-signature': getExpectedTwilioSignature(
        secret,
        url,
        Object.fromEntries(new URLSearchParams(bytes(body).toString())),
      ),
    }),
  },
  simple({
    ...{ name: 'Mandrill', scheme: mandrill(), header: 'x-mandrill-signature', hash: 'sha1' },
    encoding: 'base64',
    content: (_, body, url) => `${url}${formText(body, glued)}`,
    more: { ...POSTED, form: true },
  }),
  simple({
    ...{ name: 'Plivo v1', scheme: plivoV1(), header: 'x-plivo-signature', hash: 'sha1', encoding: 'base64' },
    content: (_, body, url) => `${url}${formText(body, glued)}`,
    more: { ...POSTED, form: true },
  }),
  simple({
    ...{ name: 'Plivo v2', scheme: plivoV2(), header: 'x-plivo-signature-v2', encoding: 'base64' },
    others: { 'x-plivo-signature-v2-nonce': '12345678901234567890' },
    content: (_, _body, url) => `${url.split('?')[0]}12345678901234567890`,
    more: { ...POSTED, form: true, bodyIsFree: true },
  }),
  simple({
    ...{
      name: 'own scheme: {url}\\n{body}',
      scheme: own('acme', '{url}\n{body}'),
      header: 'x-acme-signature',
    },
    content: (_, body, url) => frame(`${url}\n`, body),
    more: POSTED,
  }),
  simple({
    ...{ name: 'own scheme: {method} {url} {body}', scheme: own('emca', '{method} {url} {body}') },
    header: 'x-emca-signature',
    content: (_, body, url) => frame(`POST ${url} `, body),
    more: POSTED,
  }),
  simple({
    ...{ name: 'own scheme: {timestamp} {url} {body}', header: 'x-time-signature', time: 's' },
    timeHeader: 'x-time',
    scheme: own('time', '{timestamp} {url} {body}', { timestamp: { header: 'x-time', unit: 's' } }),
    content: (time, body, url) => frame(`${time} ${url} `, body),
    more: POSTED,
  }),
  simple({
    ...{
      name: 'own scheme: {path} {body}',
      scheme: own('mace', '{path} {body}'),
      header: 'x-mace-signature',
    },
    content: (_, body, url) => frame(`${url.slice(new URL(url).origin.length)} `, body),
    more: { ...POSTED, signsPathOnly: true },
  }),
];

/** A body that this sender could send. */
export function bodyOf(sender: Sender): string {
  if (sender.form === true) return 'Body=Gr%C3%BC%C3%9Fe+aus+K%C3%B6ln&From=%2B4915100000000&MessageSid=SM1';
  return JSON.stringify({
    id: 'evt_1',
    event_id: 'evt_1',
    type: 'order.paid',
    webhookTimestamp: NOW * 1000,
    order: { total: 12.5, url: 'https://shop.example.com/orders/1?a=1&b=<2>', note: 'größer ✅' },
    items: [1, 2, { sku: 'A-1' }],
  });
}

/** The request as it leaves the sender. */
export async function captured(sender: Sender, delivery: Partial<Delivery> = {}): Promise<Captured> {
  const body = bytes(delivery.body ?? bodyOf(sender));
  const url = delivery.url ?? sender.address;
  const signed = await sender.headers({ secret: sender.secret, body: bodyOf(sender), ...delivery });
  const target = url === undefined ? '/hooks' : url.slice(new URL(url).origin.length);
  return {
    method: 'POST',
    url: target,
    headers: {
      host: url === undefined ? 'hooks.example.com' : new URL(url).host,
      'content-type': sender.form === true ? 'application/x-www-form-urlencoded' : 'application/json',
      'content-length': String(body.length),
      ...sender.marks,
      ...signed,
    },
    body,
  };
}
