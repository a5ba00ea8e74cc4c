import { configError } from '../../util/options.ts';
import { isPublicKey } from '../signature/import-key.ts';
import { isInBody } from '../signature/read-signatures.ts';
import { checkRule } from './check-rule.ts';
import { coversBytes, handshakesOf, rulesOf, signsField, signsTarget, templatesOf } from './rule-facts.ts';
import type { HandshakeRule, SchemeDefinition } from './scheme-definition.ts';
import type { SecretFormat, SharedSecret } from './secret-format.ts';
import type { ContentPart, SignatureRule } from './signature-rule.ts';
import { schemeDefinition } from './tables.ts';

/** Refuses a definition that is malformed or contradicts itself, with a message that names the field. */
export function checkDefinition(definition: SchemeDefinition): void {
  schemeDefinition(definition, '');
  const { secret } = definition;
  checkSecretFormat(secret);
  const rules = rulesOf(definition);
  for (const rule of rules) {
    checkRule(rule);
    checkKeyFits(secret, rule);
  }
  checkRules(rules);
  checkIdentity(definition);
  checkSplitBy(definition);
  checkBodyTimestamp(definition);
  if (definition.tolerance !== undefined && rules.some((rule) => rule.timestamp === undefined))
    throw configError(
      '"tolerance" is for a time that is signed in the head of the request, but the definition has no "signed.timestamp": "bodyTimestamp" has a window of its own.',
    );
  if (
    definition.multipartForm === true &&
    rules.some(({ parts }) => Object.values(parts ?? {}).some(signsForm))
  )
    throw configError(
      '"multipartForm" is not for a rule that signs all parameters of a form: a multipart form may contain files, which would not be signed.',
    );
  for (const rule of handshakesOf(definition)) checkHandshake(rule, secret);
  const hasForm = handshakesOf(definition).some((rule) => !rule.signed && rule.when.form !== undefined);
  if (hasForm && rules.some(({ signature }) => signature.header === undefined))
    throw configError(
      '"handshake.when.form" needs a signature in a header: only its absence shows, before the body is read, that a request is not signed.',
    );
}

function signsForm(part: ContentPart): boolean {
  return 'sorted' in part && part.sorted === 'form';
}

function checkRules(rules: readonly SignatureRule[]): void {
  if (
    rules.some((rule) => rule.timestamp === undefined) &&
    rules.some((rule) => rule.timestamp !== undefined)
  )
    throw configError(
      '"signed" has rules with and without a "timestamp": an attacker who has held a delivery back would use the rule without one. Define two schemes.',
    );
  const firstInBody = rules.findIndex(isInBody);
  if (firstInBody !== -1 && rules.slice(firstInBody).some((rule) => !isInBody(rule)))
    throw configError(
      '"signed" must list the rules whose signature is in the body last: the body is read last.',
    );
}

function checkIdentity(definition: SchemeDefinition): void {
  const { identity } = definition;
  const rules = rulesOf(definition);
  if (identity === 'id') {
    if (rules.some((rule) => rule.id === undefined))
      throw configError('"identity" is "id", but a rule signs no id: name a signed body field, or "body".');
    return;
  }
  if (identity === 'content') {
    if (rules.some((rule) => rule.content === undefined))
      throw configError('"identity" is "content", but a token signs no content: use "body".');
    return;
  }
  if (rules.some((rule) => templatesOf(rule).length > 1))
    throw configError(
      '"identity" must be "content" or "id" if "signed.content" has several templates: one signature could cover two bodies.',
    );
  if (identity === 'body') {
    if (!rules.every((rule) => rule.content === undefined || coversBytes(rule)))
      throw configError(
        '"identity" is "body", but the signature does not cover its bytes, so an attacker could turn one delivery into many: name the "id", or "content".',
      );
    if (rules.some(signsTarget))
      throw configError(
        '"identity" is "body", but the sender signs the method or the URL as well: two requests that differ in them alone would be one delivery. Use "content".',
      );
    return;
  }
  if (!rules.every((rule) => signsField(rule, identity.bodyField)))
    throw configError('"identity.bodyField" is a field that the signature does not cover.');
  if (!rules.every(coversBytes))
    throw configError(
      '"identity.bodyField" needs a signature that covers the bytes of the body: here another spelling of the same values has the same signature. Use "content".',
    );
}

function checkSplitBy({ splitBy, identity }: SchemeDefinition): void {
  if (splitBy === undefined) return;
  if (identity !== 'body' && identity !== 'content')
    throw configError(
      '"splitBy" is for the identities "body" and "content": an id already tells two events apart, so leave it out.',
    );
  if (new Set(splitBy.values).size !== splitBy.values.length)
    throw configError('"splitBy.values" lists a text twice: list each once.');
}

function checkBodyTimestamp(definition: SchemeDefinition): void {
  const { bodyTimestamp } = definition;
  if (bodyTimestamp === undefined) return;
  const { field, formField } = bodyTimestamp;
  if (field !== undefined && formField !== undefined)
    throw configError(
      '"bodyTimestamp" must have either "field" or "formField": only one timestamp can be checked.',
    );
  const name = field ?? formField;
  if (name === undefined)
    throw configError('"bodyTimestamp.field" must be the dotted path of a JSON field, or use "formField".');
  const rules = rulesOf(definition);
  if (rules.some((rule) => rule.timestamp !== undefined))
    throw configError(
      '"bodyTimestamp" is for senders that sign no time in a header: leave it out, or leave out "timestamp".',
    );
  if (!rules.every((rule) => signsField(rule, name)))
    throw configError('"bodyTimestamp" is a field that the signature does not cover.');
}

/** Refuses a secret format that contradicts itself. */
function checkSecretFormat(secret: SchemeDefinition['secret']): void {
  if (isPublicKey(secret)) {
    if (secret.encoding.startsWith('raw-') && secret.publicKey !== 'ed25519')
      throw configError(
        '"secret.encoding" can be raw for "ed25519" only: other keys are more than a row of bytes.',
      );
    if (secret.minBits !== undefined && secret.publicKey !== 'rsa')
      throw configError('"secret.minBits" is for "rsa" keys only.');
    return;
  }
  const kinds = [secret].flat() as readonly SharedSecret[];
  for (const [index, { encoding, prefix, prefixOptional, normalize, alsoBase64After }] of kinds.entries()) {
    if (prefixOptional === true && prefix === undefined)
      throw configError('"secret.prefixOptional" needs a "secret.prefix".');
    if (alsoBase64After !== undefined && encoding !== 'utf8')
      throw configError('"secret.alsoBase64After" is for secrets that are text ("utf8").');
    if (normalize !== undefined && encoding !== 'utf8')
      throw configError('"secret.normalize" is for secrets that are text ("utf8").');
    if (index < kinds.length - 1 && (prefix === undefined || prefixOptional === true))
      throw configError(
        '"secret" as a list needs a "prefix" in every kind except the last: the prefix tells them apart.',
      );
  }
}

/** Refuses an algorithm that the key does not fit. */
function checkKeyFits(secret: SchemeDefinition['secret'], { algorithm }: SignatureRule): void {
  const needed = 'publicKey' in algorithm ? algorithm.publicKey : undefined;
  const given = isPublicKey(secret) ? secret.publicKey : undefined;
  if (needed === given) return;
  throw configError(
    needed === undefined
      ? `"secret.publicKey" is "${given}", but "signed.algorithm" needs a shared secret: a public key must never serve as one.`
      : `"signed.algorithm.publicKey" is "${needed}", but "secret" is ${given === undefined ? 'a shared secret' : `a key for "${given}"`}.`,
  );
}

/** A text of these characters is never the body of a delivery, so an attacker can't send a delivery with the signature of a response. */
const SIGNABLE = ['hex', 'digits', 'base64', 'word'];
const MAX_UNSIGNED_MAC = 512;

/** Refuses a handshake that contradicts itself, or that would sign a text of the attacker's choice. */
function checkHandshake(rule: HandshakeRule, secret: SecretFormat): void {
  checkWhen(rule);
  checkChallenge(rule);
  checkMac(rule, secret);
  checkResponse(rule);
}

function checkWhen(rule: HandshakeRule): void {
  const { when } = rule;
  const inBody = rule.signed ? rule.when.field : rule.when.form;
  const named = Object.keys({ ...when.header, ...when.query, ...inBody });
  if (named.length === 0 && when.method !== 'HEAD')
    throw configError('"handshake.when" must name something by which the handshake differs from a delivery.');
  if (rule.signed || rule.when.form === undefined) return;
  if (when.method !== 'POST' || rule.challenge !== undefined || rule.token !== undefined)
    throw configError(
      '"handshake.when.form" is for a POST without a "challenge" or a "token": the response to an unsigned body must contain nothing of it.',
    );
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

/** Refuses unknown parts: a misspelled one would be sent as it is written. */
function checkParts(name: string, text: unknown, known: readonly string[]): void {
  for (const [part, word = ''] of typeof text === 'string' ? text.matchAll(/\{(\w+)\}/g) : []) {
    if (!known.includes(word))
      throw configError(
        `"${name}" contains ${part}, which does not exist. Parts: ${known.map((each) => `{${each}}`).join(', ')}.`,
      );
  }
}
