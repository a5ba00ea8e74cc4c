import { WebhookError } from '@countersign/core';

/** The fields of a message that Amazon SNS signs, as they are in the body. Nothing else of the body is signed. */
export interface SnsMessage {
  /** You must act on confirmations yourself: this package never requests a URL from a message. */
  readonly Type: 'Notification' | 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly Timestamp: string;
  /** Only in notifications, if the publisher set one. */
  readonly Subject?: string;
  /** Only in confirmations. */
  readonly Token?: string;
  /** Only in confirmations. Prefer the API call `ConfirmSubscription` with `Token` to requesting this URL. */
  readonly SubscribeURL?: string;
}

/** A well-formed message with its signature, which is not verified yet. */
export interface SignedSnsMessage {
  readonly message: SnsMessage;
  readonly signature: Buffer;
  readonly version: '1' | '2';
  readonly certificateUrl: string;
  readonly signedAt: number;
  /** The whole JSON of the body. */
  readonly json: unknown;
}

const NOTIFICATION = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const;
const CONFIRMATION = [
  'Message',
  'MessageId',
  'SubscribeURL',
  'Timestamp',
  'Token',
  'TopicArn',
  'Type',
] as const;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,3})?Z$/;
// The signed text consists of lines. Only the message may have several lines, so the text can be read in only one way.
const LINE = /^[^\r\n]{1,4096}$/;
const MAX_SIGNATURE_BYTES = 1024;

/**
 * Reads a body of Amazon SNS.
 *
 * @throws `ERR_WEBHOOK_SIGNATURE_MISSING` if it has no signature, as with raw message delivery; `ERR_WEBHOOK_HEADER_INVALID` if
 * it is not such a message.
 */
export function parseSnsMessage(body: Uint8Array): SignedSnsMessage {
  const json = parse(body);
  const field = (name: string): unknown => (Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined);
  if (field('Signature') === undefined) {
    throw new WebhookError(
      'ERR_WEBHOOK_SIGNATURE_MISSING',
      'The body has no SNS signature. Raw message delivery is not signed: turn it off for this subscription.',
    );
  }
  const line = (name: string, form = LINE): string => {
    const value = field(name);
    if (typeof value === 'string' && form.test(value)) return value;
    throw malformed(name);
  };
  const type = field('Type');
  if (type !== 'Notification' && type !== 'SubscriptionConfirmation' && type !== 'UnsubscribeConfirmation')
    throw malformed('Type');
  const text = field('Message');
  // All lone surrogates are encoded alike, so one signature would sign two texts.
  if (typeof text !== 'string' || /\p{Surrogate}/u.test(text)) throw malformed('Message');
  const version = field('SignatureVersion');
  if (version !== '1' && version !== '2') throw malformed('SignatureVersion');
  const timestamp = line('Timestamp', TIME);
  const signedAt = Date.parse(timestamp);
  if (Number.isNaN(signedAt)) throw malformed('Timestamp');
  const common = {
    Type: type,
    MessageId: line('MessageId', UUID),
    TopicArn: line('TopicArn'),
    Message: text,
    Timestamp: timestamp,
  } as const;
  const confirms = type !== 'Notification';
  const subject = field('Subject') === undefined || confirms ? {} : { Subject: line('Subject') };
  const confirmation = confirms ? { Token: line('Token'), SubscribeURL: line('SubscribeURL') } : {};
  return {
    message: { ...common, ...subject, ...confirmation },
    signature: readSignature(field('Signature')),
    version,
    certificateUrl: line('SigningCertURL'),
    signedAt,
    json,
  };
}

/**
 * The signed text: name and value of each field, each on its own line.
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
 */
export function signedText(message: SnsMessage): string {
  const names = message.Type === 'Notification' ? NOTIFICATION : CONFIRMATION;
  return names
    .filter((name) => message[name] !== undefined)
    .map((name) => `${name}\n${message[name]}\n`)
    .join('');
}

/**
 * The signed fields of a verified delivery of {@link awsSns}. Use nothing else from its body: `MessageAttributes` and
 * `UnsubscribeURL` are not signed.
 *
 * @throws `ERR_WEBHOOK_HEADER_INVALID` for the body of another sender.
 * @example
 * ```ts
 * const { Type, Message } = snsMessage(request.webhook)
 * if (Type === 'Notification') await handle(JSON.parse(Message))
 * ```
 */
export function snsMessage(webhook: { readonly body: Uint8Array }): SnsMessage {
  return parseSnsMessage(webhook.body).message;
}

function parse(body: Uint8Array): object {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    json = undefined;
  }
  if (json !== null && typeof json === 'object' && !Array.isArray(json)) return json;
  throw new WebhookError(
    'ERR_WEBHOOK_HEADER_INVALID',
    'The body is not a JSON object, but Amazon SNS sends one.',
  );
}

function readSignature(value: unknown): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : Buffer.alloc(0);
  if (bytes.length > 0 && bytes.length <= MAX_SIGNATURE_BYTES && bytes.toString('base64') === value)
    return bytes;
  throw malformed('Signature');
}

function malformed(name: string): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_HEADER_INVALID',
    `The field "${name}" of the body is missing or malformed.`,
  );
}
