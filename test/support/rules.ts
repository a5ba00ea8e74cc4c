import type { DefinedScheme, SchemeDefinition, SignatureRule } from '@countersign/core';
import { type HmacRule, rulesOf as rulesIn, type SharedSecret } from '@countersign/core/extend';

/** The rules of a scheme as a list. */
export function rulesOf({ definition }: Pick<DefinedScheme, 'definition'>): readonly SignatureRule[] {
  return rulesIn(definition);
}

/** An HMAC in one header over the body with at most an id and a time: most senders' form. */
export interface ClassicForm extends HmacRule {
  readonly algorithm: { readonly hmac: 'sha1' | 'sha256' | 'sha384' | 'sha512' };
  readonly content: string;
  readonly signature: HmacRule['signature'] & {
    readonly header: string;
    readonly encoding: 'hex' | 'hex-upper' | 'base64' | 'base64url';
  };
  readonly timestamp?: {
    readonly unit: 's' | 'ms';
    readonly header?: string;
    readonly entry?: string;
    readonly query?: undefined;
  };
}

/** A definition whose secret is one decoded text. */
export interface ClassicDefinition extends SchemeDefinition {
  readonly secret: SharedSecret;
}

/** Whether the full negative matrix can forge deliveries of a form by itself. */
export function isClassic(definition: SchemeDefinition, form: SignatureRule): form is ClassicForm {
  const { secret, bodyTimestamp, multipartField } = definition;
  if (!('encoding' in secret) || secret.publicKey !== undefined || secret.derive !== undefined) return false;
  if (secret.prefix?.includes('*') === true || secret.normalize !== undefined || multipartField !== undefined)
    return false;
  if (!('hmac' in form.algorithm) || form.algorithm.hmac === 'md5' || form.content === undefined)
    return false;
  const { signature, timestamp, content } = form;
  const { list } = signature;
  if (typeof signature.header !== 'string' || signature.repeated === true || signature.encoding === 'hex-any')
    return false;
  if (list !== undefined && (list.groups ?? list.blanks ?? list.keyIds ?? list.start) !== undefined)
    return false;
  if (
    form.when !== undefined ||
    form.requiredHeaders !== undefined ||
    form.keyId !== undefined ||
    form.id?.format === 'uuid'
  )
    return false;
  if (
    timestamp !== undefined &&
    (!['s', 'ms'].includes(timestamp.unit) ||
      typeof timestamp.entry === 'number' ||
      timestamp.query !== undefined)
  )
    return false;
  if (bodyTimestamp !== undefined && (bodyTimestamp.field === undefined || bodyTimestamp.unit === 'iso'))
    return false;
  return typeof content === 'string' && /^(?:[^{}[\]]|\{(?:body|timestamp|id)\})+$/.test(content);
}
