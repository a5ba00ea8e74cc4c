import type { DefinedScheme, Scheme, SignatureRule } from '@countersign/core';
import { rulesOf } from '@countersign/core/extend';
import type { Delivery } from './delivery.ts';
import { headerText } from './raw-headers.ts';
import type { SignedContent, SignedPart } from './wire.ts';

const MAX_TEXT = 200;

/** Takes apart what the sender signs. `undefined` for schemes that are code, and for tokens, which sign nothing. */
export function signedContent(delivery: Delivery): SignedContent | undefined {
  const rule = ruleFor(delivery);
  if (rule?.content === undefined) return undefined;
  const template = typeof rule.content === 'string' ? rule.content : rule.content[0];
  const parts = template
    .split(/(\{[^{}]*\}|\[|\])/)
    .filter((text) => text !== '' && text !== '[' && text !== ']')
    .map((text) => partOf(text, rule, delivery));
  return { template, algorithm: algorithmOf(rule), location: locationOf(rule), parts };
}

/** The rules of a scheme. None if the scheme is code. */
export function rulesOfScheme(scheme: Scheme): readonly SignatureRule[] {
  const { definition } = scheme as Partial<DefinedScheme>;
  return definition?.signed === undefined ? [] : rulesOf(definition);
}

/** The rule by which a request is signed: the first one that is for it and whose signature it has, otherwise the first one for it. */
export function ruleFor({ endpoint, head }: Delivery): SignatureRule | undefined {
  const all = rulesOfScheme(endpoint.scheme);
  const rules = all.filter((rule) => isFor(rule, head));
  return rules.find((rule) => signatureText(rule, head) !== undefined) ?? rules[0] ?? all[0];
}

/** Whether the conditions of a rule hold for a request. */
function isFor({ when }: SignatureRule, { rawHeaders, url }: Delivery['head']): boolean {
  const holds = (wanted: string | true, text: string | null | undefined) =>
    wanted === true ? text !== null && text !== undefined : text === wanted;
  return (
    Object.entries(when?.header ?? {}).every(([name, wanted]) =>
      holds(wanted, headerText(rawHeaders, name.toLowerCase())),
    ) && Object.entries(when?.query ?? {}).every(([name, wanted]) => holds(wanted, queryText(url, name)))
  );
}

/** The headers that a sender writes anew for each request: signature, time and id. In lower case. */
export function renewedHeaders(rule: SignatureRule): readonly string[] {
  const { signature, timestamp, id } = rule;
  const numbered =
    signature.numberedHeader === undefined
      ? []
      : Array.from({ length: 16 }, (_, at) => `${signature.numberedHeader}${at + 1}`);
  return [signature.header ?? [], numbered, timestamp?.header ?? [], id?.header ?? []].flat();
}

function signatureText(rule: SignatureRule, head: Delivery['head']): string | undefined {
  const { signature } = rule;
  const names = [signature.header ?? []].flat();
  if (signature.numberedHeader !== undefined) names.push(`${signature.numberedHeader}1`);
  for (const name of names) {
    const text = headerText(head.rawHeaders, name);
    if (text !== undefined) return text;
  }
  return signature.query === undefined ? undefined : (queryText(head.url, signature.query) ?? undefined);
}

function partOf(text: string, rule: SignatureRule, delivery: Delivery): SignedPart {
  const name = /^\{(.*)\}$/.exec(text)?.[1];
  if (name === undefined) return { part: text, bytes: Buffer.byteLength(text) };
  if (name === 'body')
    return { part: text, ...(delivery.body === undefined ? {} : { bytes: delivery.body.length }) };
  const value = textOf(name, rule, delivery);
  if (value === undefined) return { part: text };
  const bytes = Buffer.byteLength(value, 'latin1');
  return value.length > MAX_TEXT ? { part: text, bytes } : { part: text, text: value, bytes };
}

/** The text of a part, as received. `undefined` for parts that are computed. */
function textOf(name: string, rule: SignatureRule, { head, endpoint }: Delivery): string | undefined {
  const [kind, ...rest] = name.split(':');
  const of = rest.join(':');
  switch (kind) {
    case 'timestamp':
      return timestampText(rule, head);
    case 'id':
      return rule.id && headerText(head.rawHeaders, rule.id.header);
    case 'header':
      return headerText(head.rawHeaders, of);
    case 'query':
      return queryText(head.url, of) ?? undefined;
    case 'method':
      return head.method;
    case 'entry':
      return entryText(rule, head, of);
    case 'url': {
      const url = endpoint.publicUrl(head.url);
      const query = head.url.indexOf('?');
      return url === undefined || query === -1 || url.includes('?') ? url : url + head.url.slice(query);
    }
    case 'baseUrl':
      return endpoint.publicUrl(head.url)?.split('?')[0];
    default:
      return undefined;
  }
}

function timestampText(rule: SignatureRule, head: Delivery['head']): string | undefined {
  const { timestamp } = rule;
  if (timestamp?.header !== undefined) return headerText(head.rawHeaders, timestamp.header);
  if (timestamp?.query !== undefined) return queryText(head.url, timestamp.query) ?? undefined;
  return timestamp?.entry === undefined ? undefined : entryText(rule, head, timestamp.entry);
}

/** One entry of the list that the signature header contains, by its label or its position. */
function entryText(rule: SignatureRule, head: Delivery['head'], entry: string | number): string | undefined {
  const { list } = rule.signature;
  const text = signatureText(rule, head);
  if (list === undefined || text === undefined) return undefined;
  const entries = text.slice(list.start?.length ?? 0).split(list.separator);
  if (typeof entry === 'number') return entries[entry]?.trim();
  const before = `${entry}${list.assign ?? ''}`;
  return entries
    .find((each) => each.trim().startsWith(before))
    ?.trim()
    .slice(before.length);
}

function queryText(target: string, name: string): string | null {
  const at = target.indexOf('?');
  return at === -1 ? null : new URLSearchParams(target.slice(at + 1)).get(name);
}

function algorithmOf({ algorithm }: SignatureRule): string {
  if ('hmac' in algorithm) return `HMAC-${algorithm.hmac.toUpperCase()}`;
  if ('publicKey' in algorithm) return algorithm.publicKey;
  return 'hash' in algorithm ? algorithm.hash.toUpperCase() : 'token';
}

function locationOf({ signature }: SignatureRule): string {
  if (signature.header !== undefined) return `header ${[signature.header].flat().join(' or ')}`;
  if (signature.numberedHeader !== undefined) return `headers ${signature.numberedHeader}1, …`;
  if (signature.query !== undefined) return `query parameter ${signature.query}`;
  return signature.field === undefined
    ? `form field ${signature.formField}`
    : `field ${signature.field} of the body`;
}
