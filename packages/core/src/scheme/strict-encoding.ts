/**
 * Strict decoders: one text per value. `Buffer.from` alone drops what it can't read, so each text is checked as a whole
 * before it is decoded.
 */
export type TextEncoding = 'hex' | 'hex-upper' | 'base64' | 'base64url';

const LOWER_HEX = /^(?:[0-9a-f]{2})*$/;
const UPPER_HEX = /^(?:[0-9A-F]{2})*$/;
const ANY_HEX = /^(?:[0-9a-fA-F]{2})*$/;

/** The bytes, or `undefined` unless `text` is the one canonical text of exactly `length` bytes. */
export function decodeDigest(text: string, encoding: TextEncoding, length: number): Buffer | undefined {
  switch (encoding) {
    case 'hex':
      return text.length === length * 2 && LOWER_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    case 'hex-upper':
      return text.length === length * 2 && UPPER_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    default: {
      const bytes = Buffer.from(text, encoding);
      return bytes.length === length && bytes.toString(encoding) === text ? bytes : undefined;
    }
  }
}

/** The bytes of a secret's text, or `undefined` where it is not exactly such a text. */
export function decodeSecret(text: string, encoding: 'utf8' | 'base64' | 'hex'): Buffer | undefined {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text, 'utf8');
    case 'hex':
      return ANY_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    case 'base64': {
      const bytes = Buffer.from(text, 'base64');
      return bytes.toString('base64') === text ? bytes : undefined;
    }
  }
}
