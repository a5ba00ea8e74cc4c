import type { DefinedScheme, DeliveryRules, SignatureRule } from '@countersign/core';
import { type ContentPart, refusalStatus, type SchemeSource } from '@countersign/core/extend';
import { rulesOf } from '../../../../test/support/rules.ts';

/** One sender as the package exports it. */
export interface Sender {
  readonly factory: string;
  readonly scheme: DefinedScheme;
}

/** The row of a sender in the README's index. */
export function rowOf({ factory, scheme }: Sender): string {
  const { name, about } = scheme.definition;
  const rules = rulesOf(scheme);
  const algorithms = [...new Set(rules.map(algorithmOf))].join(' or ');
  const cells = [about?.sender, code(`${factory}()`), algorithms, `[${name}](../../docs/senders/${name}.md)`];
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The page of a sender, made of its definition. */
export function pageOf({ factory, scheme }: Sender): string {
  const { about, delivery } = scheme.definition;
  const rules = rulesOf(scheme);
  const each = (write: (rule: SignatureRule) => string) => [...new Set(rules.map(write))].join(' or ');
  const list = (title: string, lines: readonly string[] = []) =>
    lines.length === 0 ? [] : [`## ${title}`, '', ...lines.map((line) => `- ${line}`), ''];
  const facts = [
    ['Algorithm', each(algorithmOf)],
    ['Signature and time', each(signatureOf)],
    ['Signed content', each(contentOf)],
    ['Time window', toleranceOf(scheme)],
    ['A delivery is recognized by', identityOf(scheme, rules)],
    ['Response to a signature that matches no key', refusalOf(delivery)],
    ['Confidence', confidenceOf(about)],
  ];
  const safe = [...new Set(rules.flatMap(({ safeBecause }) => safeBecause ?? []))];
  return [
    `# ${about?.sender}`,
    '',
    '```ts',
    "import { createVerifier } from '@countersign/core';",
    "import { fileSecrets } from '@countersign/core/node';",
    `import { ${factory} } from '@countersign/schemes';`,
    '',
    'const verifier = createVerifier({',
    `  scheme: ${factory}(),`,
    ...(scheme.needsPublicUrl === true
      ? ["  publicUrl: 'https://hooks.example.com/in', // the URL that the sender was given"]
      : []),
    `  secrets: fileSecrets('/run/secrets/${scheme.name}'),`,
    '});',
    '```',
    '',
    '| | |',
    '| --- | --- |',
    ...facts.map(([name, text]) => `| ${name} | ${String(text).replaceAll('|', '\\|')} |`),
    '',
    '## Rotating the secret',
    '',
    String(about?.rotation),
    '',
    ...list('Where one signed part ends and the next begins', safe),
    ...list('Assumed, not documented', about?.assumptions),
    ...list('Good to know', about?.notes),
    ...list('Sources', about?.sources),
  ].join('\n');
}

const code = (text: string) => `\`${text.replace('\n', '\\n')}\``;

/** Where signatures are and how they look: `acme-signature: t=<s>,v1=<hex>`. */
function signatureOf({ signature, timestamp }: SignatureRule): string {
  const { list, prefix = '', encoding } = signature;
  const label = list?.keyIds === true ? '<key id>' : (list?.label ?? '');
  const value = `${list?.start ?? ''}${label}${list?.assign ?? ''}${prefix}<${encoding}>`;
  const { entry, unit = '' } = timestamp ?? {};
  const time = typeof entry === 'number' ? `<${unit}>` : `${entry}${list?.assign ?? ''}<${unit}>`;
  const text = `${entry === undefined ? '' : `${time}${list?.separator ?? ''}`}${value}`;
  const own = timestamp?.header ?? timestamp?.query;
  const beside = own === undefined ? [] : [code(`${own}: <${unit}>`)];
  return [locationOf(signature, text), ...beside].join(' with ');
}

function locationOf(signature: SignatureRule['signature'], text: string): string {
  const { header, numberedHeader, query, field, formField } = signature;
  if (header !== undefined)
    return code(`${typeof header === 'string' ? header : header.join(' or ')}: ${text}`);
  if (numberedHeader !== undefined) return code(`${numberedHeader}1, …2: ${text}`);
  if (query !== undefined) return `${code(text)} in the query as ${code(query)}`;
  return `${code(text)} in the body as ${code(field ?? formField ?? '')}`;
}

function algorithmOf({ algorithm }: SignatureRule): string {
  if ('hmac' in algorithm) return `HMAC ${algorithm.hmac}`;
  if ('token' in algorithm) return 'static token';
  if (!('publicKey' in algorithm)) return `plain ${algorithm.hash} with the secret inside`;
  if (algorithm.publicKey === 'ed25519') return 'Ed25519';
  return algorithm.publicKey === 'rsa'
    ? `RSA PKCS#1 v1.5, ${algorithm.hash}`
    : `ECDSA P-256 ${algorithm.hash}, ${algorithm.format}`;
}

/** The template, and the meaning of the parts that the definition declares. */
function contentOf({ content, parts = {} }: SignatureRule): string {
  if (content === undefined) return 'nothing: the sender sends a token';
  const templates = typeof content === 'string' ? [content] : content;
  const meant = Object.entries(parts).map(([name, part]) => `${code(`{${name}}`)}: ${partOf(part)}`);
  return [templates.map(code).join(' or '), ...meant].join('; ');
}

function partOf(part: ContentPart): string {
  if ('digest' in part) return `${part.digest} of the body`;
  if ('fields' in part) return `${part.fields.length} fields of the body`;
  return 'sorted' in part ? `sorted ${part.sorted} parameters` : 'the headers that the signature lists';
}

function toleranceOf({ definition: { bodyTimestamp }, freshness }: DefinedScheme): string {
  if (freshness.signed === 'none') return 'no timestamp is signed';
  const { past, future } = freshness;
  const seconds = (count: number) => `${count.toLocaleString('en')} s`;
  const window = past === future ? seconds(past) : `${seconds(past)} back, ${seconds(future)} ahead`;
  const field = bodyTimestamp?.field ?? bodyTimestamp?.formField;
  return field === undefined ? window : `${window}, by the body's ${code(field)}`;
}

function identityOf({ definition: { identity } }: DefinedScheme, [rule]: readonly SignatureRule[]): string {
  if (identity === 'id') return `the signed id, ${code(rule?.id?.header ?? '')}`;
  if (identity === 'content') return 'everything that is signed except the time';
  return identity === 'body' ? "the body's bytes" : `the body's ${code(identity.bodyField)}`;
}

const CONFIDENCE = {
  'sender-code': "the sender's code",
  'sender-docs': "the sender's documentation",
  'third-party': 'third-party code',
} as const;
const TESTED_WITH = {
  'published-vectors': 'published signatures',
  'sender-library': "the sender's library",
  'formula-only': 'the formula only',
} as const;

/** How reliable the facts are: their source, and what they were tested with. */
function confidenceOf(about: SchemeSource | undefined): string {
  const { confidence, testedWith } = about ?? {};
  if (confidence === undefined || testedWith === undefined) return 'not stated';
  return `read in ${CONFIDENCE[confidence]}; tested with ${TESTED_WITH[testedWith]}`;
}

function refusalOf(delivery: DeliveryRules): string {
  const { retries } = delivery;
  const why =
    retries === 'any-failure'
      ? 'the sender retries after any failure'
      : retries === 'never'
        ? 'the sender never retries'
        : retries === 'unknown'
          ? 'the sender does not document what it retries, so a 4xx may be final'
          : `the sender retries only after ${retries.join(', ')}`;
  return `${refusalStatus(delivery)}: ${why}`;
}
