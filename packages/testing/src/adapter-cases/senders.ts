import { createHmac } from 'node:crypto';
import {
  type DefinedScheme,
  type DeliveryRules,
  defineScheme,
  type SchemeDefinition,
} from '@countersign/core';
import type { WireRequest } from './connection.ts';

/** The secrets of all cases. No response may contain one of them, in any encoding. */
export const SECRETS = {
  current: 'canary-current-5d0c5a3f9b7e48c6',
  previous: 'canary-previous-81f2e6d04c9a7b35',
  next: 'canary-next-3c7b90ad51e8f264aa90',
  foreign: 'canary-foreign-e94d1b6a07c35f82',
} as const;

const RETRIES_ALL: DeliveryRules = {
  retries: 'any-failure',
  idStableOverRetries: true,
  retrySignature: 'renewed',
};

/** A sender that signs only the body's bytes. */
export function bodySender(
  delivery: Partial<DeliveryRules> = {},
  handshake?: SchemeDefinition['handshake'],
): DefinedScheme {
  return defineScheme({
    name: 'case-body',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'case-signature', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { deliveryId: 'case-delivery' },
    ...(handshake === undefined ? {} : { handshake }),
    delivery: { ...RETRIES_ALL, ...delivery },
  });
}

/** A sender that signs an id, the time and the body. */
export function idSender(delivery: Partial<DeliveryRules> = {}): DefinedScheme {
  return defineScheme({
    name: 'case-id',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'case-signature',
        list: { separator: ' ', assign: ',', label: 'v1' },
        encoding: 'base64',
      },
      id: { header: 'case-id' },
      timestamp: { header: 'case-timestamp', unit: 's' },
      content: '{id}.{timestamp}.{body}',
    },
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    delivery: { ...RETRIES_ALL, ...delivery },
  });
}

/** The parts of a delivery of {@link idSender} as text, so that a part may be malformed and still be signed. */
export function idHeaders(
  secret: string,
  parts: { readonly id: string; readonly timestamp: string; readonly body: Uint8Array },
): [string, string][] {
  return [
    ['case-id', parts.id],
    ['case-timestamp', parts.timestamp],
    ['case-signature', `v1,${idMac(secret, parts.id, parts.timestamp, parts.body).toString('base64')}`],
  ];
}

/** The one header of a delivery of {@link bodySender}. */
export function bodyHeaders(secret: string, body: Uint8Array): [string, string][] {
  return [['case-signature', `sha256=${bodyMac(secret, body).toString('hex')}`]];
}

/** Everything about a request that only the holder of a secret knows. The response must not contain it. */
export function canaries({ headers, body }: WireRequest): string[] {
  const value = (wanted: string) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '';
  const found: string[] = [];
  for (const secret of Object.values(SECRETS)) {
    found.push(
      secret,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
    );
    for (const mac of [
      bodyMac(secret, body),
      idMac(secret, value('case-id'), value('case-timestamp'), body),
    ]) {
      found.push(mac.toString('hex'), mac.toString('base64'), mac.toString('base64url'));
    }
  }
  return found;
}

function bodyMac(secret: string, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(body).digest();
}

function idMac(secret: string, id: string, timestamp: string, body: Uint8Array): Buffer {
  return createHmac('sha256', secret)
    .update(Buffer.from(`${id}.${timestamp}.`, 'latin1'))
    .update(body)
    .digest();
}
