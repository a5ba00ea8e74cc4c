import { createHmac, type KeyObject } from 'node:crypto';
import { configError } from '../options.ts';

/** A piece of the signed content: fixed text, or one of the request's parts. */
export type ContentPart = { readonly literal: string } | { readonly name: 'body' | 'timestamp' | 'id' };

/** What stands for the named parts in one request: header text as received. */
export interface ContentTexts {
  timestamp: string;
  id: string;
}

const PLACEHOLDER = /\{([^{}]*)\}/g;

/**
 * Splits a template such as `v0:{timestamp}:{body}` into its parts.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a part that does not exist, or a brace that stands alone.
 */
export function parseContent(template: string): readonly ContentPart[] {
  if (typeof template !== 'string' || template === '')
    throw configError('"signed.content" must be a template such as "{timestamp}.{body}".');
  const parts: ContentPart[] = [];
  let end = 0;
  for (const match of template.matchAll(PLACEHOLDER)) {
    addLiteral(parts, template.slice(end, match.index));
    const name = match[1];
    if (name !== 'body' && name !== 'timestamp' && name !== 'id') {
      throw configError(
        `"signed.content" names the part {${name}}, which does not exist. Parts: {body}, {timestamp}, {id}.`,
      );
    }
    parts.push({ name });
    end = match.index + match[0].length;
  }
  addLiteral(parts, template.slice(end));
  return parts;
}

function addLiteral(parts: ContentPart[], literal: string): void {
  if (literal === '') return;
  if (/[{}]/.test(literal)) throw configError('"signed.content" has a brace that belongs to no part.');
  if (/[^ -~\n]/.test(literal))
    throw configError('"signed.content" has a literal that is not printable ASCII or a newline.');
  parts.push({ literal });
}

/**
 * Makes the function that computes a form's MAC. The template, which holds {body} once, is split here and not per request, and the
 * body is never joined with anything.
 */
export function compileContent(
  hash: string,
  parts: readonly ContentPart[],
): (key: KeyObject, texts: ContentTexts, body: Uint8Array) => Buffer {
  const split = parts.findIndex((part) => 'name' in part && part.name === 'body');
  const before = parts.slice(0, split);
  const after = parts.slice(split + 1);
  return (key, texts, body) => {
    const hmac = createHmac(hash, key);
    // Header text is latin1 in Node and in fetch alike: encoded so, it is the bytes that the sender sent.
    if (before.length > 0) hmac.update(textOf(before, texts), 'latin1');
    hmac.update(body);
    if (after.length > 0) hmac.update(textOf(after, texts), 'latin1');
    return hmac.digest();
  };
}

/**
 * Makes the test whether an id can be read in one way only: with the literals beside it, it must not let the border of the id be
 * seen elsewhere. An id `a.1` before `.1700000000.` would sign like the id `a`.
 */
export function idBorders(parts: readonly ContentPart[]): (id: string) => boolean {
  const at = parts.findIndex((part) => 'name' in part && part.name === 'id');
  const before = literalAt(parts, at - 1);
  const after = literalAt(parts, at + 1);
  return (id) =>
    (before === '' || (before + id).lastIndexOf(before) === 0) &&
    (after === '' || (id + after).indexOf(after) === id.length);
}

function literalAt(parts: readonly ContentPart[], index: number): string {
  const part = parts[index];
  return part !== undefined && 'literal' in part ? part.literal : '';
}

function textOf(parts: readonly ContentPart[], texts: ContentTexts): string {
  let text = '';
  for (const part of parts) {
    if ('literal' in part) text += part.literal;
    else if (part.name !== 'body') text += texts[part.name];
  }
  return text;
}
