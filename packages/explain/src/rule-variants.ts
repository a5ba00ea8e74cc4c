import {
  type DefinedScheme,
  defineScheme,
  type Scheme,
  type SchemeDefinition,
  type SignatureRule,
} from '@countersign/core';
import type { HashName, TimeUnit } from '@countersign/core/extend';
import type { Finding } from './cause.ts';
import { definitionOf, rulesOfScheme, signsOfBody } from './rule-facts.ts';
import type { Variant } from './trials.ts';

type SchemeVariant = Variant<DefinedScheme>;
type SigningRule = Exclude<SignatureRule, { content?: undefined }>;
type Encoding = SigningRule['signature']['encoding'];

const HASHES: readonly HashName[] = ['sha256', 'sha1', 'sha512', 'sha384', 'md5'];
const ENCODINGS: readonly Encoding[] = ['hex-any', 'base64', 'base64url'];
const UNITS: readonly TimeUnit[] = ['s', 'ms', 'iso', 'iso-utc', 'http-date'];
const PREFIXES = [
  '',
  'sha256=',
  'sha1=',
  'sha512=',
  'sha384=',
  'md5=',
  'v1=',
  'v0=',
  'v1,',
  'hmac ',
  'HMAC ',
];
/** What senders sign, in the words of the scheme language. */
const CONTENTS = [
  '{body}',
  '{timestamp}.{body}',
  '{timestamp}{body}',
  '{timestamp}:{body}',
  '{body}{timestamp}',
  '{body}.{timestamp}',
  'v0:{timestamp}:{body}',
  'v1:{timestamp}:{body}',
  '{id}.{timestamp}.{body}',
  '{timestamp}.{id}.{body}',
  '{id}{timestamp}{body}',
  '{id}.{body}',
  '{timestamp}',
  '{url}{body}',
  '{body}{url}',
  '{url}',
  '{method}{url}{body}',
  '{method}{url}{body}{timestamp}',
];

/** Schemes are compiled once: a definition has about a hundred variants. */
const compiled = new WeakMap<object, readonly SchemeVariant[]>();

/** The same scheme with another encoding, hash function, unit of time or content. */
export function ruleVariants(scheme: Scheme<unknown>): readonly SchemeVariant[] {
  const definition = definitionOf(scheme);
  if (definition === undefined) return [];
  const known = compiled.get(definition);
  if (known !== undefined) return known;
  const variants = rulesOfScheme(scheme).flatMap((rule) => [...variantsOf(definition, rule)]);
  compiled.set(definition, variants);
  return variants;
}

function* variantsOf(definition: SchemeDefinition, rule: SignatureRule): Generator<SchemeVariant> {
  if (rule.content === undefined) return;
  yield* units(definition, rule);
  yield* signatures(definition, rule);
  yield* contents(definition, rule);
}

/** The same scheme with another unit of the signed time. */
export function unitVariants(scheme: Scheme<unknown>): readonly SchemeVariant[] {
  const definition = definitionOf(scheme);
  if (definition === undefined) return [];
  return rulesOfScheme(scheme).flatMap((rule) =>
    rule.content === undefined ? [] : [...units(definition, rule)],
  );
}

function* units(definition: SchemeDefinition, rule: SigningRule): Generator<SchemeVariant> {
  const { bodyTimestamp } = definition;
  const finding = (unit: string): Finding => ({
    code: 'timestamp-unit',
    message: `The signed time is ${UNIT_NAMES[unit]}, but the scheme reads it as ${UNIT_NAMES[(rule.timestamp ?? bodyTimestamp)?.unit ?? ''] ?? 'another unit'}.`,
    evidence: { unit },
  });
  if (rule.timestamp !== undefined)
    for (const unit of UNITS) {
      if (unit === rule.timestamp.unit) continue;
      yield* tried(definition, { ...rule, timestamp: { ...rule.timestamp, unit } }, [finding(unit)]);
    }
  if (bodyTimestamp !== undefined)
    for (const unit of ['s', 'ms', 'iso'] as const) {
      if (unit === bodyTimestamp.unit) continue;
      yield* tried({ ...definition, bodyTimestamp: { ...bodyTimestamp, unit } }, rule, [finding(unit)]);
    }
}

const UNIT_NAMES: Readonly<Record<string, string>> = {
  s: 'in seconds',
  ms: 'in milliseconds',
  's-or-ms': 'in seconds or milliseconds',
  iso: 'ISO 8601 text',
  'iso-utc': 'ISO 8601 text without a time zone',
  'http-date': 'a date as in HTTP headers',
};

/** Other hash functions, encodings and texts before the signature, and two of them at once. */
function* signatures(definition: SchemeDefinition, rule: SigningRule): Generator<SchemeVariant> {
  const { signature } = rule;
  const own = signature.encoding;
  const encodings = [
    own,
    ...ENCODINGS.filter((each) => each !== own && !(each === 'hex-any' && own === 'hex-upper')),
  ];
  const prefixes =
    signature.list === undefined ? [...new Set([signature.prefix ?? '', ...PREFIXES])] : [undefined];
  for (const algorithm of algorithms(rule))
    for (const encoding of encodings)
      for (const prefix of prefixes) {
        const findings = [
          ...(algorithm.finding === undefined ? [] : [algorithm.finding]),
          ...(encoding === own ? [] : [encodingFinding(encoding, own)]),
          ...(prefix === undefined || prefix === (signature.prefix ?? '') ? [] : [prefixFinding(prefix)]),
        ];
        if (findings.length === 0) continue;
        const { prefix: _, ...place } = signature;
        const changed = {
          ...rule,
          algorithm: algorithm.value,
          signature: { ...place, encoding, ...(prefix === undefined || prefix === '' ? {} : { prefix }) },
        } as SigningRule;
        yield* tried(definition, changed, findings);
      }
}

function encodingFinding(encoding: Encoding, own: Encoding): Finding {
  const name = encoding === 'hex-any' ? 'hex' : encoding;
  return {
    code: 'signature-encoding',
    message:
      name === 'hex' && own.startsWith('hex')
        ? 'The signature is right, but its hex digits are in the other case.'
        : `The signature is right, but it is written as ${name}, not as ${own}.`,
    evidence: { encoding: name },
  };
}

function prefixFinding(prefix: string): Finding {
  return {
    code: 'signature-encoding',
    message:
      prefix === ''
        ? 'The signature is right, but the text that the scheme expects before it is missing.'
        : `The signature is right, but "${prefix}" is before it.`,
    evidence: { prefix: prefix === '' ? 'none' : prefix },
  };
}

function algorithms({ algorithm }: SigningRule): { value: SigningRule['algorithm']; finding?: Finding }[] {
  const finding = (hash: string): Finding => ({
    code: 'signature-algorithm',
    message: `The signature was made with ${hash}, which is not the hash function of this scheme.`,
    evidence: { algorithm: hash },
  });
  const others = (own: string) => HASHES.filter((hash) => hash !== own);
  if ('hmac' in algorithm)
    return [
      { value: algorithm },
      ...others(algorithm.hmac).map((hmac) => ({ value: { hmac }, finding: finding(`HMAC-${hmac}`) })),
    ];
  if (!('publicKey' in algorithm))
    return [
      { value: algorithm },
      ...others(algorithm.hash).map((hash) => ({ value: { hash }, finding: finding(hash) })),
    ];
  if (algorithm.publicKey === 'rsa')
    return [
      { value: algorithm },
      ...(['sha1', 'sha256', 'sha384', 'sha512'] as const)
        .filter((hash) => hash !== algorithm.hash)
        .map((hash) => ({ value: { ...algorithm, hash }, finding: finding(`RSA with ${hash}`) })),
    ];
  if (algorithm.publicKey === 'ecdsa-p256') {
    const format = algorithm.format === 'der' ? 'p1363' : 'der';
    return [
      { value: algorithm },
      {
        value: { ...algorithm, format },
        finding: {
          code: 'signature-encoding',
          message: `The signature is right, but its two numbers are in the format ${format}, not ${algorithm.format}.`,
          evidence: { format },
        },
      },
    ];
  }
  return [{ value: algorithm }];
}

function* contents(definition: SchemeDefinition, rule: SigningRule): Generator<SchemeVariant> {
  const own = [rule.content].flat();
  const isHash = 'hash' in rule.algorithm && !('publicKey' in rule.algorithm);
  for (const template of CONTENTS) {
    const content = isHash ? `{secret}${template}` : template;
    if (own.includes(content)) continue;
    if (content.includes('{timestamp}') && rule.timestamp === undefined) continue;
    if (content.includes('{id}') && rule.id === undefined) continue;
    const { timestamp, id, parts: _parts, bodyDigest: _digest, url, ...rest } = rule;
    const changed = {
      ...rest,
      content,
      ...(content.includes('{timestamp}') && timestamp !== undefined ? { timestamp } : {}),
      ...(content.includes('{id}') && id !== undefined ? { id } : {}),
      ...(content.includes('{url}') && url !== undefined ? { url } : {}),
    } as SigningRule;
    yield* tried(definition, changed, [
      {
        code: 'signed-content',
        message: `The signature covers ${content.replace('{secret}', '(the secret)')}, but the scheme says ${own.join(' or ').replace('{secret}', '(the secret)')}.`,
        evidence: { content },
      },
    ]);
  }
}

/** Compiles a definition with one changed rule. Without what says nothing about the signature, most changes are well-formed. */
function* tried(
  { name, secret, delivery, bodyTimestamp, multipartField }: SchemeDefinition,
  rule: SigningRule,
  findings: readonly Finding[],
): Generator<SchemeVariant> {
  const { requiredHeaders: _headers, when: _when, safeBecause: _why, ...signed } = rule;
  const compile = (reason: { safeBecause?: string }) =>
    defineScheme({
      name,
      secret,
      delivery,
      signed: { ...signed, ...reason },
      identity: 'content',
      ...(bodyTimestamp === undefined || !signsOfBody(rule) ? {} : { bodyTimestamp }),
      ...(multipartField === undefined ? {} : { multipartField }),
    } as never);
  // A definition must state a reason exactly if its content is ambiguous. Not every combination is a scheme.
  const value = attempt(() => compile({})) ?? attempt(() => compile({ safeBecause: 'It is only tried.' }));
  if (value !== undefined) yield { value, findings };
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
