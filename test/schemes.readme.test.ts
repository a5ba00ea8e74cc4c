import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DefinedScheme, type DeliveryRules, refusalStatus, type SignedForm } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';

const README = new URL('../packages/schemes/README.md', import.meta.url);
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

function formsOf({ definition: { signed } }: DefinedScheme): readonly SignedForm[] {
  return 'signature' in signed ? [signed] : signed;
}

/** How a signature header looks: `acme-signature: t=<s>,v1=<hex>`. */
function signatureOf({ signature, timestamp }: SignedForm): string {
  const { list, prefix = '', encoding } = signature;
  const value = `${list?.label ?? ''}${list?.assign ?? ''}${prefix}<${encoding}>`;
  const item =
    timestamp?.item === undefined ? '' : `${timestamp.item}=<${timestamp.unit}>${list?.separator ?? ''}`;
  const own = timestamp?.header === undefined ? [] : [code(`${timestamp.header}: <${timestamp.unit}>`)];
  return [code(`${String(signature.header)}: ${item}${value}`), ...own].join(' with ');
}

function toleranceOf({ definition: { bodyTime }, freshness }: DefinedScheme): string {
  if (freshness.signed === 'none') return 'no time is signed';
  const { past, future } = freshness;
  const seconds = (count: number) => `${count.toLocaleString('en')} s`;
  const window = past === future ? seconds(past) : `${seconds(past)} back, ${seconds(future)} ahead`;
  return bodyTime === undefined ? window : `${window}, by the body's ${code(bodyTime.field)}`;
}

function identityOf({ definition: { identity } }: DefinedScheme, [form]: readonly SignedForm[]): string {
  if (identity === 'id') return `signed id, ${code(form?.id?.header ?? '')}`;
  return identity === 'body' ? "the body's bytes" : `the body's ${code(identity.bodyField)}`;
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
  const forms = formsOf(scheme);
  const { about, delivery } = scheme.definition;
  const contents = [...new Set(forms.map(({ content }) => code(content)))];
  const cells = [
    about?.sender,
    code(`${factory}()`),
    forms.map(signatureOf).join(' or '),
    contents.join(' or '),
    toleranceOf(scheme),
    identityOf(scheme, forms),
    refusalOf(delivery),
  ];
  return `| ${cells.join(' | ')} |`;
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
  '| sender | factory | signature and time | signed content | time window | remembered by | a signature that no key matches is answered |',
  '| --- | --- | --- | --- | --- | --- | --- |',
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
    // A signed id that changes with every retry would let each of them run.
    if (identity === 'id') expect(delivery.idStableOverRetries).toBe(true);
    else expect(delivery.idStableOverRetries).not.toBe(false);
  });
});
