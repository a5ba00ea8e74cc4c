import { type DefinedScheme, defineScheme, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';

/** Settings of {@link agentMessage}. */
export interface AgentMessageOptions {
  /**
   * How the secret's text becomes the key. Default: `'base64'`, an assumption: the documentation calls secrets base64, but one of
   * its samples is 64 hex digits. Send a test delivery at AgentMessage to find out which one is right for your secret.
   */
  readonly keyEncoding?: 'base64' | 'utf8' | 'hex';
}

const schemes = {
  base64: lazily(() => define('base64')),
  utf8: lazily(() => define('utf8')),
  hex: lazily(() => define('hex')),
};

function define(encoding: 'base64' | 'utf8' | 'hex'): DefinedScheme {
  return defineScheme({
    name: 'agent-message',
    secret: { encoding },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-amcore-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'hex',
      },
      timestamp: { entry: 't', unit: 's' },
      content: '{timestamp}\n{body}',
    },
    // No document says where the event id is sent. A body field named "id" might identify the object that the event is about:
    // then a second event of the same object would count as a duplicate and be lost.
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'AgentMessage',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      sources: [
        'https://agentmessage.io/docs/webhooks/rotateWebhookSecret',
        'https://agentmessage.io/docs/webhooks/rotateWebhookEndpointSecret',
        'https://agentmessage.io/docs/webhooks/testWebhookEndpoint',
        'https://agentmessage.io/docs/webhooks/replayWebhookDelivery',
      ],
      assumptions: [
        'The hash is SHA-256: the documentation says HMAC and hex, but names no hash.',
        'The key is the base64-decoded secret: the documentation calls secrets base64, but its sample of the organization secret is 64 hex digits. Set keyEncoding if yours differs.',
        'The sender documents no tolerance: 300 s each way are assumed.',
        'The sender does not document which statuses it retries, how often, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
        "The sender does not document which of the two secrets signs a delivery, the organization's or the endpoint's.",
      ],
      rotation:
        'An endpoint secret is replaced at once. An old organization secret stays valid for 5 minutes. New deliveries are signed only with the current secret.',
      notes: [
        'Put both secrets, organization and endpoint, into the set as two `current` keys.',
        'If you request a replay through the API, it has a new event id. If the body contains that id, the replay runs as a new delivery.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  });
}

/**
 * AgentMessage: `X-AmCore-Signature: t=<seconds>,v1=<hex>` over the time, a newline and the body.
 *
 * - Identity: the body's bytes. There is an event id, but no document says where it is sent.
 * - Secrets: there is an organization secret and an endpoint secret; put both into the set as `current`.
 * - Delivery: the sender does not document what it retries, so a signature that matches no key gets 503.
 *
 * Hash, key encoding and tolerance are assumptions: see `agentMessage().definition.about`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown option or encoding.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: agentMessage(), secrets: { current: [organizationSecret, endpointSecret] } })
 * ```
 */
export function agentMessage(options: AgentMessageOptions = {}): DefinedScheme {
  const { keyEncoding = 'base64', ...unknown } = options;
  const [key] = Object.keys(unknown);
  if (key !== undefined) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      `agentMessage() has no option "${key}". It takes "keyEncoding".`,
    );
  }
  if (!Object.hasOwn(schemes, keyEncoding)) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      'The "keyEncoding" of agentMessage() must be "base64", "utf8" or "hex".',
    );
  }
  return schemes[keyEncoding]();
}
