import { configError } from '../../util/options.ts';
import { isPublicKey } from '../signature/import-key.ts';
import type { HandshakeRule } from './scheme-definition.ts';
import type { SecretFormat } from './secret-format.ts';

/** No text of these characters is the body of a delivery: a response that signs them signs nothing that could be sent back. */
const SIGNABLE = ['hex', 'digits', 'base64', 'word'];
const MAX_UNSIGNED_MAC = 512;

/** Refuses a handshake that contradicts itself, or that would sign a text of the attacker's choice. */
export function checkHandshake(rule: HandshakeRule, secret: SecretFormat): void {
  checkWhen(rule);
  checkChallenge(rule);
  checkMac(rule, secret);
  checkResponse(rule);
}

function checkWhen(rule: HandshakeRule): void {
  const { when } = rule;
  const named = Object.keys({ ...when.header, ...when.query, ...(rule.signed ? rule.when.field : {}) });
  if (named.length === 0 && when.method !== 'HEAD')
    throw configError('"handshake.when" must name something by which the handshake differs from a delivery.');
}

function checkChallenge({ challenge, signed }: HandshakeRule): void {
  if (challenge === undefined) return;
  const { query, header, field } = challenge;
  if ([query, header, field].filter((each) => each !== undefined).length !== 1)
    throw configError(
      `"handshake.challenge" must name one of "query", "header"${signed ? ', "field"' : ''}: it says where the challenge is.`,
    );
}

function checkMac({ mac, challenge, signed, response }: HandshakeRule, secret: SecretFormat): void {
  const isUsed = JSON.stringify(response).includes('{mac}');
  if (mac === undefined) {
    if (isUsed)
      throw configError(
        '"handshake.response" contains {mac}, but "handshake.mac" does not say how it is made.',
      );
    return;
  }
  if (!isUsed)
    throw configError('"handshake.mac" is declared, but "handshake.response" does not contain {mac}.');
  if ((mac.hmac === undefined) === (mac.hash === undefined))
    throw configError('"handshake.mac" must have either "hmac" or "hash".');
  checkParts('handshake.mac.over', mac.over, ['challenge', 'secret', 'url']);
  if (isPublicKey(secret))
    throw configError(
      '"handshake.mac" needs a shared secret: with a public key, every caller could make it.',
    );
  if (challenge === undefined) throw configError('"handshake.mac" needs a "handshake.challenge".');
  if (!SIGNABLE.includes(challenge.characters) || (!signed && challenge.maxLength > MAX_UNSIGNED_MAC))
    throw configError(
      `"handshake.challenge" is signed in the response: "characters" must be one of ${SIGNABLE.map((each) => JSON.stringify(each)).join(', ')}, and "maxLength" at most ${MAX_UNSIGNED_MAC} if the request is not signed, or an attacker could have a body signed.`,
    );
}

function checkResponse({ response, challenge }: HandshakeRule): void {
  const { status, text, json, headers } = response;
  if (text !== undefined && json !== undefined)
    throw configError('"handshake.response" must have "text" or "json", not both.');
  if (status === 204 && (text !== undefined || json !== undefined))
    throw configError('"handshake.response.status" 204 has no body: leave out "text" and "json".');
  if (JSON.stringify(response).includes('{challenge}') && challenge === undefined)
    throw configError(
      '"handshake.response" contains {challenge}, but "handshake.challenge" does not say where it is found.',
    );
  for (const each of [text, ...Object.values({ ...json, ...headers })])
    checkParts('handshake.response', each, ['challenge', 'mac', 'keyId']);
}

/** A misspelled part would be sent as it is written. */
function checkParts(name: string, text: unknown, known: readonly string[]): void {
  for (const [part, word = ''] of typeof text === 'string' ? text.matchAll(/\{(\w+)\}/g) : []) {
    if (!known.includes(word))
      throw configError(
        `"${name}" contains ${part}, which does not exist. Parts: ${known.map((each) => `{${each}}`).join(', ')}.`,
      );
  }
}
