import { createHash, createPublicKey, createVerify, timingSafeEqual, verify } from 'node:crypto';
import { type DefinedScheme, defineScheme, type SchemeDefinition } from '@countersign/core';
import type { Signed } from '../verify/group.ts';
import { isFresh, matches, textKeys } from '../verify/references.ts';

/** One kind of scheme, and a verification of it written by hand. */
export interface Kind {
  readonly name: string;
  readonly scheme: DefinedScheme;
  readonly isForm?: true;
  byHand(secret: string): (request: Signed) => boolean;
}

const delivery = { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' } as const;
const of = (
  definition: Omit<SchemeDefinition, 'delivery' | 'identity'>,
  identity: 'body' | 'content' = 'body',
) => defineScheme({ ...definition, identity, delivery } as never);
const text = { encoding: 'utf8' } as const;
const hmac = { hmac: 'sha256' } as const;

export const kinds: readonly Kind[] = [
  {
    name: 'HMAC, hex',
    scheme: of({
      name: 'hmac-hex',
      secret: text,
      signed: { algorithm: hmac, signature: { header: 'x-signature', encoding: 'hex' }, content: '{body}' },
    }),
    byHand(secret) {
      const keys = textKeys([secret]);
      return ({ headers, body }) =>
        matches(keys, 'sha256', '', body, [Buffer.from(headers['x-signature'] ?? '', 'hex')]);
    },
  },
  {
    name: 'HMAC, base64',
    scheme: of({
      name: 'hmac-base64',
      secret: text,
      signed: {
        algorithm: hmac,
        signature: { header: 'x-signature', encoding: 'base64' },
        content: '{body}',
      },
    }),
    byHand(secret) {
      const keys = textKeys([secret]);
      return ({ headers, body }) =>
        matches(keys, 'sha256', '', body, [Buffer.from(headers['x-signature'] ?? '', 'base64')]);
    },
  },
  {
    name: 'HMAC, list of labels',
    scheme: of({
      name: 'hmac-list',
      secret: text,
      signed: {
        algorithm: hmac,
        signature: {
          header: 'x-signature',
          list: { separator: ',', assign: '=', label: 'v1' },
          encoding: 'hex',
        },
        timestamp: { entry: 't', unit: 's' },
        content: '{timestamp}.{body}',
      },
    }),
    byHand(secret) {
      const keys = textKeys([secret]);
      return ({ headers, body }) => {
        let time = '';
        const signatures: Buffer[] = [];
        for (const item of (headers['x-signature'] ?? '').split(',')) {
          if (item.startsWith('t=')) time = item.slice(2);
          else if (item.startsWith('v1=')) signatures.push(Buffer.from(item.slice(3), 'hex'));
        }
        return isFresh(time) && matches(keys, 'sha256', `${time}.`, body, signatures);
      };
    },
  },
  {
    name: 'HMAC over URL and form',
    isForm: true,
    scheme: of(
      {
        name: 'hmac-url-form',
        secret: text,
        signed: {
          algorithm: { hmac: 'sha1' },
          signature: { header: 'x-signature', encoding: 'base64' },
          parts: { form: { sorted: 'form', pair: '{name}{value}' } },
          content: '{url}{form}',
        },
      },
      'content',
    ),
    byHand(secret) {
      const keys = textKeys([secret]);
      return ({ headers, body, url }) => {
        const pairs = [...new URLSearchParams(body.toString())].sort(([a], [b]) =>
          a < b ? -1 : a > b ? 1 : 0,
        );
        const content = url + pairs.map(([name, value]) => name + value).join('');
        const signature = Buffer.from(headers['x-signature'] ?? '', 'base64');
        return matches(keys, 'sha1', content, undefined, [signature]);
      };
    },
  },
  {
    name: 'Ed25519',
    scheme: of({
      name: 'ed25519',
      secret: { publicKey: 'ed25519', encoding: 'pem' },
      signed: {
        algorithm: { publicKey: 'ed25519' },
        signature: { header: 'x-signature', encoding: 'hex' },
        timestamp: { header: 'x-time', unit: 's' },
        content: '{timestamp}{body}',
      },
    }),
    byHand(secret) {
      const key = createPublicKey(secret);
      return ({ headers, body }) => {
        const time = headers['x-time'] ?? '';
        const content = Buffer.concat([Buffer.from(time), body]);
        return isFresh(time) && verify(null, content, key, Buffer.from(headers['x-signature'] ?? '', 'hex'));
      };
    },
  },
  publicKeyKind('ECDSA P-256', 'ecdsa-p256', { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'der' }),
  publicKeyKind('RSA 2048', 'rsa', { publicKey: 'rsa', hash: 'sha256' }),
  {
    name: 'token',
    scheme: of({
      name: 'token',
      secret: text,
      signed: {
        algorithm: { token: 'constant-time' },
        signature: { header: 'authorization', prefix: 'Bearer ', encoding: 'text' },
      },
    }),
    byHand(secret) {
      const sha256 = (value: string) => createHash('sha256').update(value).digest();
      const expected = sha256(`Bearer ${secret}`);
      return ({ headers }) => timingSafeEqual(sha256(headers.authorization ?? ''), expected);
    },
  },
];

function publicKeyKind(
  name: string,
  publicKey: 'ecdsa-p256' | 'rsa',
  algorithm: Extract<SchemeDefinition['signed'], { algorithm: { publicKey: string } }>['algorithm'],
): Kind {
  return {
    name,
    scheme: of({
      name: publicKey,
      secret: { publicKey, encoding: 'pem' },
      signed: {
        algorithm,
        signature: { header: 'x-signature', encoding: 'base64' },
        timestamp: { header: 'x-time', unit: 's' },
        content: '{timestamp}{body}',
      },
    }),
    byHand(secret) {
      const key = createPublicKey(secret);
      return ({ headers, body }) => {
        const time = headers['x-time'] ?? '';
        const verification = createVerify('sha256').update(time).update(body);
        return isFresh(time) && verification.verify(key, headers['x-signature'] ?? '', 'base64');
      };
    },
  };
}
