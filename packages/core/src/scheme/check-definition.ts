import { checkKeys, checkNumber, configError } from '../util/options.ts';
import { checkHandshake } from './check-handshake.ts';
import { checkRule } from './check-rule.ts';
import { checkKeyFits, checkSecretFormat } from './check-secret.ts';
import {
  checkField,
  checkHeader,
  checkHeaderText,
  checkOneOf,
  checkRecord,
  checkSeconds,
  checkText,
} from './check-values.ts';
import { firmNamesIn, parseTemplate } from './content-template.ts';
import { coversBytes, handshakesOf, rulesOf, signsFormBody } from './rule-facts.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import { isInBody } from './signature-location.ts';
import type { SignatureRule } from './signature-rule.ts';

/** Refuses a definition that contradicts itself, in a sentence that names the field. */
export function checkDefinition(definition: SchemeDefinition): void {
  checkKeys('defineScheme()', definition, [
    'name',
    'secret',
    'signed',
    'identity',
    'bodyTimestamp',
    'tolerance',
    'unsignedHeaders',
    'multipartField',
    'handshake',
    'delivery',
    'about',
  ]);
  const { name, secret, signed, unsignedHeaders, delivery, multipartField, about } = definition;
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) {
    throw configError('"name" of a scheme must be lower-case letters, digits and hyphens.');
  }
  checkSecretFormat(secret);
  if (signed === null || typeof signed !== 'object' || (Array.isArray(signed) && signed.length === 0)) {
    throw configError('"signed" of a scheme must say what is signed and where the signature stands.');
  }
  for (const form of rulesOf(definition)) {
    checkRule(form);
    checkKeyFits(secret, form);
  }
  checkForms(rulesOf(definition));
  checkIdentity(definition);
  checkBodyTime(definition);
  checkTolerance(definition);
  checkRecord('unsignedHeaders', unsignedHeaders);
  for (const [label, header] of Object.entries(unsignedHeaders ?? {}))
    checkHeader(`unsignedHeaders.${label}`, header);
  if (multipartField !== undefined) checkText('multipartField', multipartField);
  for (const rule of handshakesOf(definition)) checkHandshake(rule, secret);
  checkDelivery(delivery);
  if (about !== undefined)
    checkKeys('"about"', about, [
      'sender',
      'confidence',
      'testedWith',
      'sources',
      'assumptions',
      'rotation',
      'notes',
    ]);
}

function checkTolerance(definition: SchemeDefinition): void {
  const { tolerance } = definition;
  if (tolerance === undefined) return;
  checkKeys('"tolerance"', tolerance, ['past', 'future']);
  checkSeconds('tolerance.past', tolerance.past);
  checkSeconds('tolerance.future', tolerance.future);
  if (rulesOf(definition).some((form) => form.timestamp === undefined))
    throw configError(
      '"tolerance" is for a time that is signed ahead of the body: without a "signed.timestamp" it judges nothing. "bodyTimestamp" has its own.',
    );
}

function checkForms(forms: readonly SignatureRule[]): void {
  if (
    forms.some((form) => form.timestamp === undefined) &&
    forms.some((form) => form.timestamp !== undefined)
  ) {
    throw configError(
      '"signed" has forms with and without a "timestamp": whoever held a delivery back would choose the one without. Define two schemes.',
    );
  }
  const firstInBody = forms.findIndex(isInBody);
  if (firstInBody !== -1 && forms.slice(firstInBody).some((form) => !isInBody(form))) {
    throw configError('"signed" must list forms whose signature stands in the body last: it is read last.');
  }
}

function checkIdentity(definition: SchemeDefinition): void {
  const { identity } = definition;
  const forms = rulesOf(definition);
  if (identity === 'body') {
    if (!forms.every(coversBytes)) {
      throw configError(
        '"identity" is "body", but the signature does not cover its bytes, so that anybody could make another delivery of one: name the "id", a signed field, or "content".',
      );
    }
    return;
  }
  if (identity === 'content') {
    if (forms.some((form) => form.content === undefined))
      throw configError('"identity" is "content", but a token signs none: say "body".');
    return;
  }
  if (identity === 'id') {
    if (forms.some((form) => form.id === undefined)) {
      throw configError('"identity" is "id", but a form signs no id: name a signed body field, or "body".');
    }
    return;
  }
  if (typeof identity !== 'object' || identity === null || identity.bodyField === undefined) {
    throw configError(
      '"identity" must be "id" (the signed id), "body" (its bytes), "content" (all that is signed but the time) or { bodyField: "…" } (a field of the JSON body).',
    );
  }
  checkKeys('"identity"', identity, ['bodyField']);
  checkField('identity.bodyField', identity.bodyField);
  if (!forms.every((form) => signsField(form, identity.bodyField)))
    throw configError('"identity.bodyField" is a field that the signature does not cover.');
}

function checkBodyTime(definition: SchemeDefinition): void {
  const { bodyTimestamp } = definition;
  if (bodyTimestamp === undefined) return;
  checkKeys('"bodyTimestamp"', bodyTimestamp, ['field', 'formField', 'unit', 'past', 'future']);
  if (bodyTimestamp.field !== undefined && bodyTimestamp.formField !== undefined)
    throw configError(
      '"bodyTimestamp" takes either "field" or "formField": one of two times would not be judged.',
    );
  if (bodyTimestamp.formField === undefined) checkField('bodyTimestamp.field', bodyTimestamp.field);
  else checkText('bodyTimestamp.formField', bodyTimestamp.formField);
  checkOneOf('bodyTimestamp.unit', bodyTimestamp.unit, ['s', 'ms', 'iso']);
  checkSeconds('bodyTimestamp.past', bodyTimestamp.past);
  checkSeconds('bodyTimestamp.future', bodyTimestamp.future);
  const forms = rulesOf(definition);
  if (forms.some((form) => form.timestamp !== undefined)) {
    throw configError(
      '"bodyTimestamp" is for senders that sign no time in a header: leave it out, or "timestamp".',
    );
  }
  if (!forms.every((form) => signsField(form, bodyTimestamp.field ?? bodyTimestamp.formField)))
    throw configError('"bodyTimestamp" is a field that the signature does not cover.');
}

function signsField(form: SignatureRule, field: string): boolean {
  if (form.content === undefined) return false;
  const parts = form.parts ?? {};
  const templates = typeof form.content === 'string' ? [form.content] : form.content;
  return templates.every((template) =>
    firmNamesIn(parseTemplate(template, Object.keys(parts))).some(({ name, of }) => {
      if (name === 'body' || name === 'canonicalJson') return true;
      if (name === 'field' || name === 'formField') return of === field;
      const part = parts[name];
      if (part === undefined) return false;
      if ('fields' in part) return part.fields.includes(field);
      return (
        'digest' in part || (signsFormBody(part) && 'sorted' in part && part.omit?.includes(field) !== true)
      );
    }),
  );
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
    if (retries.length === 0) throw configError('"delivery.retries" lists nothing: say "never".');
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
  if (delivery.demands401 !== undefined)
    checkOneOf('delivery.demands401', delivery.demands401, [true, false]);
  const { acknowledgement } = delivery;
  if (acknowledgement === undefined) return;
  checkKeys('"delivery.acknowledgement"', acknowledgement, ['contentType', 'body']);
  checkHeaderText('delivery.acknowledgement.contentType', acknowledgement.contentType);
  checkText('delivery.acknowledgement.body', acknowledgement.body);
}
