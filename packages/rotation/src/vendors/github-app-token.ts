import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { configError } from '@countersign/core/extend';

const BACKDATED_SECONDS = 60;
const VALID_SECONDS = 540;

/**
 * Reads the private key of a GitHub App, as GitHub hands it out (PEM).
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`, never with anything of the key.
 */
export function readPrivateKey(owner: string, pem: unknown): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = typeof pem === 'string' ? createPrivateKey(pem) : undefined;
  } catch {
    key = undefined;
  }
  if (key?.asymmetricKeyType === 'rsa') return key;
  const unset = pem === undefined ? ' It is not set.' : '';
  throw configError(
    `"privateKey" of ${owner} must be the private key of the app as GitHub hands it out: text that begins with -----BEGIN and has its line breaks.${unset}`,
  );
}

/**
 * A token with which a GitHub App authenticates as itself: RS256, issued a minute ago, valid for less than the ten minutes that
 * GitHub allows.
 */
export function makeAppToken(clientId: string, key: KeyObject, nowMs: number): string {
  const issued = Math.floor(nowMs / 1000) - BACKDATED_SECONDS;
  const claims = { iat: issued, exp: issued + BACKDATED_SECONDS + VALID_SECONDS, iss: clientId };
  const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
