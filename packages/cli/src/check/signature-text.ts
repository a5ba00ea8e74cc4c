import type { SignatureRule } from '@countersign/core';
import { type Delivery, headerOf, type Pair, withHeader } from './delivery.ts';
import { fieldOf, withField } from './json-body.ts';

/** The whole text that carries the signature of a delivery, wherever the sender puts it. `undefined`: it has none. */
function signatureOf(delivery: Delivery, rule: SignatureRule): string | undefined {
  const { signature } = rule;
  if (signature.query !== undefined) return delivery.query.find(([name]) => name === signature.query)?.[1];
  if (signature.field !== undefined) return fieldOf(delivery.body, signature.field);
  if ('formField' in signature && signature.formField !== undefined)
    return new URLSearchParams(delivery.body.toString('utf8')).get(signature.formField) ?? undefined;
  return headerNames(rule)
    .map((name) => headerOf(delivery, name))
    .find((value) => value !== undefined);
}

/** The same delivery with another text in place of its signature; `undefined` leaves it out. */
export function withSignature(
  delivery: Delivery,
  rule: SignatureRule,
  change: (value: string) => string | undefined,
): Delivery {
  const { signature } = rule;
  if (signature.query !== undefined) {
    const query = delivery.query.flatMap(([name, value]): Pair[] => {
      const changed = name === signature.query ? change(value) : value;
      return changed === undefined ? [] : [[name, changed]];
    });
    return { ...delivery, query };
  }
  if (signature.field !== undefined) {
    const changed = change(fieldOf(delivery.body, signature.field) ?? '');
    return { ...delivery, body: withField(delivery.body, signature.field, changed) };
  }
  if ('formField' in signature && signature.formField !== undefined) {
    const form = new URLSearchParams(delivery.body.toString('utf8'));
    const changed = change(form.get(signature.formField) ?? '');
    if (changed === undefined) form.delete(signature.formField);
    else form.set(signature.formField, changed);
    return { ...delivery, body: Buffer.from(form.toString()) };
  }
  let changed = delivery;
  for (const name of headerNames(rule)) changed = withHeader(changed, name, change);
  return changed;
}

/** The names of all headers that may carry the signature. */
export function headerNames({ signature }: SignatureRule): readonly string[] {
  if (signature.numberedHeader !== undefined) return [`${signature.numberedHeader}1`];
  return signature.header === undefined ? [] : [signature.header].flat();
}

/** Changes only the signature's own text, without the prefix or label before it. */
export function withMac(delivery: Delivery, rule: SignatureRule, change: (mac: string) => string): Delivery {
  return withSignature(delivery, rule, (value) => {
    const [start, end] = macBounds(rule, value);
    return value.slice(0, start) + change(value.slice(start, end)) + value.slice(end);
  });
}

/** The signature's own text, without the prefix or label before it. */
export function macOf(delivery: Delivery, rule: SignatureRule): string | undefined {
  const value = signatureOf(delivery, rule);
  return value?.slice(...macBounds(rule, value));
}

/** What stands before the signature's own text and names its version or algorithm. `undefined`: nothing does. */
export function withLabel(delivery: Delivery, rule: SignatureRule, label: string): Delivery | undefined {
  const { prefix, list } = rule.signature;
  const current = prefix ?? list?.label;
  if (current === undefined || !/[a-z0-9]/i.test(current) || 'token' in rule.algorithm) return undefined;
  return withSignature(delivery, rule, (value) => {
    const [start] = macBounds(rule, value);
    const before = value.slice(0, start);
    const at = before.lastIndexOf(current);
    if (at === -1) return value;
    return (
      before.slice(0, at) +
      current.replace(/[a-z0-9]+/i, label) +
      before.slice(at + current.length) +
      value.slice(start)
    );
  });
}

/** An entry with a signature of another key before the right one, as a sender writes it during a rotation. */
export function withOtherEntry(
  delivery: Delivery,
  other: Delivery,
  rule: SignatureRule,
): Delivery | undefined {
  const { list } = rule.signature;
  if (list === undefined || list.groups !== undefined || list.label === undefined) return undefined;
  const mac = macOf(other, rule) ?? '';
  return withSignature(delivery, rule, (value) => {
    const start = macBounds(rule, value)[0] - `${list.label}${list.assign ?? ''}`.length;
    return `${value.slice(0, start)}${list.label}${list.assign ?? ''}${mac}${list.separator}${value.slice(start)}`;
  });
}

function macBounds({ signature }: SignatureRule, value: string): [start: number, end: number] {
  const { prefix = '', list } = signature;
  if (list === undefined) return [value.startsWith(prefix) ? prefix.length : 0, value.length];
  const { separator, assign = '', label, groups } = list;
  const last = Math.max(
    value.lastIndexOf(separator) + separator.length * Number(value.includes(separator)),
    groups === undefined ? 0 : value.lastIndexOf(groups) + groups.length,
  );
  const labelled = label === undefined ? '' : `${label}${assign}`;
  const at = value.indexOf(labelled, Math.max(0, last - labelled.length - 1));
  if (label !== undefined && at !== -1) return [at + labelled.length, value.length];
  const equals = assign === '' ? -1 : value.indexOf(assign, last);
  return [equals === -1 ? last : equals + assign.length, value.length];
}
