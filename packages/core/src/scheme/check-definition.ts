import { checkKeys, checkNumber, configError } from '../options.ts';
import type { SchemeDefinition, SignedForm } from './scheme-definition.ts';
import { parseContent } from './signed-content.ts';

const HEADER_NAME = /^[a-z0-9-]{1,100}$/;
const LABEL = /^[A-Za-z0-9_-]{1,32}$/;
const FIELD = /^[^.]+(?:\.[^.]+)*$/;
const MAX_SECONDS = 366 * 86_400;

/** Refuses a definition that contradicts itself, in a sentence that names the field. */
export function checkDefinition(definition: SchemeDefinition): void {
  checkKeys('defineScheme()', definition, [
    'name',
    'secret',
    'signed',
    'identity',
    'bodyTime',
    'tolerance',
    'unsigned',
    'delivery',
    'about',
  ]);
  const { name, secret, identity, bodyTime, tolerance, unsigned, delivery } = definition;
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) {
    throw configError('"name" of a scheme must be lower-case letters, digits and hyphens.');
  }
  checkSecretFormat(secret);
  for (const form of formsOf(definition)) checkForm(form);
  checkIdentity(definition, identity);
  if (bodyTime !== undefined) {
    checkKeys('"bodyTime"', bodyTime, ['field', 'unit', 'past', 'future']);
    checkField('bodyTime.field', bodyTime.field);
    checkOneOf('bodyTime.unit', bodyTime.unit, ['s', 'ms']);
    checkSeconds('bodyTime.past', bodyTime.past);
    checkSeconds('bodyTime.future', bodyTime.future);
    if (formsOf(definition).some((form) => form.timestamp !== undefined)) {
      throw configError(
        '"bodyTime" is for senders that sign no time in a header: leave it out, or "timestamp".',
      );
    }
  }
  if (tolerance !== undefined) {
    checkKeys('"tolerance"', tolerance, ['past', 'future']);
    checkSeconds('tolerance.past', tolerance.past);
    checkSeconds('tolerance.future', tolerance.future);
  }
  for (const [label, header] of Object.entries(unsigned ?? {})) checkHeader(`unsigned.${label}`, header);
  checkDelivery(delivery);
}

/** The forms as a list. */
export function formsOf(definition: SchemeDefinition): readonly SignedForm[] {
  const { signed } = definition;
  if (signed === null || typeof signed !== 'object' || (Array.isArray(signed) && signed.length === 0)) {
    throw configError('"signed" of a scheme must say what is signed and where the signature stands.');
  }
  return Array.isArray(signed) ? signed : [signed as SignedForm];
}

function checkSecretFormat(secret: SchemeDefinition['secret']): void {
  checkKeys('"secret"', secret, ['encoding', 'prefix', 'prefixOptional', 'minBytes']);
  checkOneOf('secret.encoding', secret.encoding, ['utf8', 'base64', 'hex']);
  checkNumber('secret.minBytes', secret.minBytes, { min: 1, max: 4096, fallback: 16 });
  if (secret.prefix !== undefined && (typeof secret.prefix !== 'string' || secret.prefix === '')) {
    throw configError('"secret.prefix" must be text.');
  }
  if (secret.prefixOptional === true && secret.prefix === undefined) {
    throw configError('"secret.prefixOptional" needs a "secret.prefix".');
  }
}

function checkForm(form: SignedForm): void {
  checkKeys('"signed"', form, ['algorithm', 'signature', 'timestamp', 'id', 'content']);
  checkKeys('"signed.algorithm"', form.algorithm, ['hmac']);
  checkOneOf('signed.algorithm.hmac', form.algorithm.hmac, ['sha1', 'sha256', 'sha384', 'sha512']);
  checkSignature(form);
  checkTimestamp(form);
  if (form.id !== undefined) {
    checkKeys('"signed.id"', form.id, ['header']);
    checkHeader('signed.id.header', form.id.header);
  }
  const named = parseContent(form.content).flatMap((part) => ('name' in part ? [part.name] : []));
  if (named.filter((name) => name === 'body').length !== 1) {
    throw configError('"signed.content" must hold {body} exactly once: a signature must cover the body.');
  }
  if (/\{id\}\{body\}|\{body\}\{id\}/.test(form.content)) {
    throw configError(
      '"signed.content" needs a literal between {id} and {body}: without one, where the id ends is not signed.',
    );
  }
  for (const part of ['timestamp', 'id'] as const) {
    if (named.includes(part) && form[part] === undefined) {
      throw configError(
        `"signed.content" holds {${part}}, but "signed.${part}" does not say where it stands.`,
      );
    }
    if (!named.includes(part) && form[part] !== undefined) {
      throw configError(
        `"signed.${part}" is declared, but "signed.content" does not hold {${part}}: what isn't signed judges nothing.`,
      );
    }
  }
}

function checkSignature({ signature }: SignedForm): void {
  checkKeys('"signed.signature"', signature, ['header', 'prefix', 'list', 'encoding']);
  checkOneOf('signed.signature.encoding', signature.encoding, ['hex', 'hex-upper', 'base64', 'base64url']);
  const headers = typeof signature.header === 'string' ? [signature.header] : signature.header;
  if (!Array.isArray(headers) || headers.length === 0)
    throw configError('"signed.signature.header" must name a header.');
  for (const header of headers) checkHeader('signed.signature.header', header);
  const { list, prefix } = signature;
  if (prefix !== undefined && (typeof prefix !== 'string' || prefix === '')) {
    throw configError('"signed.signature.prefix" must be text; leave it out where there is none.');
  }
  if (list === undefined) return;
  if (prefix !== undefined)
    throw configError(
      '"signed.signature" takes "prefix" or "list", not both: a label is the prefix of an entry.',
    );
  checkKeys('"signed.signature.list"', list, ['separator', 'assign', 'label']);
  checkOneOf('signed.signature.list.separator', list.separator, [',', ' ', ';', '&']);
  if (list.assign !== undefined) checkOneOf('signed.signature.list.assign', list.assign, ['=', ',']);
  if (list.assign === list.separator)
    throw configError('"signed.signature.list" needs an "assign" that differs from its "separator".');
  if ((list.label === undefined) !== (list.assign === undefined)) {
    throw configError('"signed.signature.list" takes "label" and "assign" together, or neither.');
  }
  if (list.label !== undefined && !LABEL.test(list.label))
    throw configError('"signed.signature.list.label" must be a short word.');
}

function checkTimestamp({ timestamp, signature }: SignedForm): void {
  if (timestamp === undefined) return;
  checkKeys('"signed.timestamp"', timestamp, ['header', 'item', 'unit']);
  checkOneOf('signed.timestamp.unit', timestamp.unit, ['s', 'ms']);
  if (timestamp.header === undefined && timestamp.item === undefined) {
    throw configError(
      '"signed.timestamp" must name a "header", an "item" of the signature\'s list, or both.',
    );
  }
  if (timestamp.header !== undefined) checkHeader('signed.timestamp.header', timestamp.header);
  if (timestamp.item === undefined) return;
  if (!LABEL.test(timestamp.item)) throw configError('"signed.timestamp.item" must be a short word.');
  if (signature.list?.assign === undefined) {
    throw configError('"signed.timestamp.item" needs a "signed.signature.list" with labels to stand in.');
  }
  if (signature.list.label === timestamp.item)
    throw configError('"signed.timestamp.item" is the label of the signature itself.');
  if (typeof signature.header !== 'string' && signature.header.length > 1) {
    throw configError(
      '"signed.timestamp.item" needs one signature header: with several it is not clear which of them says the time.',
    );
  }
}

function checkIdentity(definition: SchemeDefinition, identity: SchemeDefinition['identity']): void {
  if (identity === 'body') return;
  if (identity === 'id') {
    if (formsOf(definition).some((form) => form.id === undefined)) {
      throw configError('"identity" is "id", but a form signs no id: name a signed body field, or "body".');
    }
    return;
  }
  checkKeys('"identity"', identity, ['bodyField']);
  checkField('identity.bodyField', identity.bodyField);
}

function checkDelivery(delivery: SchemeDefinition['delivery']): void {
  checkKeys('"delivery"', delivery, [
    'retries',
    'retrySpanSeconds',
    'timeoutSeconds',
    'idStableOverRetries',
    'retrySignature',
    'demands401',
    'maxBodyBytes',
    'acknowledgement',
  ]);
  const { retries } = delivery;
  if (Array.isArray(retries)) {
    for (const status of retries) {
      if (status !== '5xx' && !(Number.isInteger(status) && status >= 300 && status <= 599)) {
        throw configError('"delivery.retries" lists statuses from 300 to 599, or "5xx".');
      }
    }
  } else checkOneOf('delivery.retries', retries, ['any-failure', 'never', 'unknown']);
  checkOneOf('delivery.idStableOverRetries', delivery.idStableOverRetries, [true, false, 'unknown']);
  checkOneOf('delivery.retrySignature', delivery.retrySignature, ['renewed', 'repeated', 'unknown']);
  if (delivery.retrySpanSeconds !== undefined)
    checkSeconds('delivery.retrySpanSeconds', delivery.retrySpanSeconds);
  if (delivery.timeoutSeconds !== undefined) checkSeconds('delivery.timeoutSeconds', delivery.timeoutSeconds);
  checkNumber('delivery.maxBodyBytes', delivery.maxBodyBytes, { min: 1, max: 2 ** 31 - 1, fallback: 1 });
  if (delivery.maxBodyBytes !== undefined && !Number.isInteger(delivery.maxBodyBytes)) {
    throw configError('"delivery.maxBodyBytes" must be a whole number of bytes.');
  }
}

function checkSeconds(name: string, value: unknown): void {
  if (typeof value !== 'number') throw configError(`"${name}" must be a number of seconds.`);
  checkNumber(name, value, { min: 1, max: MAX_SECONDS, fallback: 1 });
}

function checkHeader(name: string, value: unknown): void {
  if (typeof value !== 'string' || !HEADER_NAME.test(value)) {
    throw configError(`"${name}" must be the name of a header, in lower case.`);
  }
}

function checkField(name: string, value: unknown): void {
  if (typeof value !== 'string' || !FIELD.test(value))
    throw configError(`"${name}" must be the dotted path of a JSON field.`);
}

function checkOneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
  if (allowed.includes(value)) return;
  throw configError(`"${name}" must be one of ${allowed.map((each) => JSON.stringify(each)).join(', ')}.`);
}
