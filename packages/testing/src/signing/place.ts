import type { SignatureRule } from '@countersign/core';
import { listedPart, listedText } from './content.ts';
import type { Draft } from './draft.ts';

/** A signature in the scheme's format. */
export function writeSignature({ signature }: SignatureRule, bytes: Buffer): string {
  switch (signature.encoding) {
    case 'text':
      return bytes.toString('utf8');
    case 'hex-upper':
      return bytes.toString('hex').toUpperCase();
    case 'hex-any':
      return bytes.toString('hex');
    default:
      return bytes.toString(signature.encoding);
  }
}

/** Puts signatures into the part of the request in which the scheme's receiver looks for them. */
export function placeSignatures(
  rule: SignatureRule,
  draft: Draft,
  texts: readonly string[],
  keyId: string,
): void {
  const { signature } = rule;
  if (signature.numberedHeader !== undefined) {
    for (const [index, text] of texts.entries())
      draft.headers[`${signature.numberedHeader}${index + 1}`] = signatureText(rule, draft, [text], keyId);
    return;
  }
  if (signature.header !== undefined && typeof signature.header !== 'string' && texts.length > 1) {
    for (const [index, text] of texts.entries()) {
      const header = signature.header[index];
      if (header === undefined)
        throw new TypeError(
          'This scheme has fewer signature headers than you pass secrets. Pass fewer secrets.',
        );
      draft.headers[header] = signatureText(rule, draft, [text], keyId);
    }
    return;
  }
  const value = signatureText(rule, draft, texts, keyId);
  if (signature.query !== undefined) draft.addQuery(signature.query, value);
  else if (signature.field !== undefined) draft.setField(signature.field, value);
  else if (signature.formField !== undefined) draft.setFormField(signature.formField, value);
  else {
    const { header = '' } = signature;
    draft.headers[typeof header === 'string' ? header : header[0]] = value;
  }
}

function signatureText(rule: SignatureRule, draft: Draft, texts: readonly string[], keyId: string): string {
  const { signature, timestamp } = rule;
  const { list, prefix = '' } = signature;
  if (list === undefined) {
    if (texts.length !== 1) throw new TypeError('This scheme sends one signature. Pass one secret.');
    return `${prefix}${texts[0]}`;
  }
  const {
    separator,
    assign = '',
    label = list.keyIds === true ? keyId : undefined,
    groups,
    start = '',
  } = list;
  const entry = (name: string | undefined, value: string) =>
    name === undefined ? value : `${name}${assign}${value}`;
  const head: string[] = [];
  if (timestamp?.entry !== undefined)
    head.push(entry(typeof timestamp.entry === 'string' ? timestamp.entry : undefined, draft.timestamp));
  const listed = listedPart(rule)?.listedHeaders;
  if (listed !== undefined && 'entry' in listed)
    head.push(entry(listed.entry, listedText(rule, draft) ?? ''));
  const entries = texts.map((text) => entry(label, text));
  if (groups === undefined) return start + [...head, ...entries].join(separator);
  return start + entries.map((each) => [...head, each].join(separator)).join(groups);
}
