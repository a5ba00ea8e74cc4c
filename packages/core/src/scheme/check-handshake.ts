import { checkKeys, checkNumber, configError } from '../util/options.ts';
import {
  checkField,
  checkHeader,
  checkHeaderText,
  checkOneOf,
  checkRecord,
  checkText,
  checkWanted,
} from './check-values.ts';
import type { HandshakeRule } from './handshake-definition.ts';
import { isPublicKey } from './import-key.ts';
import type { SecretFormat } from './secret-format.ts';

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST'];
/** No text of these characters is a delivery's body: an answer that signs them signs nothing that could be sent back. */
const SIGNABLE = ['hex', 'digits', 'base64', 'word'];
const MAX_CHALLENGE = 4096;
const MAX_OPEN_MAC = 512;

/** Refuses a handshake that contradicts itself, or that would sign whatever a caller likes. */
export function checkHandshake(rule: HandshakeRule, secret: SecretFormat): void {
  checkKeys('"handshake"', rule, ['signed', 'when', 'challenge', 'token', 'mac', 'response']);
  if (rule.signed === true && rule.token !== undefined)
    throw configError('"handshake" is signed, and so has no "token": the signature proves who asks.');
  checkOneOf('handshake.signed', rule.signed, [true, false]);
  checkWhen(rule);
  checkChallenge(rule);
  checkMac(rule);
  if (rule.mac !== undefined && isPublicKey(secret))
    throw configError('"handshake.mac" needs a shared secret: under a public key anybody could make it.');
  if (rule.token !== undefined) {
    checkKeys('"handshake.token"', rule.token, ['query', 'sha256']);
    checkText('handshake.token.query', rule.token.query);
    if (!/^[0-9a-f]{64}$/.test(rule.token.sha256))
      throw configError('"handshake.token.sha256" must be the SHA-256 of the token, in lower-case hex.');
  }
  checkAnswer(rule);
}

function checkWhen(rule: HandshakeRule): void {
  const { when, signed } = rule;
  checkKeys('"handshake.when"', when, ['method', 'header', 'query', ...(signed ? ['field'] : [])]);
  if (when.method !== undefined || !signed) checkOneOf('handshake.when.method', when.method, METHODS);
  checkWanted('handshake.when.header', when.header, 'header');
  checkWanted('handshake.when.query', when.query, 'query');
  if (rule.signed) checkWanted('handshake.when.field', rule.when.field, 'field');
  const named = Object.keys({ ...when.header, ...when.query, ...(rule.signed ? rule.when.field : {}) });
  if (named.length === 0 && when.method !== 'HEAD')
    throw configError('"handshake.when" must name something by which the handshake differs from a delivery.');
}

function checkChallenge({ challenge, signed }: HandshakeRule): void {
  if (challenge === undefined) return;
  checkKeys('"handshake.challenge"', challenge, ['query', 'header', 'field', 'characters', 'maxLength']);
  const { query, header, field } = challenge;
  if (
    [query, header, field].filter((each) => each !== undefined).length !== 1 ||
    (!signed && field !== undefined)
  )
    throw configError(
      `"handshake.challenge" must name one of "query", "header"${signed ? ', "field"' : ''}: an unsigned handshake is answered without its body.`,
    );
  if (query !== undefined) checkText('handshake.challenge.query', query);
  if (header !== undefined) checkHeader('handshake.challenge.header', header);
  if (field !== undefined) checkField('handshake.challenge.field', field);
  checkOneOf('handshake.challenge.characters', challenge.characters, [...SIGNABLE, 'visible', 'printable']);
  if (typeof challenge.maxLength !== 'number')
    throw configError('"handshake.challenge.maxLength" must be a number.');
  checkNumber('handshake.challenge.maxLength', challenge.maxLength, {
    min: 1,
    max: MAX_CHALLENGE,
    fallback: 1,
  });
}

function checkMac({ mac, challenge, signed, response: answer }: HandshakeRule): void {
  const used = JSON.stringify(answer ?? {}).includes('{mac}');
  if (mac === undefined) {
    if (used)
      throw configError('"handshake.response" holds {mac}, but "handshake.mac" does not say how it is made.');
    return;
  }
  if (!used) throw configError('"handshake.mac" is declared, but "handshake.response" does not hold {mac}.');
  checkKeys('"handshake.mac"', mac, ['hmac', 'hash', 'encoding', 'over']);
  if ((mac.hmac === undefined) === (mac.hash === undefined))
    throw configError('"handshake.mac" takes either "hmac" or "hash".');
  checkOneOf('handshake.mac', mac.hmac ?? mac.hash, ['sha1', 'sha256', 'sha384', 'sha512']);
  checkOneOf('handshake.mac.encoding', mac.encoding, ['hex', 'base64']);
  if (mac.over !== undefined) {
    checkText('handshake.mac.over', mac.over);
    checkParts('handshake.mac.over', mac.over, ['challenge', 'secret', 'url']);
  }
  if (challenge === undefined) throw configError('"handshake.mac" needs a "handshake.challenge".');
  if (!SIGNABLE.includes(challenge.characters) || (!signed && challenge.maxLength > MAX_OPEN_MAC)) {
    throw configError(
      `"handshake.challenge" is answered with a MAC: "characters" must be one of ${SIGNABLE.map((each) => JSON.stringify(each)).join(', ')}, and "maxLength" at most ${MAX_OPEN_MAC} where the request is not signed, or callers could have a body of theirs signed.`,
    );
  }
}

function checkAnswer({ response: answer, challenge }: HandshakeRule): void {
  checkKeys('"handshake.response"', answer, ['status', 'text', 'json', 'headers']);
  checkOneOf('handshake.response.status', answer.status ?? 200, [200, 204]);
  if (answer.text !== undefined && answer.json !== undefined)
    throw configError('"handshake.response" takes "text" or "json", not both.');
  if (answer.status === 204 && (answer.text !== undefined || answer.json !== undefined))
    throw configError('"handshake.response.status" 204 has no body: leave out "text" and "json".');
  if (JSON.stringify(answer).includes('{challenge}') && challenge === undefined)
    throw configError(
      '"handshake.response" holds {challenge}, but "handshake.challenge" does not say where it stands.',
    );
  if (answer.text !== undefined) checkText('handshake.response.text', answer.text);
  checkRecord('handshake.response.json', answer.json);
  for (const [name, value] of Object.entries(answer.json ?? {})) {
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw configError(`"handshake.response.json.${name}" must be text, a number, true or false.`);
  }
  checkRecord('handshake.response.headers', answer.headers);
  for (const [header, value] of Object.entries(answer.headers ?? {})) {
    checkHeader(`handshake.response.headers.${header}`, header);
    checkHeaderText(`handshake.response.headers.${header}`, value);
  }
  for (const text of [answer.text, ...Object.values({ ...answer.json, ...answer.headers })])
    checkParts('handshake.response', text, ['challenge', 'mac', 'keyId']);
}

/** A misspelt part would be sent as it is written. */
function checkParts(name: string, text: unknown, known: readonly string[]): void {
  for (const [part, word = ''] of typeof text === 'string' ? text.matchAll(/\{(\w+)\}/g) : []) {
    if (!known.includes(word))
      throw configError(
        `"${name}" holds ${part}, which does not exist. Parts: ${known.map((each) => `{${each}}`).join(', ')}.`,
      );
  }
}
