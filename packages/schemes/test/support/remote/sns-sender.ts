import { createSign, type KeyObject, randomUUID } from 'node:crypto';

export const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:orders';
export const HOST = 'sns.eu-central-1.amazonaws.com';
export const CERTIFICATE_URL = `https://${HOST}/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem`;

/** A message of Amazon SNS before it is signed. */
export type SnsFields = Record<string, string>;

const NOTIFICATION = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
const CONFIRMATION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

/** A notification as SNS would make it at a moment. */
export function notification(now: number, over: SnsFields = {}): SnsFields {
  return {
    Type: 'Notification',
    MessageId: randomUUID(),
    TopicArn: TOPIC,
    Subject: 'Order paid',
    Message: '{"order":1,"text":"größer\\nund weiter"}',
    Timestamp: new Date(now).toISOString(),
    SignatureVersion: '2',
    SigningCertURL: CERTIFICATE_URL,
    UnsubscribeURL: `https://${HOST}/?Action=Unsubscribe`,
    ...over,
  };
}

/** A request to confirm a subscription, or the end of one. */
export function confirmation(now: number, over: SnsFields = {}): SnsFields {
  const { Subject: _, UnsubscribeURL: __, ...common } = notification(now);
  return {
    ...common,
    Type: 'SubscriptionConfirmation',
    Message: `You have chosen to subscribe to the topic ${TOPIC}.\nTo confirm, visit the SubscribeURL.`,
    Token: '2336412f37fb687f5d51e6e2425',
    SubscribeURL: `https://${HOST}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=2336412f37`,
    ...over,
  };
}

/** The body that SNS would send: signed by the documented formula. */
export function signSns(fields: SnsFields, key: KeyObject, extra: Record<string, unknown> = {}): Buffer {
  const names = fields.Type === 'Notification' ? NOTIFICATION : CONFIRMATION;
  const text = names.filter((name) => name in fields).map((name) => `${name}\n${fields[name]}\n`);
  const algorithm = fields.SignatureVersion === '1' ? 'RSA-SHA1' : 'RSA-SHA256';
  const Signature = createSign(algorithm).update(text.join(''), 'utf8').sign(key, 'base64');
  return Buffer.from(JSON.stringify({ ...fields, Signature, ...extra }, null, 2));
}
