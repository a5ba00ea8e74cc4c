import { createHmac } from 'node:crypto';
import type { DefinedScheme } from '@countersign/core';
import {
  airwallex,
  authorizeNet,
  brex,
  browserbase,
  btcPay,
  calCom,
  cashfree,
  checkoutCom,
  clickUp,
  docuSeal,
  dodoPayments,
  etsy,
  expo,
  flutterwave,
  front,
  gemini,
  grafana,
  greenhouse,
  helpScout,
  incidentIo,
  increase,
  klaviyo,
  liveblocks,
  loops,
  nowPayments,
  openPhone,
  pandaDoc,
  patreon,
  recall,
  recurly,
  render,
  revenueCat,
  smartsheet,
  snyk,
  sonarQube,
  squarespace,
  stytch,
  terraformCloud,
  todoist,
  vanta,
  webflow,
} from '@countersign/schemes';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import type { Request } from '../../../../test/support/outcome.ts';
import type { Formula } from './formulas.ts';

const TEXT = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
const OTHER_TEXT = '0d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa99aa1';
const BASE64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const OTHER_BASE64 = 'C2FVsBQIhrscChlQIMV+b5sSYspob7oDAbCdEf01';
const FIVE_MINUTES = { past: 300, future: 300 };

type Hash = 'md5' | 'sha1' | 'sha256' | 'sha512';
type Digits = 'hex' | 'base64';
const hmac = (hash: Hash, key: string | Buffer, content: string, digits: Digits) =>
  createHmac(hash, key).update(content).digest(digits);
const hexKey = (secret: string) => Buffer.from(secret, 'hex');
const base64Key = (secret: string) => Buffer.from(secret, 'base64');

function post(body: string, headers: Record<string, string>): Request {
  return { headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(body) };
}

const event = (id: string) => JSON.stringify({ id, type: 'order.paid', text: '✅ größer' });

interface BodyAlone {
  readonly hash?: Hash;
  readonly digits?: Digits;
  readonly before?: string;
  readonly key?: (secret: string) => string | Buffer;
  readonly body?: (id: string) => string;
}

/** A MAC of the body in one header. */
function bodyAlone(scheme: DefinedScheme, header: string, options: BodyAlone = {}): Formula {
  const { hash = 'sha256', digits = 'hex', before = '', key = (secret) => secret, body = event } = options;
  return {
    scheme,
    secret: TEXT,
    otherSecret: OTHER_TEXT,
    window: undefined,
    request: ({ secret, id }) =>
      post(body(id), { [header]: `${before}${hmac(hash, key(secret), body(id), digits)}` }),
  };
}

interface Timed {
  readonly headers: (time: string, signature: string) => Record<string, string>;
  readonly content: (time: string, body: string) => string;
  readonly time?: (seconds: number) => string;
  readonly digits?: Digits;
  readonly key?: (secret: string) => string | Buffer;
  readonly secrets?: readonly [string, string];
  readonly body?: (id: string) => string;
}

const inMilliseconds = (seconds: number) => `${seconds}000`;

/** A MAC of a time and the body. */
function timed(scheme: DefinedScheme, options: Timed): Formula {
  const { headers, content, time = inMilliseconds, digits = 'hex', key = (secret) => secret } = options;
  const { body = event } = options;
  const [secret, otherSecret] = options.secrets ?? [TEXT, OTHER_TEXT];
  return {
    scheme,
    secret,
    otherSecret,
    window: FIVE_MINUTES,
    request({ secret: signing, id, seconds }) {
      const text = time(seconds);
      return post(body(id), headers(text, hmac('sha256', key(signing), content(text, body(id)), digits)));
    },
  };
}

/** What a library signs that the sender names in its documentation. */
function byLibrary(
  scheme: DefinedScheme,
  Library: typeof SvixWebhook | typeof StandardWebhook,
  family: 'webhook' | 'svix' = 'webhook',
): Formula {
  return {
    scheme,
    secret: `whsec_${BASE64}`,
    otherSecret: `whsec_${OTHER_BASE64}`,
    window: FIVE_MINUTES,
    request({ secret, id, seconds }) {
      const body = event('the same for all');
      const signature = new Library(secret).sign(id, new Date(seconds * 1000), body);
      return post(body, {
        [`${family}-id`]: id,
        [`${family}-timestamp`]: String(seconds),
        [`${family}-signature`]: signature,
      });
    },
  };
}

const colon = (time: string, body: string) => `${time}:${body}`;
const dot = (time: string, body: string) => `${time}.${body}`;
const joined = (time: string, body: string) => `${time}${body}`;

/** The documented formula of each sender, written out: no part of it comes from our definitions. */
export const FURTHER_FORMULAS: Readonly<Record<string, Formula>> = {
  Squarespace: bodyAlone(squarespace(), 'squarespace-signature', { key: hexKey }),
  'Checkout.com': bodyAlone(checkoutCom(), 'cko-signature'),
  'HCP Terraform': bodyAlone(terraformCloud(), 'x-tfe-notification-signature', { hash: 'sha512' }),
  Patreon: bodyAlone(patreon(), 'x-patreon-signature', { hash: 'md5' }),
  'Help Scout': bodyAlone(helpScout(), 'x-helpscout-signature', { hash: 'sha1', digits: 'base64' }),
  Expo: bodyAlone(expo(), 'expo-signature', { hash: 'sha1', before: 'sha1=' }),
  Todoist: bodyAlone(todoist(), 'x-todoist-hmac-sha256', { digits: 'base64' }),
  ClickUp: bodyAlone(clickUp(), 'x-signature'),
  'Cal.com': bodyAlone(calCom(), 'x-cal-signature-256'),
  Smartsheet: bodyAlone(smartsheet(), 'smartsheet-hmac-sha256'),
  'BTCPay Server': bodyAlone(btcPay(), 'btcpay-sig', {
    before: 'sha256=',
    body: (id) => JSON.stringify({ deliveryId: `${id}-1`, originalDeliveryId: id, type: 'InvoiceSettled' }),
  }),
  SonarQube: bodyAlone(sonarQube(), 'x-sonar-webhook-hmac-sha256'),
  Snyk: bodyAlone(snyk(), 'x-hub-signature', { before: 'sha256=' }),
  Greenhouse: bodyAlone(greenhouse(), 'signature', { before: 'sha256 ' }),
  Flutterwave: bodyAlone(flutterwave(), 'flutterwave-signature', { digits: 'base64' }),
  'Authorize.Net': {
    ...bodyAlone(authorizeNet(), 'x-anet-signature'),
    request({ secret, id }) {
      const body = JSON.stringify({ notificationId: id, eventType: 'net.authorize.payment.capture.created' });
      const signature = hmac('sha512', hexKey(secret), body, 'hex').toUpperCase();
      return post(body, { 'x-anet-signature': `sha512=${signature}` });
    },
  },
  PandaDoc: {
    ...bodyAlone(pandaDoc(), ''),
    request({ secret, id }) {
      const body = `[${event(id)}]`;
      return { ...post(body, {}), url: `/hooks/pandadoc?signature=${hmac('sha256', secret, body, 'hex')}` };
    },
  },
  'NOWPayments, with a body whose keys are not sorted': {
    ...bodyAlone(nowPayments(), ''),
    request({ secret, id }) {
      const signature = hmac('sha512', secret, `{"fee":{"a":0.1,"b":"x"},"payment_id":"${id}"}`, 'hex');
      return post(`{ "payment_id": "${id}", "fee": { "b": "x", "a": 0.10 } }`, {
        'x-nowpayments-sig': signature,
      });
    },
  },
  Webflow: timed(webflow(), {
    headers: (time, signature) => ({ 'x-webflow-timestamp': time, 'x-webflow-signature': signature }),
    content: colon,
  }),
  Front: timed(front(), {
    headers: (time, signature) => ({ 'x-front-request-timestamp': time, 'x-front-signature': signature }),
    content: colon,
    digits: 'base64',
  }),
  Klaviyo: timed(klaviyo(), {
    headers: (time, signature) => ({ 'klaviyo-timestamp': time, 'klaviyo-signature': signature }),
    content: (time, body) => `${body}${time}`,
    time: (seconds) => new Date(seconds * 1000).toUTCString(),
  }),
  RevenueCat: timed(revenueCat(), {
    headers: (time, signature) => ({
      'x-revenuecat-webhook-signature': `t=${time},v1=${'0'.repeat(64)},v1=${signature}`,
    }),
    content: dot,
    time: String,
    body: (id) => JSON.stringify({ event: { id, type: 'INITIAL_PURCHASE' } }),
  }),
  Airwallex: timed(airwallex(), {
    headers: (time, signature) => ({ 'x-timestamp': time, 'x-signature': signature }),
    content: joined,
  }),
  Cashfree: timed(cashfree(), {
    headers: (time, signature) => ({ 'x-webhook-timestamp': time, 'x-webhook-signature': signature }),
    content: joined,
    digits: 'base64',
  }),
  'Recurly, while it signs with two keys': timed(recurly(), {
    headers: (time, signature) => ({ 'recurly-signature': `${time},${'0'.repeat(64)},${signature}` }),
    content: dot,
  }),
  'Quo (OpenPhone)': timed(openPhone(), {
    headers: (time, signature) => ({ 'openphone-signature': `hmac;1;${time};${signature}` }),
    content: dot,
    digits: 'base64',
    key: base64Key,
    secrets: [BASE64, OTHER_BASE64],
  }),
  Grafana: bodyAlone(grafana(), 'x-grafana-alerting-signature'),
  'Grafana, with a time': timed(grafana({ timestampHeader: 'x-time' }), {
    headers: (time, signature) => ({ 'x-time': time, 'x-grafana-alerting-signature': signature }),
    content: colon,
    time: String,
  }),
  DocuSeal: timed(docuSeal(), {
    headers: (time, signature) => ({ 'x-docuseal-signature': `${time}.${signature}` }),
    content: dot,
    time: String,
  }),
  'incident.io': byLibrary(incidentIo(), SvixWebhook),
  'Recall.ai': byLibrary(recall(), SvixWebhook),
  'Recall.ai, with the older headers': byLibrary(recall(), SvixWebhook, 'svix'),
  Stytch: byLibrary(stytch(), SvixWebhook, 'svix'),
  Vanta: byLibrary(vanta(), SvixWebhook, 'svix'),
  Browserbase: byLibrary(browserbase(), StandardWebhook),
  Etsy: byLibrary(etsy(), SvixWebhook),
  Brex: byLibrary(brex(), StandardWebhook),
  Render: byLibrary(render(), StandardWebhook),
  Loops: byLibrary(loops(), StandardWebhook),
  'Gemini API': byLibrary(gemini(), StandardWebhook),
  'Dodo Payments': byLibrary(dodoPayments(), StandardWebhook),
  Liveblocks: byLibrary(liveblocks(), StandardWebhook),
  Increase: byLibrary(increase(), StandardWebhook),
};
