import { checkChoice, checkKeys, checkNumber, configError } from '@countersign/core/extend';
import { isSecretAlgorithm, JWT_ALGORITHMS, type JwtAlgorithm } from './jwt-algorithm.ts';
import type { JwtSchemeDefinition } from './jwt-definition.ts';

const OWNER = 'defineJwtScheme()';
const KNOWN = [
  'name',
  'algorithms',
  'secret',
  'token',
  'keyId',
  'issuer',
  'audience',
  'claims',
  'required',
  'bodyHash',
  'urlHash',
  'url',
  'requestHash',
  'time',
  'tolerance',
  'leewaySeconds',
  'identity',
  'unsignedHeaders',
  'delivery',
  'about',
];
const DAY_SECONDS = 86_400;

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for a definition that contradicts itself, naming the field. */
export function checkDefinition(definition: JwtSchemeDefinition): void {
  checkKeys(OWNER, definition, KNOWN);
  const { name, token, algorithms, secret, delivery, tolerance } = definition;
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,64}$/.test(name))
    throw configError('"name" must be 1 to 64 lower-case letters, digits and hyphens.');
  checkAlgorithms(algorithms);
  if (secret !== undefined) {
    if (!algorithms.every(isSecretAlgorithm))
      throw configError(
        '"secret" is only for shared secrets, but these algorithms need public keys. Remove it.',
      );
    checkKeys('"secret"', secret, ['encoding', 'minBytes']);
    checkChoice('secret.encoding', secret.encoding, ['utf8', 'base64', 'hex']);
    checkNumber('secret.minBytes', secret.minBytes, { min: 1, max: 1024, fallback: 16 });
  }
  checkKeys('"token"', token, ['header', 'prefix', 'body']);
  checkToken(definition);
  for (const header of Object.values(definition.unsignedHeaders ?? {}))
    checkHeader('unsignedHeaders', header);
  checkTexts('issuer', definition.issuer);
  checkTexts('audience', definition.audience);
  checkHash('bodyHash', definition.bodyHash, ['claim', 'encoding', 'absentIfEmpty']);
  checkHash('urlHash', definition.urlHash, ['claim', 'encoding']);
  checkRequestHash(definition);
  if (definition.keyId !== undefined) checkChoice('keyId', definition.keyId, ['kid', 'iss']);
  if (definition.time !== undefined) checkChoice('time', definition.time, ['iat', 'nbf']);
  const { identity } = definition;
  if (identity !== null && typeof identity === 'object') {
    checkKeys('"identity"', identity, ['claim']);
    if (typeof identity.claim !== 'string' || identity.claim === '')
      throw configError('"identity.claim" must be the name of a claim.');
  } else checkChoice('identity', identity, ['body', 'jti']);
  if (tolerance !== undefined) {
    if (definition.time === undefined)
      throw configError(
        '"tolerance" has no effect without "time". Set "time" to the claim with the signed time.',
      );
    for (const side of ['past', 'future'] as const)
      checkNumber(`tolerance.${side}`, tolerance[side], { min: 1, max: DAY_SECONDS, fallback: 300 });
  }
  checkNumber('leewaySeconds', definition.leewaySeconds, { min: 0, max: 300, fallback: 5 });
  if (delivery === null || typeof delivery !== 'object')
    throw configError('"delivery" is missing. State how the sender retries.');
}

function checkRequestHash({ requestHash, urlHash, url }: JwtSchemeDefinition): void {
  if (requestHash === undefined) return;
  checkKeys('"requestHash"', requestHash, ['claim', 'baseUrl']);
  if (urlHash !== undefined || url !== undefined)
    throw configError('"requestHash" covers the URL: leave out "urlHash" and "url".');
  if (typeof requestHash.claim !== 'string' || requestHash.claim === '')
    throw configError('"requestHash.claim" must be the name of a claim.');
  if (typeof requestHash.baseUrl !== 'string' || !URL.canParse(requestHash.baseUrl))
    throw configError('"requestHash.baseUrl" must be the URL of the app, as its descriptor names it.');
}

function checkToken({ token, bodyHash, keyId, identity }: JwtSchemeDefinition): void {
  if (token.body === undefined) {
    checkHeader('token.header', token.header);
    // The token may be one of many that the sender makes for other bodies.
    if (typeof identity === 'object' && bodyHash === undefined)
      throw configError('"identity.claim" needs a "bodyHash", or a token that is the body.');
    return;
  }
  if (token.body !== true || token.header !== undefined || token.prefix !== undefined)
    throw configError('"token.body" must be true, without "header" and "prefix".');
  if (bodyHash !== undefined) throw configError('"bodyHash" has no meaning if the body is the token.');
  if (keyId === 'iss')
    throw configError(
      '"keyId" must be "kid" if the body is the token: its claims are read after its signature.',
    );
}

/** With both kinds in one list, a token could choose, and a public key could be used as a secret. */
function checkAlgorithms(algorithms: readonly JwtAlgorithm[]): void {
  if (!Array.isArray(algorithms) || algorithms.length === 0)
    throw configError('"algorithms" must list the sender\'s algorithms, for example ["HS256"].');
  for (const algorithm of algorithms) {
    if (!JWT_ALGORITHMS.includes(algorithm))
      throw configError(`"algorithms" may list only ${JWT_ALGORITHMS.join(', ')}.`);
  }
  if (algorithms.some(isSecretAlgorithm) && !algorithms.every(isSecretAlgorithm))
    throw configError('"algorithms" mixes shared secrets and public keys. Define one scheme for each.');
}

function checkHeader(name: string, header: unknown): void {
  if (typeof header !== 'string' || !/^[a-z0-9-]{1,64}$/.test(header))
    throw configError(`"${name}" must be the name of a header in lower case.`);
}

function checkTexts(name: string, value: unknown): void {
  if (value === undefined) return;
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (texts.length === 0 || texts.some((text) => typeof text !== 'string' || text === ''))
    throw configError(`"${name}" must be a non-empty string, or a list of them.`);
}

function checkHash(name: string, hash: JwtSchemeDefinition['bodyHash'], known: readonly string[]): void {
  if (hash === undefined) return;
  checkKeys(`"${name}"`, hash, known);
  if (typeof hash.claim !== 'string' || hash.claim === '')
    throw configError(`"${name}.claim" must be the name of a claim.`);
  checkChoice(`${name}.encoding`, hash.encoding, ['hex', 'base64', 'base64url']);
}
