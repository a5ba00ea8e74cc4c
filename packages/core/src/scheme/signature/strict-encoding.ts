/**
 * Strict decoders: one text per value. `Buffer.from` alone drops what it can't read, so each text is checked as a whole
 * before it is decoded.
 */
export type TextEncoding = 'hex' | 'hex-upper' | 'hex-any' | 'base64' | 'base64url';

const LOWER_HEX = /^(?:[0-9a-f]{2})*$/;
const UPPER_HEX = /^(?:[0-9A-F]{2})*$/;
const ANY_HEX = /^(?:[0-9a-fA-F]{2})*$/;
/** The longest signature whose length depends on the key is that of an RSA key of 8192 bits. */
const MAX_SIGNATURE_BYTES = 1024;

/**
 * The bytes, or `undefined` unless `text` is the one canonical text of exactly `length` bytes.
 *
 * @param length 0 if it depends on the key.
 */
export function decodeDigest(text: string, encoding: TextEncoding, length: number): Buffer | undefined {
  switch (encoding) {
    case 'hex':
      return isHexLength(text, length) && LOWER_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    case 'hex-upper':
      return isHexLength(text, length) && UPPER_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    case 'hex-any':
      return isHexLength(text, length) && ANY_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    default: {
      const bytes = Buffer.from(text, encoding);
      const fits = length === 0 ? isSignatureLength(bytes.length) : bytes.length === length;
      return fits && bytes.toString(encoding) === text ? bytes : undefined;
    }
  }
}

/** The bytes of a secret's text, or `undefined` if the text is not exactly of that encoding. */
export function decodeSecret(
  text: string,
  encoding: 'utf8' | 'base64' | 'base64url' | 'hex',
): Buffer | undefined {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text, 'utf8');
    case 'hex':
      return ANY_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    default: {
      const bytes = Buffer.from(text, encoding);
      return bytes.toString(encoding) === text ? bytes : undefined;
    }
  }
}

function isHexLength(text: string, length: number): boolean {
  return length === 0 ? isSignatureLength(text.length / 2) : text.length === length * 2;
}

function isSignatureLength(bytes: number): boolean {
  return bytes > 0 && bytes <= MAX_SIGNATURE_BYTES;
}
