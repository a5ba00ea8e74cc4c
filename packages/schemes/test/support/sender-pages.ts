import { readdirSync } from 'node:fs';
import type { DefinedScheme, DeliveryRules, SignatureRule } from '@countersign/core';
import { type ContentPart, refusalStatus, type SchemeSource } from '@countersign/core/extend';
import { rulesOf } from '../../../../test/support/rules.ts';
import { signsField, signsHeader } from '../../../core/src/scheme/definition/rule-facts.ts';

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
    ['Type of the event', typeOf(scheme, rules)],
    ['Retries', retriesOf(delivery, about)],
    ['Response to a signature that matches no key', `${refusalStatus(delivery)}`],
    ['Test of the endpoint', handshakeOf(scheme)],
    ['Confidence', confidenceOf(about)],
    ['Compared with its sources', checkOf(about)],
  ];
  const safe = [...new Set(rules.flatMap(({ safeBecause }) => safeBecause ?? []))];
  const guide = GUIDES.find((name) => name.replaceAll('-', '') === `${scheme.name.replaceAll('-', '')}.md`);
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
    `  secrets: fileSecrets('/run/secrets/${scheme.name}.json'),`,
    '});',
    '```',
    '',
    '| | |',
    '| --- | --- |',
    ...facts.map(([name, text]) => `| ${name} | ${String(text).replaceAll('|', '\\|')} |`),
    '',
    ...(about?.secretFrom === undefined ? [] : ['## Where the secret is', '', about.secretFrom, '']),
    '## Rotating the secret',
    '',
    String(about?.rotation),
    '',
    ...(guide === undefined ? rotationSteps(scheme) : [`[Step by step](../rotating/${guide})`]),
    '',
    ...list('Where one signed part ends and the next begins', safe),
    ...list('Assumed, not documented', about?.assumptions),
    ...list('Good to know', about?.notes),
    ...list('Sources', about?.sources),
  ].join('\n');
}

/** Pages that describe a rotation at one sender. */
const GUIDES = readdirSync(new URL('../../../../docs/rotating/', import.meta.url));

/** The order of a rotation that loses nothing, whatever the sender does with the old secret. */
function rotationSteps({ definition: { secret } }: DefinedScheme): string[] {
  if ('publicKey' in secret && secret.publicKey !== undefined)
    return [
      '1. Add the new public key beside the old one: `{ current: old, next: new }`. Wait until `health()` of every instance shows it.',
      '2. When deliveries match it (`webhook.key.role` is `next`), make it `current`, and remove the old one.',
    ];
  return [
    '1. If you choose the new secret, or see it before it signs, add it first: `{ current: old, next: new }`. Wait until `health()` of every instance shows it.',
    '2. Change the secret at the sender.',
    '3. Set `{ current: new, previous: old }`. Keep the old one for as long as retries may have its signature.',
    '4. When `health()` shows no more matches of `previous`, remove it.',
  ];
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
  const name = about?.library === undefined ? '' : ` (${code(about.library)})`;
  return `read in ${CONFIDENCE[confidence]}; tested with ${TESTED_WITH[testedWith]}${name}`;
}

const RETRY_RULES = {
  documented: 'as the sender documents',
  'read-in-code': "as read in the sender's code",
  unknown: 'unknown',
} as const;

/** What the sender retries, for how long, and where that is written. */
function retriesOf(delivery: DeliveryRules, about: SchemeSource | undefined): string {
  const { retries, retrySpanSeconds, timeoutSeconds } = delivery;
  const what =
    retries === 'any-failure'
      ? 'after any failure'
      : retries === 'never'
        ? 'never'
        : retries === 'unknown'
          ? 'unknown, so a 4xx may be final'
          : `only after ${retries.join(', ')} and no response`;
  const span = retrySpanSeconds === undefined ? '' : `, for ${spanText(retrySpanSeconds)}`;
  const timeout = timeoutSeconds === undefined ? '' : `. It waits ${timeoutSeconds} s for a response`;
  const source = about?.retryRules === undefined ? 'not stated' : RETRY_RULES[about.retryRules];
  return retries === 'unknown' ? `${what}${timeout}` : `${what}${span}${timeout} (${source})`;
}

function spanText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`;
  const hours = Math.round(seconds / 360) / 10;
  return hours < 72 ? `${hours} hours` : `${Math.round(hours / 2.4) / 10} days`;
}

/** Where the type of an event is, and whether it is signed. */
function typeOf({ definition }: DefinedScheme, rules: readonly SignatureRule[]): string {
  const { eventType, splitBy } = definition;
  if (eventType === undefined) return 'not in one place, or unknown: `webhook.type` is `undefined`';
  const split =
    splitBy === undefined ? '' : '. Known texts of it also distinguish deliveries with the same body';
  if (eventType.header !== undefined) {
    const { header } = eventType;
    return `the header ${code(header)}, ${rules.every((rule) => signsHeader(rule, header)) ? 'signed' : 'not signed'}${split}`;
  }
  const { bodyField } = eventType;
  return `the body's ${code(bodyField)}, ${rules.every((rule) => signsField(rule, bodyField)) ? 'signed' : 'not signed'}${split}`;
}

/** How the sender tests an endpoint, and what responds to it. */
function handshakeOf({ definition: { handshake } }: DefinedScheme): string {
  if (handshake === undefined) return 'none that needs a special response, or none is known';
  const each = [handshake].flat().map((rule) => {
    const { method = 'POST', header = {}, query = {} } = rule.when;
    const field = Object.keys((rule.signed ? rule.when.field : rule.when.form) ?? {});
    const named = [...Object.keys(header), ...Object.keys(query), ...field].map(code).join(', ');
    return `${rule.signed ? 'a signed' : 'an unsigned'} ${method}${named === '' ? '' : ` with ${named}`}`;
  });
  return `${[...new Set(each)].join(' or ')}: the adapter responds, and your handler does not run`;
}

/** When the facts were last compared with their sources, and what could not be found. */
function checkOf(about: SchemeSource | undefined): string {
  if (about?.checkedOn === undefined) return 'not again since the definition was written';
  return `${about.checkedOn}${about.notFound === undefined ? '' : `. ${about.notFound}`}`;
}
