import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DefinedScheme, DeliveryRules, SignatureRule } from '@countersign/core';
import { type ContentPart, refusalStatus, type SchemeSource } from '@countersign/core/extend';
import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { rulesOf } from '../../../test/support/rules.ts';

const README = new URL('../README.md', import.meta.url);
const FACTORIES: Record<string, () => DefinedScheme> = schemes;
const SENDERS = Object.entries(FACTORIES).map(([factory, make]) => ({ factory, scheme: make() }));

/** A text with something else between two of its comments. */
function withSection(text: string, name: string, content: string): string {
  const [before, after] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const start = text.indexOf(before);
  const end = text.indexOf(after, start);
  if (start === -1 || end === -1) throw new Error(`The README has no place for its ${name}.`);
  return `${text.slice(0, start)}${before}${content}${text.slice(end)}`;
}

const code = (text: string) => `\`${text.replace('\n', '\\n')}\``;

/** Where signatures stand and how they look: `acme-signature: t=<s>,v1=<hex>`. */
function signatureOf({ signature, timestamp }: SignatureRule): string {
  const { list, prefix = '', encoding } = signature;
  const label = list?.keyIds === true ? '<key id>' : (list?.label ?? '');
  const value = `${list?.start ?? ''}${label}${list?.assign ?? ''}${prefix}<${encoding}>`;
  const { entry, unit = '' } = timestamp ?? {};
  const time = typeof entry === 'number' ? `<${unit}>` : `${entry}${list?.assign ?? ''}<${unit}>`;
  const text = `${entry === undefined ? '' : `${time}${list?.separator ?? ''}`}${value}`;
  const own = timestamp?.header ?? timestamp?.query;
  const beside = own === undefined ? [] : [code(`${own}: <${unit}>`)];
  return [placeOf(signature, text), ...beside].join(' with ');
}

function placeOf(signature: SignatureRule['signature'], text: string): string {
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

/** The template, and what the parts of its own mean. */
function contentOf({ content, parts = {} }: SignatureRule): string {
  if (content === undefined) return 'nothing: the token stands for itself';
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
  if (freshness.signed === 'none') return 'no time is signed';
  const { past, future } = freshness;
  const seconds = (count: number) => `${count.toLocaleString('en')} s`;
  const window = past === future ? seconds(past) : `${seconds(past)} back, ${seconds(future)} ahead`;
  const field = bodyTimestamp?.field ?? bodyTimestamp?.formField;
  return field === undefined ? window : `${window}, by the body's ${code(field)}`;
}

function identityOf({ definition: { identity } }: DefinedScheme, [form]: readonly SignatureRule[]): string {
  if (identity === 'id') return `signed id, ${code(form?.id?.header ?? '')}`;
  if (identity === 'content') return 'everything that is signed but the time';
  return identity === 'body' ? "the body's bytes" : `the body's ${code(identity.bodyField)}`;
}

const CONFIDENCE = {
  'sender-code': "the sender's code",
  'sender-docs': "the sender's documentation",
  'third-party': 'others',
} as const;
const PROOF = {
  'published-vectors': 'published signatures',
  'sender-library': "the sender's library",
  'formula-only': 'the formula only',
} as const;

/** How sure it is: where it was read, and what it was tested with. */
function confidenceOf(about: SchemeSource | undefined): string {
  const { confidence, testedWith: proof } = about ?? {};
  if (confidence === undefined || proof === undefined) return 'not said';
  return `read in ${CONFIDENCE[confidence]}; tested with ${PROOF[proof]}`;
}

function refusalOf(delivery: DeliveryRules): string {
  const { retries } = delivery;
  const why =
    retries === 'any-failure'
      ? 'every failure is tried again'
      : retries === 'never'
        ? 'nothing is tried again, whatever the status'
        : retries === 'unknown'
          ? 'what is tried again is not documented; 4xx may be final'
          : `only ${retries.join(', ')} are tried again`;
  return `${refusalStatus(delivery)}: ${why}`;
}

function rowOf({ factory, scheme }: (typeof SENDERS)[number]): string {
  const forms = rulesOf(scheme);
  const { about, delivery } = scheme.definition;
  const each = (write: (form: SignatureRule) => string) => [...new Set(forms.map(write))].join(' or ');
  const cells = [
    about?.sender,
    code(`${factory}()`),
    each(algorithmOf),
    forms.map(signatureOf).join(' or '),
    each(contentOf),
    toleranceOf(scheme),
    identityOf(scheme, forms),
    about?.rotation,
    refusalOf(delivery),
    confidenceOf(about),
    about?.sources[0],
  ];
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
}

function detailsOf({ scheme }: (typeof SENDERS)[number]): string {
  const { about } = scheme.definition;
  const list = (title: string, lines: readonly string[] = []) =>
    lines.length === 0 ? [] : [`${title}:`, '', ...lines.map((line) => `- ${line}`), ''];
  return [
    `### ${about?.sender}`,
    '',
    `Rotating: ${about?.rotation}`,
    '',
    ...list('Assumed, not documented', about?.assumptions),
    ...list('Worth knowing', about?.notes),
    ...list('Sources', about?.sources),
  ].join('\n');
}

const TABLE = [
  '| sender | import | algorithm | signature and time | signed content | time window | remembered by | rotation | a signature that no key matches is answered | confidence | source |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ...SENDERS.map(rowOf),
  '',
].join('\n');

// `vitest run -u` on this file writes it.
test('the README of @countersign/schemes holds the table and the details that the definitions make', async () => {
  const readme = readFileSync(README, 'utf8');
  const wanted = withSection(
    withSection(readme, 'senders', TABLE),
    'details',
    SENDERS.map(detailsOf).join('\n'),
  );
  await expect(wanted).toMatchFileSnapshot(fileURLToPath(README));
});

describe.each(SENDERS)('$factory()', ({ factory, scheme }) => {
  test('gives the same scheme every time, and nobody can change it', () => {
    expect(FACTORIES[factory]?.()).toBe(scheme);
    const reachable: unknown[] = [scheme];
    for (const value of reachable) {
      if (typeof value !== 'object' || value === null) continue;
      expect(Object.isFrozen(value)).toBe(true);
      reachable.push(...Object.values(value));
    }
  });

  test('says where its facts come from and what rotating does', () => {
    const { about } = scheme.definition;
    expect(about?.sources.length).toBeGreaterThan(0);
    expect(about?.rotation).toMatch(/\.$/);
    expect(about?.sender).not.toBe('');
  });

  test('says whether its retries fit its identity', () => {
    const { identity, delivery } = scheme.definition;
    // An id that changes with every retry would let each of them run.
    if (identity === 'id') expect(delivery.idStableOverRetries).toBe(true);
    else if (typeof identity === 'object') expect(delivery.idStableOverRetries).not.toBe(false);
  });
});
