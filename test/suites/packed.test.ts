import { createVerifier } from '@countersign/core';
import { polar, sendGrid, svix } from '@countersign/schemes';
import { liveKit } from '@countersign/schemes/jwt';
import { AccessToken, WebhookEvent } from 'livekit-server-sdk';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, vi } from 'vitest';
import { acceptsNow, CRYPTO_MODULES, ofAnyLength, runPackedSuite } from './packed-suite.ts';

// The test suites that senders pack with their libraries, run on our definitions: what the suite imports as the library answers by them.

describe('svix/src/webhook.test.ts', () => {
  class WebhookVerificationError extends Error {}

  class Webhook {
    readonly #secret: string;
    constructor(secret: string) {
      svix().importKey(secret);
      this.#secret = secret;
    }
    sign(id: string, time: Date, body: string) {
      return new SvixWebhook(this.#secret).sign(id, time, body);
    }
    verify(body: string, headers: Record<string, string>) {
      if (!acceptsNow(svix(), this.#secret, { headers, body })) throw new WebhookVerificationError('refused');
      return JSON.parse(body);
    }
  }
  runPackedSuite('svix/src/webhook.test.ts', {
    ...CRYPTO_MODULES,
    './index': { Webhook, WebhookVerificationError },
  });
});

describe('@sendgrid/eventwebhook/src/eventwebhook.spec.js', () => {
  class EventWebhook {
    convertPublicKeyToECDSA(key: string) {
      return key;
    }
    verifySignature(key: string, body: string, signature: string, time: string | number) {
      // The suite's requests are of 2020 and 2021, and its library knows no window.
      if (/^\d+$/.test(String(time))) vi.useFakeTimers({ toFake: ['Date'], now: Number(time) * 1000 });
      const headers = {
        'x-twilio-email-event-webhook-signature': signature,
        'x-twilio-email-event-webhook-timestamp': String(time),
      };
      try {
        return acceptsNow(sendGrid(), key, { headers, body });
      } finally {
        vi.useRealTimers();
      }
    }
  }
  const EventWebhookHeader = {
    SIGNATURE: () => 'X-Twilio-Email-Event-Webhook-Signature',
    TIMESTAMP: () => 'X-Twilio-Email-Event-Webhook-Timestamp',
  };
  runPackedSuite('@sendgrid/eventwebhook/src/eventwebhook.spec.js', {
    './eventwebhook': { EventWebhook, EventWebhookHeader },
  });
});

describe('@polar-sh/sdk/src/webhooks.test.ts', () => {
  class WebhookVerificationError extends Error {}
  class SDKValidationError extends Error {}
  // What the library parses after it has verified is not ours.
  const schema = { parse: (value: unknown) => value };
  const validateEvent = (body: string, headers: Record<string, string>, secret: string) => {
    if (!acceptsNow(ofAnyLength(polar()), secret, { headers, body }))
      throw new WebhookVerificationError('refused');
    const event = JSON.parse(body);
    if (event.type === 'unknown') throw new SDKValidationError('unknown');
    return event;
  };
  runPackedSuite('@polar-sh/sdk/src/webhooks.test.ts', {
    standardwebhooks: { Webhook: StandardWebhook },
    './webhooks.js': { validateEvent, WebhookVerificationError },
    './models/components/webhookcheckoutcreatedpayload.js': {
      WebhookCheckoutCreatedPayload$inboundSchema: schema,
    },
    './models/errors/sdkvalidationerror.js': { SDKValidationError },
  });
});

describe('livekit-server-sdk/src/WebhookReceiver.test.ts', () => {
  class WebhookReceiver {
    readonly #apiKey: string;
    readonly #secret: string;
    constructor(apiKey: string, secret: string) {
      this.#apiKey = apiKey;
      this.#secret = secret;
    }
    async receive(body: string, token: string) {
      const scheme = liveKit({ apiKey: this.#apiKey });
      // The suite's secret is shorter than any that is accepted.
      const importKey = () => scheme.importKey(Buffer.from(this.#secret.padEnd(32, '\0')));
      await using verifier = createVerifier({
        scheme: { ...scheme, importKey },
        secrets: 'a placeholder for the short secret',
        replay: false,
      });
      await verifier.verify({ headers: { authorization: token }, body: Buffer.from(body) });
      return WebhookEvent.fromJson(JSON.parse(body), { ignoreUnknownFields: true });
    }
  }
  runPackedSuite('livekit-server-sdk/src/WebhookReceiver.test.ts', {
    './AccessToken.js': { AccessToken },
    './WebhookReceiver.js': { WebhookReceiver, WebhookEvent },
  });
});
