import type { DefinedScheme, Scheme, SignatureRule } from '@countersign/core';
import { type ContentPart, rulesOf } from '@countersign/core/extend';
import type { JwtScheme } from '@countersign/schemes/jwt';

/** The algorithms, the location and the content of a sender's signatures. */
export interface SignatureFacts {
  readonly algorithms: readonly string[];
  /** Where signatures are, and how they look: `acme-signature: t=<s>,v1=<hex>`. */
  readonly signature: readonly string[];
  readonly signed: readonly string[];
  /** Every header that carries a signature, or that the signature needs. */
  readonly headers: readonly string[];
}

/** Whether a scheme was made with `defineScheme()`: only such a scheme can be signed for. */
export function isDefined(scheme: Scheme): scheme is DefinedScheme {
  return (scheme as Partial<DefinedScheme>).definition?.signed !== undefined;
}

/** What a scheme's definition says about signatures. Nothing, if the scheme is code. */
export function signatureFacts(scheme: Scheme): SignatureFacts {
  if (!isDefined(scheme)) return tokenFacts(scheme);
  const rules = rulesOf(scheme.definition);
  const each = (write: (rule: SignatureRule) => string) => [...new Set(rules.map(write))];
  return {
    algorithms: each(algorithmOf),
    signature: each(signatureOf),
    signed: each(contentOf),
    headers: [...new Set(rules.flatMap(headersOf))],
  };
}

/** The same for JSON Web Tokens. */
function tokenFacts(scheme: Scheme): SignatureFacts {
  const { algorithms = [], token, bodyHash } = (scheme as Partial<JwtScheme>).definition ?? {};
  const { header, prefix = '' } = token ?? {};
  const where = header === undefined ? 'the body is the token' : `${header}: ${prefix}<JWT>`;
  const body = bodyHash === undefined ? [] : [`the SHA-256 of the body in the claim "${bodyHash.claim}"`];
  return {
    algorithms: algorithms.map((algorithm) => `JWT ${algorithm}`),
    signature: token === undefined ? [] : [where],
    signed: token === undefined ? [] : ["the token's claims", ...body],
    headers: header === undefined ? [] : [header],
  };
}

function algorithmOf({ algorithm }: SignatureRule): string {
  if ('hmac' in algorithm) return `HMAC ${algorithm.hmac}`;
  if ('token' in algorithm) return 'static token';
  if (!('publicKey' in algorithm)) return `plain ${algorithm.hash} with the secret inside`;
  if (algorithm.publicKey === 'ed25519') return 'Ed25519';
  return `${algorithm.publicKey === 'rsa' ? 'RSA' : 'ECDSA P-256'} ${algorithm.hash}`;
}

function signatureOf({ signature, timestamp }: SignatureRule): string {
  const { list, prefix = '', encoding } = signature;
  const label = list?.keyIds === true ? '<key id>' : (list?.label ?? '');
  const value = `${list?.start ?? ''}${label}${list?.assign ?? ''}${prefix}<${encoding}>`;
  const { entry, unit = '' } = timestamp ?? {};
  const time = typeof entry === 'number' ? `<${unit}>` : `${entry}${list?.assign ?? ''}<${unit}>`;
  const text = `${entry === undefined ? '' : `${time}${list?.separator ?? ''}`}${value}`.replace('\n', '\\n');
  const own = timestamp?.header ?? timestamp?.query;
  return `${locationOf(signature, text)}${own === undefined ? '' : ` with ${own}: <${unit}>`}`;
}

function locationOf(signature: SignatureRule['signature'], text: string): string {
  const { header, numberedHeader, query, field, formField } = signature;
  if (header !== undefined) return `${[header].flat().join(' or ')}: ${text}`;
  if (numberedHeader !== undefined) return `${numberedHeader}1, ${numberedHeader}2, …: ${text}`;
  if (query !== undefined) return `${text} in the query as ${query}`;
  return `${text} in the body as ${field ?? formField}`;
}

function contentOf({ content, parts = {} }: SignatureRule): string {
  if (content === undefined) return 'nothing: the sender sends the secret itself';
  const templates = [content].flat().map((template) => template.replaceAll('\n', '\\n'));
  const meant = Object.entries(parts).map(([name, part]) => `{${name}}: ${partOf(part)}`);
  return [templates.join(' or '), ...meant].join('; ');
}

function partOf(part: ContentPart): string {
  if ('digest' in part) return `${part.digest} of the body`;
  if ('fields' in part) return `the fields ${part.fields.join(', ')} of the body`;
  return 'sorted' in part
    ? `the sorted parameters of the ${part.sorted}`
    : 'the headers that the signature lists';
}

function headersOf({ signature, timestamp, id, content, keyId }: SignatureRule): string[] {
  const { header, numberedHeader } = signature;
  const inContent = [content ?? []]
    .flat()
    .flatMap((template) => [...template.matchAll(/\{header:([^{}]*)\}/g)].map(([, name = '']) => name));
  const own = numberedHeader === undefined ? [header ?? []].flat() : [`${numberedHeader}1`];
  const beside = [timestamp?.header, id?.header, keyId?.header].flatMap((name) => name ?? []);
  return [...own, ...beside, ...inContent];
}
