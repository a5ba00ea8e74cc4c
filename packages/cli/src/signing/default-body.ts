import type { DefinedScheme, SchemeDefinition, SignatureRule } from '@countersign/core';
import { rulesOf } from '@countersign/core/extend';
import { setField } from './json-field.ts';

/**
 * A body that the sender could send: JSON with the fields that the definition names, or a form. Signing adds signed fields that are
 * missing here. Each body is another one, because a second delivery with the same body is a duplicate at senders that sign no id.
 *
 * @param type The type of the event, if it is part of the body.
 */
export function defaultBody({ definition }: DefinedScheme, type: string | undefined): Buffer {
  const rule = rulesOf(definition)[0] as SignatureRule;
  const id = `test_${crypto.randomUUID()}`;
  if (isForm(definition, rule))
    return Buffer.from(`event=test&message=Hello+from+countersign&countersign_send=${id}`);
  const { identity, eventType } = definition;
  const json: Record<string, unknown> = {};
  for (const [path, length] of Object.entries(rule.arrayLengths ?? {}))
    setField(
      json,
      path,
      Array.from({ length }, () => ({})),
    );
  if (typeof identity === 'object') setField(json, identity.bodyField, id);
  else {
    json.countersign_send = id;
    // Senders that sign only some fields: the first one is what names the event.
    for (const part of Object.values(rule.parts ?? {}))
      if ('fields' in part && part.fields[0] !== undefined) setField(json, part.fields[0], id);
  }
  if (eventType?.bodyField !== undefined) setField(json, eventType.bodyField, type ?? 'test');
  json.message ??= 'Hello from countersign';
  return Buffer.from(JSON.stringify(json));
}

function isForm({ bodyTimestamp }: SchemeDefinition, rule: SignatureRule): boolean {
  return (
    rule.signature.formField !== undefined ||
    bodyTimestamp?.formField !== undefined ||
    [rule.content ?? []].flat().some((template) => template.includes('{formField:')) ||
    Object.values(rule.parts ?? {}).some((part) => 'sorted' in part && part.sorted === 'form')
  );
}
