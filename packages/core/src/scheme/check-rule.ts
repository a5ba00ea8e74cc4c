import { checkKeys, configError } from '../util/options.ts';
import { checkContent } from './check-content.ts';
import { checkField, checkHeader, checkOneOf, checkRecord, checkText, checkWanted } from './check-values.ts';
import type { SignatureRule, TimestampLocation } from './signature-rule.ts';

const LABEL = /^[A-Za-z0-9_-]{1,32}$/;
const CONDITIONS = ['algorithm', 'signature', 'when', 'requiredHeaders', 'arrayLengths', 'keyId'];
const SIGNING = ['timestamp', 'id', 'content', 'parts', 'url', 'bodyDigest'];
const PLACES = ['header', 'numberedHeader', 'query', 'field', 'formField'] as const;

/** Refuses a form that contradicts itself. */
export function checkRule(form: SignatureRule): void {
  checkKeys('"signed"', form, [...CONDITIONS, ...SIGNING]);
  checkAlgorithm(form);
  checkConditions(form);
  if ('token' in form.algorithm) {
    const extra = SIGNING.find((name) => form[name as keyof SignatureRule] !== undefined);
    if (extra !== undefined)
      throw configError(
        `"signed.${extra}" has no meaning beside a token, which signs nothing: leave it out.`,
      );
    checkToken(form);
    return;
  }
  checkSignature(form);
  checkTimestamp(form);
  if (form.id !== undefined) {
    checkKeys('"signed.id"', form.id, ['header', 'format']);
    checkHeader('signed.id.header', form.id.header);
    checkOneOf('signed.id.format', form.id.format ?? 'text', ['text', 'uuid']);
  }
  if (form.url !== undefined) {
    checkKeys('"signed.url"', form.url, ['variants', 'decode']);
    checkOneOf('signed.url.variants', form.url.variants ?? 'port', ['port']);
    if (form.url.decode !== undefined) checkText('signed.url.decode', form.url.decode);
  }
  if (form.bodyDigest !== undefined) {
    checkKeys('"signed.bodyDigest"', form.bodyDigest, ['hash', 'encoding', 'query']);
    checkOneOf('signed.bodyDigest.hash', form.bodyDigest.hash, ['sha256', 'sha384', 'sha512']);
    checkOneOf('signed.bodyDigest.encoding', form.bodyDigest.encoding, ['hex', 'base64']);
    checkText('signed.bodyDigest.query', form.bodyDigest.query);
  }
  checkContent(form as Exclude<SignatureRule, { content?: undefined }>);
}

function checkAlgorithm({ algorithm }: SignatureRule): void {
  checkKeys('"signed.algorithm"', algorithm, ['hmac', 'hash', 'publicKey', 'format', 'token']);
  if ('token' in algorithm) {
    checkKeys('"signed.algorithm"', algorithm, ['token']);
    checkOneOf('signed.algorithm.token', algorithm.token, ['constant-time']);
  } else if ('publicKey' in algorithm) {
    const { publicKey } = algorithm;
    checkOneOf('signed.algorithm.publicKey', publicKey, ['ed25519', 'ecdsa-p256', 'rsa']);
    if (publicKey === 'ed25519') checkKeys('"signed.algorithm"', algorithm, ['publicKey']);
    else if (publicKey === 'rsa') {
      checkKeys('"signed.algorithm"', algorithm, ['publicKey', 'hash']);
      checkOneOf('signed.algorithm.hash', algorithm.hash, ['sha1', 'sha256', 'sha384', 'sha512']);
    } else {
      checkOneOf('signed.algorithm.hash', algorithm.hash, ['sha256']);
      checkOneOf('signed.algorithm.format', algorithm.format, ['der', 'p1363']);
    }
  } else {
    const kind = 'hash' in algorithm ? 'hash' : 'hmac';
    checkKeys('"signed.algorithm"', algorithm, [kind]);
    const hash = 'hash' in algorithm ? algorithm.hash : algorithm.hmac;
    checkOneOf(`signed.algorithm.${kind}`, hash, ['md5', 'sha1', 'sha256', 'sha384', 'sha512']);
  }
}

function checkConditions({
  when,
  requiredHeaders: guards,
  arrayLengths,
  keyId,
  signature,
}: SignatureRule): void {
  if (when !== undefined) {
    checkKeys('"signed.when"', when, ['header', 'query']);
    checkWanted('signed.when.header', when.header, 'header');
    checkWanted('signed.when.query', when.query, 'query');
  }
  checkRecord('signed.requiredHeaders', guards);
  for (const [name, value] of Object.entries(guards ?? {})) {
    checkHeader(`signed.requiredHeaders.${name}`, name);
    checkText(`signed.requiredHeaders.${name}`, value);
  }
  checkRecord('signed.arrayLengths', arrayLengths);
  for (const [path, length] of Object.entries(arrayLengths ?? {})) {
    checkField(`signed.arrayLengths.${path}`, path);
    if (!Number.isInteger(length) || length < 0)
      throw configError(`"signed.arrayLengths.${path}" must be a number of elements.`);
  }
  if (keyId !== undefined) {
    checkKeys('"signed.keyId"', keyId, ['header']);
    checkHeader('signed.keyId.header', keyId.header);
    if (signature?.list?.keyIds === true)
      throw configError('"signed.keyId" and "signed.signature.list.keyIds" both name the key: take one.');
  }
}

function checkPlace(signature: SignatureRule['signature'], places: readonly string[]): void {
  const named = PLACES.filter((place) => signature[place] !== undefined);
  const [place] = named;
  if (place === undefined || named.length > 1 || !places.includes(place)) {
    throw configError(
      `"signed.signature" must say in one way where the signature stands: ${places.map((each) => `"${each}"`).join(', ')}. "signed.signature.header" must name a header.`,
    );
  }
  if (place === 'field') checkField('signed.signature.field', signature.field);
  else if (place === 'numberedHeader')
    checkHeader('signed.signature.numberedHeader', signature.numberedHeader);
  else if (place !== 'header') checkText(`signed.signature.${place}`, signature[place]);
  else {
    const headers = typeof signature.header === 'string' ? [signature.header] : signature.header;
    if (!Array.isArray(headers) || headers.length === 0)
      throw configError('"signed.signature.header" must name a header.');
    for (const header of headers) checkHeader('signed.signature.header', header);
  }
}

function checkToken({ signature }: SignatureRule): void {
  checkKeys('"signed.signature"', signature, ['header', 'repeated', 'query', 'field', 'prefix', 'encoding']);
  checkPlace(signature, ['header', 'query', 'field']);
  checkOneOf('signed.signature.encoding', signature.encoding, ['text', 'base64']);
  if (signature.prefix !== undefined) checkText('signed.signature.prefix', signature.prefix);
}

function checkSignature({ signature }: SignatureRule): void {
  checkKeys('"signed.signature"', signature, [...PLACES, 'repeated', 'prefix', 'list', 'encoding']);
  checkOneOf('signed.signature.encoding', signature.encoding, [
    'hex',
    'hex-upper',
    'hex-any',
    'base64',
    'base64url',
  ]);
  checkPlace(signature, PLACES);
  if (signature.repeated !== undefined && signature.header === undefined)
    throw configError('"signed.signature.repeated" is for a "header" that may be sent several times.');
  const { list, prefix } = signature;
  if (prefix !== undefined && (typeof prefix !== 'string' || prefix === '')) {
    throw configError('"signed.signature.prefix" must be text; leave it out where there is none.');
  }
  if (list === undefined) return;
  if (prefix !== undefined)
    throw configError(
      '"signed.signature" takes "prefix" or "list", not both: a label is the prefix of an entry.',
    );
  checkKeys('"signed.signature.list"', list, [
    'separator',
    'assign',
    'label',
    'keyIds',
    'groups',
    'blanks',
    'start',
  ]);
  const { separator, assign, label, groups, keyIds } = list;
  for (const [name, value] of Object.entries({ separator, assign, groups })) {
    const wanted = name === 'separator' || value !== undefined;
    const [form, length] =
      name === 'separator'
        ? [/^[ -/:-@[-`{-~]{1,2}$/, 'one or two characters']
        : [/^[ -/:-@[-`{-~]$/, 'one character'];
    if (wanted && (typeof value !== 'string' || !form.test(value)))
      throw configError(`"signed.signature.list.${name}" must be ${length}, no letters or digits.`);
  }
  if (assign === separator || (groups !== undefined && (groups === separator || groups === assign)))
    throw configError(
      '"signed.signature.list" needs an "assign" that differs from its "separator", and "groups" that differ from both.',
    );
  if (list.blanks === true && (separator === ' ' || groups === ' '))
    throw configError('"signed.signature.list.blanks" has no meaning where a space separates entries.');
  if (keyIds === true && (label !== undefined || assign === undefined))
    throw configError('"signed.signature.list.keyIds" needs an "assign" and takes the place of "label".');
  if (keyIds !== true && (label === undefined) !== (assign === undefined)) {
    throw configError('"signed.signature.list" takes "label" and "assign" together, or neither.');
  }
  if (label !== undefined && !LABEL.test(label))
    throw configError('"signed.signature.list.label" must be a short word.');
  if (list.start !== undefined) checkText('signed.signature.list.start', list.start);
}

function checkTimestamp({ timestamp, signature }: SignatureRule): void {
  if (timestamp === undefined) return;
  checkKeys('"signed.timestamp"', timestamp, ['header', 'entry', 'query', 'unit']);
  const { header, entry, query, unit }: TimestampLocation = timestamp;
  checkOneOf('signed.timestamp.unit', unit, ['s', 'ms', 'iso', 'iso-utc', 'http-date']);
  if (header === undefined && entry === undefined && query === undefined) {
    throw configError(
      '"signed.timestamp" must name a "header", an "entry" of the signature\'s list, or both, or a "query" parameter.',
    );
  }
  if (header !== undefined) checkHeader('signed.timestamp.header', header);
  if (query !== undefined) {
    checkText('signed.timestamp.query', query);
    if (header !== undefined || entry !== undefined)
      throw configError('"signed.timestamp.query" stands alone: no "header", no "entry".');
  }
  if (entry === undefined) return;
  const { list } = signature;
  if (typeof entry === 'number') {
    if (
      !Number.isInteger(entry) ||
      entry < 0 ||
      list === undefined ||
      list.label !== undefined ||
      header !== undefined
    )
      throw configError(
        '"signed.timestamp.entry" as a position needs a "signed.signature.list" without labels.',
      );
  } else {
    if (!LABEL.test(entry)) throw configError('"signed.timestamp.entry" must be a short word.');
    if (list?.assign === undefined)
      throw configError('"signed.timestamp.entry" needs a "signed.signature.list" with labels to stand in.');
    if (list.label === entry)
      throw configError('"signed.timestamp.entry" is the label of the signature itself.');
  }
  if (
    signature.numberedHeader !== undefined ||
    (Array.isArray(signature.header) && signature.header.length > 1)
  ) {
    throw configError(
      '"signed.timestamp.entry" needs one signature header: with several it is not clear which of them says the time.',
    );
  }
}
