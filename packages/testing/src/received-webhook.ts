import {
  createVerifier,
  type DefinedScheme,
  type PayloadSchema,
  type ReceivedWebhook,
} from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { type SignInput, sign } from './sign.ts';
import { generateSigningKeys } from './signing/signing-key.ts';

/** What the sender sends, and what the handler sees besides. */
export interface ReceivedWebhookInput<Payload = unknown>
  extends Omit<SignInput, 'secret' | 'body' | 'keyId'> {
  /**
   * Text or bytes, as they are; any other object or array is sent as JSON. Pass JSON of another kind, such as a number, as text, and a value
   * of type `unknown` as `JSON.stringify(value)`. If the sender signs the time only in the body, it must contain that.
   */
  body: string | Uint8Array | object;
  /** The verifier's name of the endpoint. Default: the scheme's name. */
  endpoint?: string;
  /** The URL, for schemes that sign it. Default: `https://example.com/hooks`. */
  url?: string;
  /** The `schema` of the adapter. If the body does not fit it, `webhook.payloadIssues` says why. */
  schema?: PayloadSchema<Payload>;
  /** What `webhook.signal` is. Default: a signal that does not abort. */
  signal?: AbortSignal;
  /** What `webhook.fencingToken` is. Default: 1, the first run of a delivery. */
  fencingToken?: number;
}

/** The senders that sign the time only in the body: a body in a test may be from any time. */
const ANY_TIME_SECONDS = 100 * 366 * 86_400;

/**
 * Makes what an adapter passes to your handler, for tests of the handler alone. The delivery is signed with a new secret and verified, so
 * `id`, `json()`, `signedAt`, `unsignedHeaders` and the others are what the sender's own deliveries have.
 *
 * @param scheme A scheme of `defineScheme()`, as {@link sign} needs it.
 * @throws TypeError if the input is not enough to sign what the scheme describes.
 * @throws WebhookError if the scheme refuses it, for example because the body lacks a field that the sender signs.
 * @example
 * ```ts
 * const webhook = await receivedWebhook(stripe(), { body: { id: 'evt_1', type: 'invoice.paid' } })
 * await handleInvoice(webhook)
 * ```
 */
export async function receivedWebhook<Payload = unknown, Label extends string = string>(
  scheme: DefinedScheme<Label>,
  input: ReceivedWebhookInput<Payload>,
): Promise<ReceivedWebhook<Payload, Label>> {
  if (scheme.definition?.signed === undefined) {
    throw new TypeError(
      `receivedWebhook() needs a scheme of defineScheme(), and ${scheme.name} is not one: sign a request with the sender's own library, and call verifier.receive().`,
    );
  }
  const {
    body,
    endpoint,
    schema,
    signal = new AbortController().signal,
    fencingToken = 1,
    ...signing
  } = input;
  const time = signing.timestamp ?? new Date();
  const now = typeof time === 'number' ? time * 1000 : time.getTime();
  const { url = 'https://example.com/hooks' } = signing;
  const { secret, signingSecret } = generateSigningKeys(scheme);
  const request = sign(scheme, {
    ...signing,
    url,
    timestamp: time,
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    secret: signingSecret,
  });
  // A handler never sees a challenge, so any body may be passed to it.
  const { handshake: _, ...signed } = scheme;
  const { freshness } = scheme;
  const verifier = createVerifier({
    scheme: {
      ...signed,
      freshness:
        freshness.signed === 'body'
          ? { ...freshness, past: ANY_TIME_SECONDS, future: ANY_TIME_SECONDS }
          : freshness,
    },
    secrets: secret,
    replay: false,
    clock: { ...systemClock, now: () => now },
    ...(endpoint === undefined ? {} : { endpoint }),
    publicUrl: url,
  });
  try {
    const received = await verifier.receive(
      {
        method: signing.method ?? 'POST',
        url: request.url,
        headers: request.headers,
        body: request.body,
      },
      { schema },
    );
    if (received.state !== 'claimed') throw new TypeError('This request never reaches a handler.');
    return Object.defineProperties(received.webhook as ReceivedWebhook<Payload, Label>, {
      signal: { value: signal },
      fencingToken: { value: fencingToken },
    });
  } finally {
    await verifier.close();
  }
}
