import { createHmac } from 'node:crypto';
import type { DefinedScheme } from '@countersign/core';
import type { Request } from '../../../../../test/support/outcome.ts';

export const NOW = 1_763_600_000;
export const BODY = Buffer.from('{"id":"evt_1"}');
export const KEY = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01', 'base64');
export const SECRET = `whsec_${KEY.toString('base64')}`;

/** What a request is made of beside its signature. */
export interface Parts {
  id: string;
  time: string;
  body: Buffer;
}

/** What a sender signed, and what arrives. */
export interface Trial {
  signed: Parts;
  sent: Parts;
  /** What happens to the text of the signature on the way. */
  rewrite: (signature: string) => string;
}

/** A kind of request on which a library and we disagree, on purpose. */
export interface Difference {
  /** What the library does. */
  it: string;
  /** Whether the library accepts; we do the opposite. */
  accepts: boolean;
  holds(sent: Parts, signature: string): boolean;
  example: { signed?: Partial<Parts>; sent?: Partial<Parts>; rewrite?: Trial['rewrite'] };
}

/** A sender's library, our scheme of the sender, and all in which the two differ. */
export interface Library {
  scheme: DefinedScheme;
  secret: string;
  /** The address of deliveries, if it is signed. */
  url?: string;
  /** The signature of some parts by the sender's documented formula. */
  sign(parts: Parts, key: 'right' | 'wrong'): string;
  request(parts: Parts, signature: string): Request;
  verify(request: Request): unknown;
  rewrites: Record<string, Trial['rewrite']>;
  /** The parts that the signature covers. */
  signs: readonly (keyof Parts)[];
  differences: Difference[];
}

export const WRONG_KEY = Buffer.alloc(30, 1);
const isUtf8 = (body: Buffer) => body.equals(Buffer.from(body.toString()));
export const hasBom = (body: Buffer) => body.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
export const isDigits = (time: string) => /^[0-9]{1,15}$/.test(time);
export const withBom = (body: Buffer) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]);
export const hmac = (key: string | Buffer, before: string, body: Buffer) =>
  createHmac('sha256', key).update(before).update(body);

const NOT_UTF8 = Buffer.from([0x7b, 0xff, 0x7d]);
export const READS_LOSSILY: Difference = {
  it: 'reads invalid UTF-8 as U+FFFD, and so accepts a body that was not signed',
  accepts: true,
  holds: ({ body }) => !isUtf8(body),
  example: { signed: { body: Buffer.from(NOT_UTF8.toString()) }, sent: { body: NOT_UTF8 } },
};
export const REFUSES_BINARY: Difference = {
  it: 'refuses a body that is not UTF-8, though it is signed',
  accepts: false,
  holds: ({ body }) => !isUtf8(body),
  example: { signed: { body: NOT_UTF8 }, sent: { body: NOT_UTF8 } },
};
export const REFUSES_EMPTY: Difference = {
  it: 'refuses an empty body, though signed',
  accepts: false,
  holds: ({ body }) => body.length === 0,
  example: { signed: { body: Buffer.alloc(0) }, sent: { body: Buffer.alloc(0) } },
};
export const READS_A_PREFIX: Difference = {
  it: 'reads the number that a time begins with, and signs that instead of the text',
  accepts: true,
  holds: ({ time }) => !isDigits(time),
  example: { sent: { time: `${NOW}abc` } },
};
export const SIGNS_ANY_TIME: Difference = {
  it: 'reads the number that a time begins with, and signs the whole text',
  accepts: true,
  holds: ({ time }) => !isDigits(time),
  example: { signed: { time: `${NOW}abc` }, sent: { time: `${NOW}abc` } },
};
export const READS_ANY_BASE64: Difference = {
  it: 'takes what decodes to the same bytes, however it is written',
  accepts: true,
  holds: (_, signature) => Buffer.from(signature, 'base64').toString('base64') !== signature,
  example: { rewrite: (signature) => ` ${signature}` },
};
export const DROPS_ZEROS: Difference = {
  it: 'drops leading zeros of a time before it signs',
  accepts: true,
  holds: ({ time }) => /^0[0-9]/.test(time),
  example: { sent: { time: `0${NOW}` } },
};
export const REFUSES_ZEROS: Difference = {
  it: 'refuses a time with leading zeros, though signed with them',
  accepts: false,
  holds: ({ time }) => /^0[0-9]/.test(time),
  example: { signed: { time: `0${NOW}` }, sent: { time: `0${NOW}` } },
};
