import { type DefinedScheme, defineScheme, WebhookError } from '@countersign/core';

/** Settings of {@link agentMessage}. */
export interface AgentMessageOptions {
  /**
   * How the secret's text becomes the key. Default: `'base64'`, an assumption: the documentation calls secrets base64, but one of
   * its samples is 64 hex digits. AgentMessage's test deliveries tell which one is right for yours.
   */
  readonly keyEncoding?: 'base64' | 'utf8' | 'hex';
}

const schemes = {
  base64: define('base64'),
  utf8: define('utf8'),
  hex: define('hex'),
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
    // Nobody documents where the event id travels. A body field named "id" might be that of the object the event is about:
    // a second event of the same object would then pass for a duplicate and be lost.
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'AgentMessage',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      sources: [
        'https://agentmessage.io/docs/webhooks/rotateWebhookSecret',
        'https://agentmessage.io/docs/webhooks/rotateWebhookEndpointSecret',
        'https://agentmessage.io/docs/webhooks/testWebhookEndpoint',
        'https://agentmessage.io/docs/webhooks/replayWebhookDelivery',
      ],
      assumptions: [
        'The hash is SHA-256: the documentation says HMAC and hex, and names no hash.',
        'The key is the base64-decoded secret: secrets are called base64, but the sample of the organisation secret is 64 hex digits. Set keyEncoding where it differs.',
        'Tolerance is 300 s both ways: none is documented.',
        'Which statuses are tried again, how often and for how long is not documented: 4xx counts as final, and 24 hours are assumed.',
        "Which of the two secrets signs a delivery, the organisation's or the endpoint's, is not documented.",
      ],
      rotation:
        'An endpoint secret is replaced at once; after an organisation rotation the old one counts for 5 minutes more. New deliveries are always signed with the current secret alone.',
      notes: [
        'Give both secrets, organisation and endpoint, as two `current` keys.',
        'A replay asked for in the API has a new event id: if its body holds it, it runs as a new delivery.',
        'One run per identical body while it is remembered; `deliveryKey` overrides it.',
      ],
    },
  });
}

/**
 * AgentMessage: `X-AmCore-Signature: t=<seconds>,v1=<hex>` over the time, a newline and the body.
 *
 * - Identity: the body's bytes. The event id exists, but where it travels is not documented.
 * - Secrets: an organisation secret and an endpoint secret exist side by side; put both into the set as `current`.
 * - Delivery: what is tried again is not documented, so a signature that no key matches is answered with 503.
 *
 * Hash, key encoding and tolerance are assumptions: see `agentMessage().definition.about`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown option or encoding.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: agentMessage(), secrets: { current: [organisationSecret, endpointSecret] } })
 * ```
 */
export function agentMessage(options: AgentMessageOptions = {}): DefinedScheme {
  const { keyEncoding = 'base64', ...unknown } = options;
  const [key] = Object.keys(unknown);
  if (key !== undefined) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      `agentMessage() does not know the option "${key}". It takes "keyEncoding".`,
    );
  }
  if (!Object.hasOwn(schemes, keyEncoding)) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      'The "keyEncoding" of agentMessage() must be "base64", "utf8" or "hex".',
    );
  }
  return schemes[keyEncoding];
}
