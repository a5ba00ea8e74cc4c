import { generateKeyPairSync } from 'node:crypto';
import Anthropic from '@anthropic-ai/sdk';
import { verifyWebhook } from '@clerk/backend/webhooks';
import type { DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import EasyPost from '@easypost/api';
import { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import { LinearWebhookClient } from '@linear/sdk/webhooks';
import { signWebhookPayload, verifyWebhookSignature } from '@notionhq/client';
import { validateEvent, WebhookVerificationError } from '@polar-sh/sdk/webhooks';
import Finch from '@tryfinch/finch-api';
import braintree from 'braintree';
import { verifyKey } from 'discord-interactions';
import { verifyWebhookSignature as verifyHook0 } from 'hook0-client';
import Lithic from 'lithic';
import { WebhookSignatureValidator } from 'mercadopago';
import ModernTreasury from 'modern-treasury';
import Orb from 'orb-billing';
import Pusher from 'pusher';
import { Resend } from 'resend';
import { sign as signRetell, verify as verifyRetell } from 'retell-sdk';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import Telnyx from 'telnyx';

/** A request as a library gets it. */
export interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly url: string;
}

/** What a sender publishes for its receivers, and how a test asks it. */
export interface VendorLibrary {
  /** The package. */
  readonly library: string;
  readonly scheme: DefinedScheme;
  /** The secret as the sender shows it, and what {@link sign} signs with if that is another key. */
  readonly secret: string;
  readonly signingSecret?: string;
  readonly otherSecret: string;
  readonly body?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly keyId?: string;
  /** Throws, or returns `false`, if the library refuses the request. */
  verify(request: Received): unknown;
  /** The library's own signature, where it has one. */
  sign?(body: string): Record<string, string> | Promise<Record<string, string>>;
  /** Changes what is signed, if that is not the body. */
  readonly change?: (request: Received) => Received;
}

const BASE64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const OTHER_BASE64 = 'C2FVsBQIhrscChlQIMV+b5sSYspob7oDAbCdEf01';
const WHSEC = { secret: `whsec_${BASE64}`, otherSecret: `whsec_${OTHER_BASE64}` };
const TEXT = {
  secret: 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988',
  otherSecret: '0d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa99aa1',
};
const ed25519 = generateKeyPairSync('ed25519');
const otherEd25519 = generateKeyPairSync('ed25519');
const pem = (pair: typeof ed25519) => String(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }));
const rawPublicKey = ed25519.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);

const secondsOf = (date: Date) => String(Math.floor(date.getTime() / 1000));

/** What Svix sends, signed by its own library. */
function bySvix(body: string, family: 'svix' | 'webhook'): Record<string, string> {
  const now = new Date();
  const signature = new SvixWebhook(WHSEC.secret).sign('msg_1', now, body);
  return {
    [`${family}-id`]: 'msg_1',
    [`${family}-timestamp`]: secondsOf(now),
    [`${family}-signature`]: signature,
  };
}

function byStandardWebhooks(body: string): Record<string, string> {
  const now = new Date();
  const signature = new StandardWebhook(WHSEC.secret).sign('msg_1', now, body);
  return { 'webhook-id': 'msg_1', 'webhook-timestamp': secondsOf(now), 'webhook-signature': signature };
}

// The types of the package describe a namespace where there is a class.
const EasyPostClient = EasyPost as unknown as new (
  key: string,
) => {
  readonly Utils: { validateWebhook(body: Buffer, headers: object, secret: string): unknown };
};
const anthropic = new Anthropic({ apiKey: 'none' });
const elevenLabs = new ElevenLabsClient({ apiKey: 'none' });
const finch = new Finch({ accessToken: 'none' });
const lithic = new Lithic({ apiKey: 'none' });
const modernTreasury = new ModernTreasury({
  apiKey: 'none',
  organizationID: 'none',
  webhookKey: TEXT.secret,
});
const orb = new Orb({ apiKey: 'none' });
const pusher = new Pusher({ appId: '1', key: 'app-key', secret: TEXT.secret, cluster: 'eu' });
const telnyx = new Telnyx({ apiKey: 'none', publicKey: rawPublicKey.toString('base64') });
const gateway = new braintree.BraintreeGateway({
  environment: braintree.Environment.Sandbox,
  merchantId: 'merchant',
  publicKey: 'integration_public_key',
  privateKey: 'integration_private_key',
});

/** The libraries of senders, by the factory that they prove. */
export const VENDOR_LIBRARIES: Readonly<Record<string, VendorLibrary>> = {
  ada: {
    library: 'svix',
    scheme: schemes.ada(),
    ...WHSEC,
    verify: ({ body, headers }) => new SvixWebhook(WHSEC.secret).verify(body, headers),
    sign: (body) => bySvix(body, 'svix'),
  },
  anthropic: {
    library: '@anthropic-ai/sdk',
    scheme: schemes.anthropic(),
    ...WHSEC,
    verify: ({ body, headers }) => anthropic.beta.webhooks.unwrap(body, { headers, key: WHSEC.secret }),
  },
  braintree: {
    library: 'braintree',
    scheme: schemes.braintree(),
    secret: 'integration_private_key',
    otherSecret: 'another_private_key',
    keyId: 'integration_public_key',
    body: new URLSearchParams({
      bt_payload: Buffer.from(
        '<notification><kind>check</kind><timestamp type="datetime">2026-12-01T10:00:00Z</timestamp><subject><check type="boolean">true</check></subject></notification>',
      ).toString('base64'),
    }).toString(),
    verify: ({ body }) => {
      const form = new URLSearchParams(body);
      return gateway.webhookNotification.parse(form.get('bt_signature') ?? '', form.get('bt_payload') ?? '');
    },
    change: (request) => {
      const form = new URLSearchParams(request.body);
      form.set(
        'bt_payload',
        Buffer.from('<notification><kind>other</kind></notification>').toString('base64'),
      );
      return { ...request, body: form.toString() };
    },
  },
  clerk: {
    library: '@clerk/backend',
    scheme: schemes.clerk(),
    ...WHSEC,
    verify: ({ body, headers, url }) =>
      verifyWebhook(new Request(url, { method: 'POST', headers, body }), { signingSecret: WHSEC.secret }),
  },
  discordEvents: {
    library: 'discord-interactions',
    scheme: schemes.discordEvents(),
    secret: rawPublicKey.toString('hex'),
    signingSecret: pem(ed25519),
    otherSecret: pem(otherEd25519),
    body: '{"version":1,"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}',
    verify: ({ body, headers }) =>
      verifyKey(
        body,
        headers['x-signature-ed25519'] ?? '',
        headers['x-signature-timestamp'] ?? '',
        rawPublicKey.toString('hex'),
      ),
  },
  easyPost: {
    library: '@easypost/api',
    scheme: schemes.easyPost(),
    ...TEXT,
    verify: ({ body, headers }) =>
      new EasyPostClient('none').Utils.validateWebhook(Buffer.from(body), headers, TEXT.secret),
  },
  elevenLabs: {
    library: '@elevenlabs/elevenlabs-js',
    scheme: schemes.elevenLabs(),
    ...TEXT,
    verify: ({ body, headers }) =>
      elevenLabs.webhooks.constructEvent(body, headers['elevenlabs-signature'] ?? '', TEXT.secret),
  },
  finch: {
    library: '@tryfinch/finch-api',
    scheme: schemes.finch(),
    secret: BASE64,
    otherSecret: OTHER_BASE64,
    verify: ({ body, headers }) => finch.webhooks.unwrap(body, headers, BASE64),
  },
  gitlab: {
    library: 'standardwebhooks',
    scheme: schemes.gitlab(),
    ...WHSEC,
    verify: ({ body, headers }) => new StandardWebhook(WHSEC.secret).verify(body, headers),
    sign: byStandardWebhooks,
  },
  hook0: {
    library: 'hook0-client',
    scheme: schemes.hook0(),
    ...TEXT,
    headers: { 'x-event-id': '1', 'x-event-type': 'order.item.paid' },
    verify: ({ body, headers }) =>
      verifyHook0(
        headers['x-hook0-signature'] ?? '',
        Buffer.from(body),
        new Headers(headers),
        TEXT.secret,
        300,
      ),
  },
  linear: {
    library: '@linear/sdk',
    scheme: schemes.linear(),
    ...TEXT,
    body: `{"type":"Issue","action":"create","webhookTimestamp":${Date.now()}}`,
    verify: ({ body, headers }) =>
      new LinearWebhookClient(TEXT.secret).verify(Buffer.from(body), headers['linear-signature'] ?? ''),
  },
  lithic: {
    library: 'lithic',
    scheme: schemes.lithic(),
    ...WHSEC,
    verify: ({ body, headers }) => lithic.webhooks.unwrap(body, headers, WHSEC.secret),
  },
  mercadoPago: {
    library: 'mercadopago',
    scheme: schemes.mercadoPago(),
    ...TEXT,
    url: 'https://hooks.example.com/in?data.id=ORDER123&type=order',
    headers: { 'x-request-id': 'request-1' },
    verify: ({ headers, url }) =>
      WebhookSignatureValidator.validate({
        xSignature: headers['x-signature'] ?? '',
        xRequestId: headers['x-request-id'] ?? '',
        dataId: new URL(url).searchParams.get('data.id'),
        secret: TEXT.secret,
      }),
    change: (request) => ({ ...request, url: request.url.replace('ORDER123', 'ORDER124') }),
  },
  modernTreasury: {
    library: 'modern-treasury',
    scheme: schemes.modernTreasury(),
    ...TEXT,
    verify: ({ body, headers }) => modernTreasury.webhooks.validateSignature(body, headers),
    sign: (body) => ({ 'x-signature': modernTreasury.webhooks.getSignature(body) }),
  },
  notion: {
    library: '@notionhq/client',
    scheme: schemes.notion(),
    ...TEXT,
    verify: ({ body, headers }) =>
      verifyWebhookSignature({
        body,
        signature: headers['x-notion-signature'] ?? '',
        verificationToken: TEXT.secret,
      }),
    sign: async (body) => ({
      'x-notion-signature': await signWebhookPayload({ body, verificationToken: TEXT.secret }),
    }),
  },
  orb: {
    library: 'orb-billing',
    scheme: schemes.orb(),
    ...TEXT,
    verify: ({ body, headers }) => orb.webhooks.unwrap(body, headers, TEXT.secret),
  },
  polar: {
    library: '@polar-sh/sdk',
    scheme: schemes.polar(),
    ...TEXT,
    verify: ({ body, headers }) => {
      try {
        return validateEvent(body, headers, TEXT.secret);
      } catch (error) {
        // It parses what it has verified, and knows no such event.
        if (error instanceof WebhookVerificationError) throw error;
        return undefined;
      }
    },
  },
  pusher: {
    library: 'pusher',
    scheme: schemes.pusher(),
    ...TEXT,
    keyId: 'app-key',
    verify: ({ body, headers }) => pusher.webhook({ headers, rawBody: body }).isValid(),
  },
  resend: {
    library: 'resend',
    scheme: schemes.resend(),
    ...WHSEC,
    verify: ({ body, headers }) =>
      new Resend('re_none').webhooks.verify({
        payload: body,
        headers: {
          id: headers['svix-id'] ?? '',
          timestamp: headers['svix-timestamp'] ?? '',
          signature: headers['svix-signature'] ?? '',
        },
        webhookSecret: WHSEC.secret,
      }),
    sign: (body) => bySvix(body, 'svix'),
  },
  retell: {
    library: 'retell-sdk',
    scheme: schemes.retell(),
    ...TEXT,
    verify: ({ body, headers }) => verifyRetell(body, TEXT.secret, headers['x-retell-signature'] ?? ''),
    sign: async (body) => ({ 'x-retell-signature': await signRetell(body, TEXT.secret) }),
  },
  supabaseAuth: {
    library: 'standardwebhooks',
    scheme: schemes.supabaseAuth(),
    secret: `v1,whsec_${BASE64}`,
    otherSecret: `v1,whsec_${OTHER_BASE64}`,
    // As the documentation of the hooks does it.
    verify: ({ body, headers }) => new StandardWebhook(BASE64).verify(body, headers),
    sign: byStandardWebhooks,
  },
  telnyxClassic: {
    library: 'telnyx',
    scheme: schemes.telnyxClassic(),
    secret: rawPublicKey.toString('base64'),
    signingSecret: pem(ed25519),
    otherSecret: pem(otherEd25519),
    verify: ({ body, headers }) => telnyx.webhooks.unwrap(body, { headers }),
  },
};
