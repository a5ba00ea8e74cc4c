import { configError } from '../../util/options.ts';
import { firmNamesIn, parseTemplate } from '../content/content-template.ts';
import { isInBody } from '../signature/signature-location.ts';
import { checkHandshake } from './check-handshake.ts';
import { checkRule } from './check-rule.ts';
import { checkKeyFits, checkSecretFormat } from './check-secret.ts';
import { coversBytes, handshakesOf, rulesOf, signsFormBody, signsTarget, templatesOf } from './rule-facts.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import type { SignatureRule } from './signature-rule.ts';
import { schemeDefinition } from './tables.ts';

/** Refuses a definition that is malformed or contradicts itself, in a sentence that names the field. */
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
  checkBodyTimestamp(definition);
  if (definition.tolerance !== undefined && rules.some((rule) => rule.timestamp === undefined))
    throw configError(
      '"tolerance" is for a time that is signed in the head of the request, but the definition has no "signed.timestamp": "bodyTimestamp" has a window of its own.',
    );
  for (const rule of handshakesOf(definition)) checkHandshake(rule, secret);
}

function checkRules(rules: readonly SignatureRule[]): void {
  if (
    rules.some((rule) => rule.timestamp === undefined) &&
    rules.some((rule) => rule.timestamp !== undefined)
  )
    throw configError(
      '"signed" has rules with and without a "timestamp": an attacker who held a delivery back would choose the rule without. Define two schemes.',
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
        '"identity" is "body", but the signature does not cover its bytes, so that an attacker could make many deliveries of one: name the "id", or "content".',
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

function checkBodyTimestamp(definition: SchemeDefinition): void {
  const { bodyTimestamp } = definition;
  if (bodyTimestamp === undefined) return;
  const { field, formField } = bodyTimestamp;
  if (field !== undefined && formField !== undefined)
    throw configError(
      '"bodyTimestamp" must have either "field" or "formField": only one time can be judged.',
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

function signsField(rule: SignatureRule, field: string): boolean {
  const { parts = {} } = rule;
  const templates = templatesOf(rule);
  return (
    templates.length > 0 &&
    templates.every((template) =>
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
    )
  );
}
