import { createHash } from 'node:crypto';
import type { SignatureRule } from '@countersign/core';
import type { ContentPart, ListedHeadersPart } from '@countersign/core/extend';
import type { Draft } from './draft.ts';

type SigningRule = Exclude<SignatureRule, { content?: undefined }>;

/**
 * What a sender signs. Deliberately not the code that verifies, because a mistake in shared code would pass every test.
 *
 * @param secret The key's bytes, for content that contains them.
 */
export function contentOf(rule: SigningRule, draft: Draft, secret: () => Uint8Array): Buffer {
  const template = typeof rule.content === 'string' ? rule.content : rule.content[0];
  // Everything that changes the delivery must come before everything that reads it.
  for (const [, name = ''] of template.matchAll(/\{([^{}]*)\}/g)) fillIn(name, draft, rule);
  if (rule.bodyDigest !== undefined && !draft.query.has(rule.bodyDigest.query)) {
    const { hash, encoding, query } = rule.bodyDigest;
    draft.addQuery(query, createHash(hash).update(draft.body).digest(encoding));
  }
  const chunks: Buffer[] = [];
  for (const piece of template.split(/(\[[^\]]*\])/)) {
    const optional = piece.startsWith('[');
    const parts = (optional ? piece.slice(1, -1) : piece).split(/(\{[^{}]*\})/).map((text) => {
      const name = /^\{(.*)\}$/.exec(text)?.[1];
      return name === undefined ? Buffer.from(text, 'latin1') : partOf(name, rule, draft, secret);
    });
    if (parts.some((part) => part === undefined)) {
      if (optional) continue;
      throw new TypeError('A part of the signed content is missing.');
    }
    chunks.push(...parts.flatMap((part) => part ?? []));
  }
  return Buffer.concat(chunks);
}

function fillIn(name: string, draft: Draft, rule: SigningRule): void {
  const [kind, ...rest] = name.split(':');
  const of = rest.join(':');
  const optional =
    typeof rule.content === 'string' && /\[[^\]]*\]/.exec(rule.content)?.[0].includes(`{${name}}`) === true;
  if (optional) return;
  if (kind === 'field') draft.signedField(of);
  else if (kind === 'formField') draft.signedFormField(of);
  else if (kind === 'header') draft.headers[of] ??= crypto.randomUUID();
  else if ((kind === 'query' || kind === 'lowerQuery') && !draft.query.has(of))
    draft.addQuery(of, crypto.randomUUID());
}

function partOf(name: string, rule: SigningRule, draft: Draft, secret: () => Uint8Array): Buffer | undefined {
  const [kind, ...rest] = name.split(':');
  const of = rest.join(':');
  switch (kind) {
    case 'body':
      return draft.body;
    case 'secret':
      return Buffer.from(secret());
    case 'timestamp':
      return latin1(draft.timestamp);
    case 'id':
      return latin1(draft.id);
    case 'method':
      return latin1(draft.method);
    case 'url':
      return latin1(signedUrl(rule, draft));
    case 'baseUrl':
      return latin1(signedUrl(rule, draft).split('?')[0]);
    case 'path':
      return latin1(signedUrl(rule, draft).slice(new URL(draft.url).origin.length) || '/');
    case 'header':
      return latin1(draft.headers[of]);
    case 'entry':
      return latin1(listedText(rule, draft));
    case 'query':
      return latin1(draft.givenUrl === undefined ? undefined : (draft.query.get(of) ?? undefined));
    case 'lowerQuery':
      return latin1(
        draft.givenUrl === undefined ? undefined : (draft.query.get(of)?.toLowerCase() ?? undefined),
      );
    case 'field':
      return utf8(draft.signedField(of));
    case 'formField':
      return utf8(draft.signedFormField(of));
    case 'canonicalJson':
      return utf8(canonical(draft.json));
    default:
      return declaredPart(rule.parts?.[name], draft);
  }
}

function declaredPart(part: ContentPart | undefined, draft: Draft): Buffer | undefined {
  if (part === undefined) return undefined;
  if ('digest' in part) {
    const digest = createHash(part.digest).update(draft.body).digest();
    return part.encoding === 'binary' ? digest : latin1(digest.toString(part.encoding));
  }
  if ('fields' in part) {
    return utf8(part.fields.map((path) => String(draft.field(path) ?? '')).join(part.join));
  }
  if ('sorted' in part) {
    const text = part.sorted === 'query' ? new URL(draft.url).search.slice(1) : draft.body.toString('utf8');
    const pairs =
      part.text === 'as-received'
        ? text
            .split('&')
            .filter(Boolean)
            .map((pair) => [pair.split('=')[0] ?? '', pair.split('=').slice(1).join('=')] as const)
        : [...new URLSearchParams(text)];
    const kept = pairs.filter(([name]) => part.omit?.includes(name) !== true);
    kept.sort(([a, x], [b, y]) =>
      a < b ? -1 : a > b ? 1 : part.unique !== true ? 0 : x < y ? -1 : x > y ? 1 : 0,
    );
    const written = kept.map(([name, value]) => {
      const text =
        part.replace === undefined
          ? value
          : [...value]
              .map((each) => (part.replace?.characters.includes(each) === true ? part.replace.with : each))
              .join('');
      return part.pair.replace('{name}', () => name).replace('{value}', () => text);
    });
    return utf8((part.unique === true ? [...new Set(written)] : written).join(part.join ?? ''));
  }
  const names = namesOf(part, draft);
  if ('header' in part.listedHeaders) draft.headers[part.listedHeaders.header] = names.join(part.separator);
  return latin1(
    names
      .map((name) =>
        part.pair.replace('{name}', () => name).replace('{value}', () => draft.headers[name] ?? ''),
      )
      .join(part.join),
  );
}

/** The list of signed headers as the signature writes it. */
export function listedText(rule: SignatureRule, draft: Draft): string | undefined {
  const part = listedPart(rule);
  return part && namesOf(part, draft).join(part.separator);
}

/** The part of a rule that lists headers. */
export function listedPart(rule: SignatureRule): ListedHeadersPart | undefined {
  for (const part of Object.values(rule.parts ?? {})) if ('listedHeaders' in part) return part;
  return undefined;
}

/** The headers that the signature covers: those that the scheme requires, and those that are present. */
function namesOf({ allow, require: required }: ListedHeadersPart, draft: Draft): string[] {
  return allow.filter((name) => required?.includes(name) === true || draft.headers[name] !== undefined);
}

function signedUrl(rule: SigningRule, draft: Draft): string {
  const { decode } = rule.url ?? {};
  return decode === undefined
    ? draft.url
    : draft.url.replace(/%[0-9A-F]{2}/gi, (encoded) => {
        const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
        return decode.includes(character) ? character : encoded;
      });
}

function canonical(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`).join()}}`;
}

function latin1(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'latin1');
}
function utf8(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}
